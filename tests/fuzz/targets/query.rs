//! Any query of a sync: no panic, and the row is one of those for syncs.

#![no_main]

use libfuzzer_sys::fuzz_target;
use thalamus::matrix::{Authorization, Group, Method, Release, classify, token};

fuzz_target!(|query: &str| {
    let target = format!("/_matrix/client/v3/sync?{query}");
    let call = classify(Release::NEWEST, Method::Get, &target);
    assert!(
        matches!(call.group, Group::Sync | Group::InitialSync),
        "{call:?}"
    );
    assert_eq!(call.query, query);
    if let Some(token) = token(Authorization::None, query) {
        assert!(query.contains('='));
        assert!(!token.bytes().is_empty());
    }
});
