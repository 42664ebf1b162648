//! Any text as configuration, also behind one that is sound: no panic, and every fault says where and what.

#![no_main]

use libfuzzer_sys::fuzz_target;
use thalamus::config;

const SOUND: &str =
    "listeners: [{address: 127.0.0.1:1}]\npools: {main: {workers: [127.0.0.1:2]}}\n";

fuzz_target!(|input: (bool, &str)| {
    let (behind, text) = input;
    // Registration files are read; the fuzzer would name devices that never end.
    if text.contains("appservices") || text.contains('\\') {
        return;
    }
    let text = match behind {
        true => format!("{SOUND}{text}"),
        false => text.to_owned(),
    };
    let Err(faults) = config::parse(&text, []) else {
        return;
    };
    assert!(!faults.is_empty());
    assert!(faults.iter().all(|fault| !fault.message.is_empty()));
    // Only what is said of the file as a whole has no key, and then nothing else is said.
    let is_placed = faults.iter().all(|fault| !fault.path.is_empty());
    assert!(is_placed || faults.len() == 1, "{faults:?}");
});
