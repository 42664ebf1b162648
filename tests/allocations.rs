//! Deciding allocates nothing, whatever the request; what is known of tokens takes little.

use thalamus::{
    identity::Tokens,
    matrix::{Authorization, Caller, Key, Localpart, Method, Release, UserHash, classify},
};

const TARGETS: [(&str, &str); 9] = [
    (
        "GET",
        "/_matrix/client/v3/sync?since=s1&timeout=30000&filter=0",
    ),
    (
        "GET",
        "/_matrix/client/v3/sync?%73ince=s1;access%5Ftoken=mat%5Fabc",
    ),
    ("GET", "/_matrix/client/v3/rooms/%21r%3Ahs/messages?dir=b"),
    (
        "PUT",
        "/_matrix/client/v3/rooms/!r:hs/send/m.room.message/t1",
    ),
    ("GET", "/_matrix/client/v3/profile/%40alice%3Ahs"),
    ("PUT", "/_matrix/federation/v1/send/1700000000"),
    ("GET", "/_matrix/federation/v1/state/!r:hs?event_id=$e"),
    ("GET", "/_matrix/client/v1/media/download/hs/id"),
    ("GET", "/nowhere/at/all/a/b/c/d/e/f/g/h/i/j/k"),
];

const CALLERS: [Authorization<'static>; 5] = [
    Authorization::None,
    Authorization::One(b"Bearer syt_YWxpY2U_QwErTyUiOpAsDfGhJkLz_3gUfi4"),
    Authorization::One(b"Bearer mat_QwErTyUiOpAsDfGhJkLz"),
    Authorization::One(b"X-Matrix origin=\"Example.ORG\",key=\"k\",sig=\"s\""),
    Authorization::Several(b"Bearer x"),
];

fn decide(tokens: &Tokens) -> u64 {
    let client = [192, 0, 2, 1].into();
    let mut sum = 0u64;
    for (method, target) in TARGETS {
        for authorization in CALLERS {
            let call = classify(Release::NEWEST, Method::from(method), target);
            let mut caller = Caller::new(authorization, call.query);
            tokens.recognise(&mut caller);
            let key = Key::new(&call, &caller, client);
            sum = sum.wrapping_add(key.hash().unwrap_or_default());
        }
    }
    sum
}

#[test]
fn deciding_allocates_nothing() {
    let tokens = Tokens::default();
    let user = UserHash::from(&Localpart::new(b"alice").expect("a localpart"));
    tokens.learn(b"mat_QwErTyUiOpAsDfGhJkLz", user);
    decide(&tokens);
    let counted = allocation_counter::measure(|| {
        std::hint::black_box(decide(&tokens));
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn a_million_known_tokens_take_less_than_100_mb() {
    let tokens = Tokens::default();
    let counted = allocation_counter::measure(|| {
        for number in 0..1_000_000_u64 {
            tokens.learn(&number.to_le_bytes(), UserHash::new(number));
        }
    });
    println!(
        "{} bytes for a million tokens, {} at most while they came",
        counted.bytes_current, counted.bytes_max
    );
    assert!(counted.bytes_max < 100_000_000, "{counted:?}");
    let known = |number: &u64| {
        let header = [b"Bearer ", &number.to_le_bytes()[..]].concat();
        let mut caller = Caller::new(Authorization::One(&header), "");
        tokens.recognise(&mut caller);
        caller.user() == Some(UserHash::new(*number))
    };
    assert!([1, 499_999, 999_999].iter().all(known));
}
