//! Measures how much memory a piece of code has in use at most.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, counting for every thread on its own, so that tests running beside each other do not disturb.
pub(crate) struct Meter;

thread_local! {
    static IN_USE: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

fn grow(size: usize) {
    let in_use = IN_USE.get().wrapping_add(size);
    IN_USE.set(in_use);
    // A thread that frees what another has allocated is below zero.
    if in_use < usize::MAX / 2 {
        PEAK.set(PEAK.get().max(in_use));
    }
}

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Meter {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        IN_USE.set(IN_USE.get().wrapping_sub(layout.size()));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(ptr, layout) }
    }
}

/// The most memory, in bytes, that `f` had in use at any time, beyond what was in use before.
pub(crate) fn peak_of<T>(f: impl FnOnce() -> T) -> (usize, T) {
    IN_USE.set(0);
    PEAK.set(0);
    let value = f();
    (PEAK.get(), value)
}
