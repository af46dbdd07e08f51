//! Asking for memory before it is needed.
//!
//! What is larger than a cache is waited for whenever a part of it is looked at, and nothing else is done meanwhile. Whoever
//! has many things to look at closely asks for some of them first: by the time the first is looked at the others are on
//! their way. Nothing follows from asking but that looking is sooner; on processors other than x86-64 nothing is asked for.

/// How many things are asked for together: enough to take longer than memory does, few enough to stay in the nearest cache.
pub const TOGETHER: usize = 32;

/// Asks for the cache line in which something begins.
#[inline(always)]
pub fn ask_for<T>(of: &T) {
    #[cfg(target_arch = "x86_64")]
    safe_arch::prefetch_t0(of);
    #[cfg(not(target_arch = "x86_64"))]
    let _ = of;
}
