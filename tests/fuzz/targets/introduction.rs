//! Any start of a connection behind a TCP load balancer: no panic, and a header ends at one place only.

#![no_main]

use libfuzzer_sys::fuzz_target;
use thalamus::front::introduction;

// What the fuzzer writes: either version's start, or none.
fuzz_target!(|input: (Option<bool>, &[u8])| {
    let (version2, rest) = input;
    let start: &[u8] = match version2 {
        Some(true) => b"\r\n\r\n\0\r\nQUIT\n",
        Some(false) => b"PROXY ",
        None => b"",
    };
    let bytes = [start, rest].concat();
    let Ok(Some((client, used))) = introduction::parse(&bytes) else {
        return;
    };
    let again = introduction::parse(&bytes[..used]);
    assert_eq!(again.ok().flatten(), Some((client, used)));
    for end in 0..used {
        let part = introduction::parse(&bytes[..end]);
        assert_eq!(part.ok(), Some(None), "{end} of {used} bytes");
    }
});
