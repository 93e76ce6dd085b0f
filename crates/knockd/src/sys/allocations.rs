//! How often a thread asks for memory, for tests.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

/// The system's allocator, which counts.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// How often this thread asks for memory, or for more of it, while it does this.
pub(crate) fn count<T>(does: impl FnOnce() -> T) -> (u64, T) {
    let before = COUNT.get();
    let result = does();
    (COUNT.get() - before, result)
}

fn note() {
    // A thread that ends has no count any more.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

// SAFETY: all is left to the system's allocator, and the count takes no memory of its own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: what the caller has promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: what the caller has promised.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note();
        // SAFETY: what the caller has promised.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: what the caller has promised.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    #[test]
    fn every_way_to_get_memory_counts() {
        let mut list = vec![1_u8];
        assert_eq!(count(|| black_box(Box::new(1))).0, 1);
        assert_eq!(count(|| black_box(vec![0_u8; 4096])).0, 1);
        assert_eq!(count(|| black_box(&mut list).reserve_exact(100)).0, 1);
        assert_eq!(count(|| drop(black_box(list))).0, 0);
    }
}
