//! A progress bar for long reads, on stderr, when both streams are terminals.

use std::io::IsTerminal;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::pipeline::Progress;

/// A read that is done sooner shows no bar.
const PATIENCE: Duration = Duration::from_millis(700);

/// Time between two looks.
const TICK: Duration = Duration::from_millis(100);

/// Runs a function and shows how far it has come: bytes, spans a second, time left.
pub(super) fn shown<T>(quiet: bool, f: impl FnOnce(&Progress) -> T) -> T {
    let progress = Progress::default();
    if quiet || !std::io::stderr().is_terminal() || !std::io::stdout().is_terminal() {
        return f(&progress);
    }
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(&progress));
        let result = f(&progress);
        progress.done.store(true, Ordering::Relaxed);
        // The watcher only draws; whether it ended well changes nothing.
        let _ = watcher.join();
        result
    })
}

fn watch(progress: &Progress) {
    let begin = Instant::now();
    let mut bar: Option<ProgressBar> = None;
    while !progress.done.load(Ordering::Relaxed) {
        std::thread::park_timeout(TICK);
        let elapsed = begin.elapsed();
        if elapsed < PATIENCE {
            continue;
        }
        let total = progress.total.load(Ordering::Relaxed);
        let bar = bar.get_or_insert_with(|| new_bar(total));
        bar.set_position(progress.bytes.load(Ordering::Relaxed));
        let spans = progress.spans.load(Ordering::Relaxed) as f64 / elapsed.as_secs_f64();
        bar.set_message(format!("{:.1} M spans/s", spans / 1e6));
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}

fn new_bar(total: u64) -> ProgressBar {
    let (bar, template) = if total > 0 {
        (
            ProgressBar::new(total),
            "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {msg}, {eta} left",
        )
    } else {
        (
            ProgressBar::no_length(),
            "{spinner} {bytes} {bytes_per_sec} {msg}",
        )
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
