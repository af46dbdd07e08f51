//! Tests of the program as a whole, through the library and through the binary.
#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by where it stopped"
)]

mod adoption;
mod bounds;
mod budgets;
mod cascades;
mod cli;
mod conformance;
mod critical_path;
mod declared;
mod dice;
mod diff;
mod documents;
mod formats;
mod gate;
mod guards;
mod hubs;
mod order;
mod otlp;
mod output;
mod places;
mod policy;
mod published;
mod readme;
mod recorded;
mod recount;
mod shop;
mod simulate;
mod support;
mod topology_file;
