//! Any bytes in a macaroon: no panic, and whoever it names stands in it.

#![no_main]

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use libfuzzer_sys::fuzz_target;
use thalamus::matrix::{Caller, Token};

// What the fuzzer writes: whole packets, with lengths that are right, and bytes behind them.
fuzz_target!(|input: (Vec<&[u8]>, &[u8])| {
    let (contents, rest) = input;
    let mut bytes = b"0017location hs.test.x\n".to_vec();
    for content in contents {
        bytes.extend_from_slice(format!("{:04x}", content.len() + 5).as_bytes());
        bytes.extend_from_slice(content);
        bytes.push(b'\n');
    }
    bytes.extend_from_slice(rest);
    let text = URL_SAFE_NO_PAD.encode(&bytes);
    if let Caller::User(user) = Caller::of(Token::new(text.as_bytes())) {
        let caveat = [b"cid user_id = @", user.shown()].concat();
        assert!(bytes.windows(caveat.len()).any(|part| part == caveat));
    }
});
