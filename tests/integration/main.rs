//! Tests of the program as a whole, through the library and through the binary.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by where it stopped"
)]

mod conformance;
mod support;
