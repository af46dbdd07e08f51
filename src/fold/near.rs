//! Waiting for several things at a time that lie apart in memory.
//!
//! What is larger than a cache is waited for whenever a part of it is looked at. A processor waits for several parts at a
//! time when nothing else is done in between: whoever has many to look at closely first glances at some of them together.

use std::hint::black_box;

/// How many things are waited for together.
pub(super) const TOGETHER: usize = 16;

/// Waits for all of some words, each of which lies beside what is needed soon.
#[inline]
pub(super) fn wait_for(words: impl Iterator<Item = u64>) {
    black_box(words.fold(0, u64::wrapping_add));
}
