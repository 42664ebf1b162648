//! One reading and one writing buffer per thread, lent for as long as no await stands between.

use std::cell::RefCell;

/// Bytes that one read can bring.
pub const INPUT: usize = 64 * 1024;

thread_local! {
    static IN: RefCell<Box<[u8]>> = RefCell::new(vec![0; INPUT].into());
    static OUT: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(2 * INPUT));
}

/// Lends the reading buffer.
///
/// # Panics
/// When it is lent already.
pub fn with_input<T>(f: impl FnOnce(&mut [u8]) -> T) -> T {
    IN.with_borrow_mut(|input| f(input))
}

/// Lends the writing buffer, empty.
///
/// # Panics
/// When it is lent already.
pub fn with_output<T>(f: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    OUT.with_borrow_mut(|output| {
        output.clear();
        f(output)
    })
}
