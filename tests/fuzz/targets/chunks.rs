//! Any body in any pieces: no panic, no matter where it is cut, and its own bytes make the same body again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use thalamus::http1::{Body, BodyFault, Framing};

#[derive(Debug, PartialEq)]
struct Read {
    used: usize,
    payload: Vec<u8>,
    is_whole: bool,
    fault: Option<BodyFault>,
}

fuzz_target!(|input: (Option<u16>, Vec<&[u8]>)| {
    let (length, pieces) = input;
    let framing = length.map_or(Framing::Chunked, |length| Framing::Length(length.into()));
    let bytes = pieces.concat();
    let whole = read(framing, &[&bytes]);
    let parts = read(framing, &pieces);
    // Which of two faults is told depends on the cut.
    assert_eq!(whole.fault.is_some(), parts.fault.is_some());
    if whole.fault.is_none() {
        assert_eq!(whole, parts);
        assert!(whole.used == bytes.len() || whole.is_whole);
        assert_eq!(read(framing, &[&bytes[..whole.used]]), whole);
    }
});

/// Reads piece after piece, as a connection does, with a limit that small inputs can pass.
fn read(framing: Framing, pieces: &[&[u8]]) -> Read {
    let mut body = Body::new(framing, 1000);
    let mut read = Read {
        used: 0,
        payload: vec![],
        is_whole: body.is_whole(),
        fault: None,
    };
    for piece in pieces {
        match body.advance(piece, |part| read.payload.extend_from_slice(part)) {
            Ok(used) => read.used += used,
            Err(fault) => read.fault = Some(fault),
        }
        read.is_whole = body.is_whole();
        if read.is_whole || read.fault.is_some() {
            break;
        }
    }
    if read.fault.is_none() {
        assert_eq!(body.payload(), read.payload.len() as u64);
    }
    read
}
