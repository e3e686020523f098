//! A bound on the memory that one input may cost: an allocation beyond it fails, which ends the process, and libFuzzer keeps the input.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The system's allocator with a bound. libFuzzer's own memory is not Rust's and does not count.
struct Bounded;

#[global_allocator]
static ALLOCATOR: Bounded = Bounded;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static LIMIT: AtomicUsize = AtomicUsize::new(usize::MAX);

/// Counts `size` bytes; false if they are too many.
fn take(size: usize) -> bool {
    let before = IN_USE.fetch_add(size, Relaxed);
    // The report of a panic takes what it needs.
    if before.saturating_add(size) <= LIMIT.load(Relaxed) || std::thread::panicking() {
        return true;
    }
    IN_USE.fetch_sub(size, Relaxed);
    // This ends the process; the report of it takes what it needs, too.
    LIMIT.store(usize::MAX, Relaxed);
    false
}

// SAFETY: every call is passed on to the system's allocator unchanged, or refused with null, which the contract allows.
unsafe impl GlobalAlloc for Bounded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !take(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !take(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !take(size) {
            return std::ptr::null_mut();
        }
        IN_USE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

/// Runs `work`, which may have no more than `bytes` in use at any time beyond what is in use now.
pub fn at_most<R>(bytes: usize, work: impl FnOnce() -> R) -> R {
    LIMIT.store(IN_USE.load(Relaxed).saturating_add(bytes), Relaxed);
    let result = work();
    LIMIT.store(usize::MAX, Relaxed);
    result
}

/// Runs `work` on input of `len` bytes: a constant, and `factor` bytes for every byte of the input.
pub fn in_proportion<R>(len: usize, factor: usize, work: impl FnOnce() -> R) -> R {
    at_most(BASE + factor * len, work)
}

/// What tables and buffers may take that have a bound of their own.
const BASE: usize = 4 << 20;
