//! Any X-Matrix header: no panic, and the server it names is a name that stands in it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use thalamus::matrix::{Authorization, Caller, Key};

fuzz_target!(|value: &[u8]| {
    let header = [b"X-Matrix ", value].concat();
    if let Caller::Server(name) = Caller::new(Authorization::One(&header), "") {
        assert!(!name.is_empty() && name.is_ascii());
        assert!(
            value
                .windows(name.len())
                .any(|part| part == name.as_bytes())
        );
        let upper = name.to_uppercase();
        assert_eq!(Key::Origin(name).hash(), Key::Origin(&upper).hash());
    }
});
