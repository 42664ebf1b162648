//! Any method and path: no panic, and a room is one key in any spelling.

#![no_main]

use libfuzzer_sys::fuzz_target;
use thalamus::matrix::{Authorization, Caller, Key, Method, Release, classify};

fuzz_target!(|input: (&str, &str)| {
    let (method, target) = input;
    let call = classify(Release::NEWEST, Method::from(method), target);
    let caller = Caller::new(Authorization::None, call.query);
    let key = Key::new(&call, &caller, [192, 0, 2, 1].into());
    std::hint::black_box((key.hash(), format!("{call:?} {key:?} {key}")));
    if let Some(room) = call
        .room
        .filter(|room| room.len() < 100 && !room.contains('%'))
    {
        let spelt: String = room.bytes().map(|byte| format!("%{byte:02x}")).collect();
        assert_eq!(Key::Room(room).hash(), Key::Room(&spelt).hash());
    }
});
