//! Tests of what topple says against what really happened.
//!
//! The [`simulator`] lets a story of services happen and knows the truth; topple reads the spans that these services would have exported.
//! Each file tests one thing that topple says: the service graph in [`calls`] and [`graph`], and every failure pass in a file of its
//! name. To add one:
//!
//! 1. Choose a story of `simulator::scenarios`, or tell a new one there.
//! 2. Write `tests/truth/<pass>.rs` and name it below. A test runs the story, reads its report with [`support::report`], and compares
//!    findings ([`support::findings`]) with fields of the run's `truth`.
//! 3. A number that the truth does not know yet is counted in `simulator/truth.rs`, from the log of events and never from spans.
//!
//! A story has a few hundred to a few thousand requests, so that all of them take seconds without optimisation.
#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by where it stopped"
)]

#[path = "../simulator/mod.rs"]
mod simulator;

mod calls;
mod causality;
mod circuit_breakers;
mod clock_skew;
mod common_cause;
mod concurrency;
mod deferrable;
mod diff;
mod graph;
mod gray_failure;
mod healthy;
mod hedging;
mod locality;
mod losses;
mod lost_updates;
mod metastability;
mod origins;
mod phantoms;
mod physics;
mod places;
mod retries;
mod sagas;
mod sequential_calls;
mod simulate;
mod stories;
mod support;
mod versions;
