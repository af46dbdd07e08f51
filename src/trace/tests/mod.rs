//! The linking rules on drawings: one file per area.

mod tree;

mod pairing;

mod nested;

mod messages;

mod entries;

mod retries;

mod path;

mod slack;

mod clocks;

pub(crate) mod random;
