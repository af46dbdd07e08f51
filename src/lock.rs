//! Locks.
//!
//! A thread that panics while it holds one leaves it poisoned. A release ends with the panic; where a test goes on, what is
//! behind the lock is looked at as it was left.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Returns what is behind a lock, once no other thread is at it.
#[inline]
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns what was behind a lock that no other thread can be at any more.
pub fn alone<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}
