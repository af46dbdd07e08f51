//! Fits a power law to the counts of a file, for comparison with other programs, and times it.
//!
//! ```text
//! cargo bench --bench power_law -- FILE [REPLICATES]
//! ```
//!
//! The file holds positive whole numbers, one a line. Prints `name value` lines: the fit, the share of synthetic data
//! sets that fit worse, and how other distributions compare; `benches/peers/powerlaw.py` makes such files of published
//! data and compares. Without a file there is nothing to do.

#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

use std::fs;
use std::io;
use std::time::Instant;

use topple::algo::powerlaw::{Counts, fit, goodness};
use topple::algo::rivals::compare;
use topple::algo::verdict::verdict;

fn main() -> io::Result<()> {
    // Cargo adds `--bench` on its own.
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench");
    let Some(file) = arguments.next() else {
        return Ok(());
    };
    let replicates = arguments
        .next()
        .and_then(|count| count.parse().ok())
        .unwrap_or(1_000);
    let counts: Vec<u64> = fs::read_to_string(file)?
        .lines()
        .filter_map(|line| line.trim().parse().ok())
        .collect();
    let counts = Counts::new(&counts);
    println!("n {}", counts.len());
    let start = Instant::now();
    let Some(law) = fit(&counts) else {
        println!("verdict insufficient data");
        return Ok(());
    };
    println!("fit_seconds {:.6}", start.elapsed().as_secs_f64());
    println!("alpha {:.9}", law.alpha);
    println!("xmin {}", law.xmin);
    println!("n_tail {}", law.n_tail);
    println!("distance {:.9}", law.distance);
    println!("ln_likelihood {:.6}", law.ln_likelihood);
    let comparisons = compare(&counts, &law);
    for found in &comparisons {
        let name = found.rival.name().replace(' ', "_");
        println!("{name}_ratio {:.6}", found.ratio);
        println!("{name}_p {:.6}", found.p);
        println!("{name}_degenerate {}", found.degenerate);
    }
    if replicates > 0 {
        let p = goodness(&counts, &law, replicates, 1);
        println!("p {p:.4}");
        let judged = verdict(counts.len(), Some(p), &comparisons);
        println!("verdict {}", judged.words());
    }
    Ok(())
}
