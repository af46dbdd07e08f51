//! Finds the files, decompresses them, and hands out blocks and records.
//!
//! It alone opens trace files, and it knows no format: a format says how its content is cut ([`Framing`]).

pub mod record;

pub use record::{Framing, PAD, Record};
