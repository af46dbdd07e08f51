//! Makes a corpus for benchmarks and says how fast.
//!
//! `cargo bench --bench corpus -- --spans 1000000 --out PREFIX` writes `PREFIX.jsonl`, `PREFIX.pb` and the edges that must be
//! found in them, `PREFIX.truth.csv`. Further options: `--services 200`, `--seed 1`, `--sampled`. Without `--out` nothing
//! is kept.

#![expect(clippy::print_stdout, reason = "a benchmark prints its numbers")]

#[path = "generate.rs"]
mod generate;

use generate::{Made, Options, generate};
use std::fs::File;
use std::io::{self, Write};
use std::time::Instant;

fn main() -> io::Result<()> {
    let mut options = Options {
        spans: 100_000,
        services: 200,
        seed: 1,
        sampled: false,
    };
    let mut out = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--spans" => options.spans = number(&argument, arguments.next())?,
            "--services" => options.services = number(&argument, arguments.next())? as usize,
            "--seed" => options.seed = number(&argument, arguments.next())?,
            "--sampled" => options.sampled = true,
            "--out" => {
                out = Some(
                    arguments
                        .next()
                        .ok_or_else(|| usage("--out needs a prefix"))?,
                )
            }
            "--bench" => {}
            other => return Err(usage(&format!("expected an option, found {other}"))),
        }
    }

    let start = Instant::now();
    let made = match &out {
        Some(prefix) => {
            let mut json = File::create(format!("{prefix}.jsonl"))?;
            let mut protobuf = File::create(format!("{prefix}.pb"))?;
            generate(&options, &mut json, &mut protobuf)?
        }
        None => generate(&options, &mut io::sink(), &mut io::sink())?,
    };
    let seconds = start.elapsed().as_secs_f64();
    if let Some(prefix) = &out {
        write_truth(&made, &mut File::create(format!("{prefix}.truth.csv"))?)?;
    }
    println!(
        "{} spans, {} edges, {seconds:.2} s, {:.2} million spans/s",
        made.spans,
        made.edges.len(),
        made.spans as f64 / 1e6 / seconds,
    );
    Ok(())
}

fn write_truth(made: &Made, out: &mut dyn Write) -> io::Result<()> {
    let mut text = "caller,callee,kind,calls,errors\n".to_owned();
    for edge in &made.edges {
        text += &format!(
            "{},{},{},{},{}\n",
            edge.caller, edge.callee, edge.kind, edge.calls, edge.errors
        );
    }
    out.write_all(text.as_bytes())
}

fn number(option: &str, value: Option<String>) -> io::Result<u64> {
    let value = value.unwrap_or_default();
    value.parse().map_err(|_| {
        usage(&format!(
            "expected a number after {option}, found {value:?}"
        ))
    })
}

fn usage(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
