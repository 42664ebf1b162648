//! Any answer of a worker: no panic, and what is written for the client is a head that reads the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use thalamus::http1::{Framing, Response, Version};

fuzz_target!(|input: (bool, &[u8])| {
    let (to_head, bytes) = input;
    let written = Response::read(bytes, to_head, |response| {
        assert!(response.len <= bytes.len());
        assert!(!response.keep_alive || response.framing != Framing::UntilClose);
        let mut out = Vec::new();
        response.write(Version::Http11, !response.keep_alive, &mut out);
        (out, response.status, response.framing)
    });
    let Ok((out, status, framing)) = written else {
        return;
    };
    let again = Response::read(&out, to_head, |response| {
        assert_eq!((response.status, response.framing), (status, framing));
        response.len
    });
    // Two fields may have been added to the most that a head can have.
    assert!(
        again == Ok(out.len()) || bytes.iter().filter(|&&byte| byte == b'\n').count() > 98,
        "{:?}",
        String::from_utf8_lossy(&out)
    );
});
