//! Any body of a sliding sync, in any pieces: no panic, no matter where it is cut, and of JSON it says what JSON says.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};
use thalamus::matrix::PollBody;

fuzz_target!(|pieces: Vec<&[u8]>| {
    let (mut whole, mut parts) = (PollBody::default(), PollBody::default());
    let body = pieces.concat();
    whole.read(&body);
    pieces.iter().for_each(|piece| parts.read(piece));
    assert_eq!(format!("{whole:?}"), format!("{parts:?}"));
    let Ok(json) = serde_json::from_slice::<Map<String, Value>>(&body) else {
        return;
    };
    assert!(whole.is_read());
    assert_eq!(
        whole.is_first(),
        !json.get("pos").is_some_and(Value::is_string)
    );
    // `1e3` and `-0` are numbers that JSON's reader takes for none or zero.
    let is_plain = json.get("timeout").is_none_or(|value| value.is_u64());
    let millis = json.get("timeout").and_then(Value::as_u64);
    let timeout = whole.timeout().map(|timeout| timeout.as_millis() as u64);
    assert!(!is_plain || timeout == millis, "{timeout:?} {millis:?}");
});
