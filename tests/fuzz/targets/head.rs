//! Any request head: no panic, and what is written for the worker is a head that reads the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use thalamus::http1::Request;

fuzz_target!(|bytes: &[u8]| {
    let written = Request::read(bytes, |request| {
        assert!(request.len <= bytes.len());
        let mut out = Vec::new();
        request.write(&mut out);
        out.extend_from_slice(b"\r\n");
        (
            out,
            request.method.to_owned(),
            request.target.to_owned(),
            request.framing,
        )
    });
    let Ok((out, method, target, framing)) = written else {
        return;
    };
    let again = Request::read(&out, |request| {
        assert_eq!((request.method, request.target), (&*method, &*target));
        assert_eq!(request.framing, framing);
    });
    // HTTP/1.0 needs no Host, and what the worker gets has one field more.
    let is_full = out.len() > 16_000 || out.iter().filter(|&&byte| byte == b'\n').count() > 100;
    assert!(
        again.is_ok() || is_full,
        "{:?}",
        String::from_utf8_lossy(&out)
    );
});
