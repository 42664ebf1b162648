//! Any answer to a login, in any pieces: no panic, and nothing is learned of anyone else's token.

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use thalamus::{
    identity::{Lesson, Tokens},
    matrix::{Caller, Method, Release, Token, classify},
};

fuzz_target!(|pieces: Vec<&[u8]>| {
    let tokens = Arc::new(Tokens::default());
    let call = classify(Release::NEWEST, Method::Post, "/_matrix/client/v3/login");
    let mut lesson =
        Lesson::new(&tokens, Method::Post, &call, &Caller::Nobody).expect("a login teaches");
    if pieces.iter().all(|piece| lesson.hear(piece)) {
        lesson.learn();
    }
    let mut another = Caller::of(Token::new(b"mat_of_somebody_who_never_logged_in"));
    assert!(
        tokens.recognise(&mut another) || pieces.concat().windows(4).any(|part| part == b"mat_")
    );
});
