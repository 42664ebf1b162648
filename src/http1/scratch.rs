//! One reading and one writing buffer per thread, lent for as long as no await stands between.

use std::cell::RefCell;

/// Bytes that one read can bring: no more may have to wait for a slow reader.
pub const INPUT: usize = 64 * 1024;

/// Bytes that one read of a body can bring while its reader keeps up: fewer system calls for large bodies.
const WIDE: usize = 256 * 1024;

thread_local! {
    static IN: RefCell<Box<[u8]>> = RefCell::new(vec![0; WIDE].into());
    static OUT: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(2 * INPUT));
}

/// Lends the reading buffer.
///
/// # Panics
/// When it is lent already.
pub fn with_input<T>(f: impl FnOnce(&mut [u8]) -> T) -> T {
    IN.with_borrow_mut(|input| f(&mut input[..INPUT]))
}

/// Lends the reading buffer for a piece of a body: all of it when `wide`.
///
/// # Panics
/// When it is lent already.
pub fn with_body_input<T>(wide: bool, f: impl FnOnce(&mut [u8]) -> T) -> T {
    let size = if wide { WIDE } else { INPUT };
    IN.with_borrow_mut(|input| f(&mut input[..size]))
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
