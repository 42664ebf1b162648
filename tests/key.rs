//! What requests are placed by: alike where it should be, the same on every machine.

use std::{collections::HashSet, net::IpAddr};

use proptest::prelude::*;
use thalamus::matrix::{
    Authorization, Call, Caller, Key, KeyKind, Localpart, Method, Release, UserHash, classify,
    token,
};

const BEARER: Authorization<'static> =
    Authorization::One(b"Bearer syt_YWxpY2U_QwErTyUiOpAsDfGhJkLz_3gUfi4");
const OPAQUE: Authorization<'static> = Authorization::One(b"Bearer mat_abc");
const SERVER: Authorization<'static> = Authorization::One(b"X-Matrix origin=Example.ORG,key=k");
const NONE: Authorization<'static> = Authorization::None;

fn client() -> IpAddr {
    "192.0.2.1".parse().expect("an address")
}

fn call<'a>(method: &str, target: &'a str) -> Call<'a> {
    classify(Release::NEWEST, Method::from(method), target)
}

fn key<'a>(method: &str, target: &'a str, authorization: Authorization<'a>) -> Key<'a> {
    let call = call(method, target);
    Key::new(&call, &Caller::new(authorization, call.query), client())
}

fn hash(method: &str, target: &str, authorization: Authorization<'_>) -> Option<u64> {
    key(method, target, authorization).hash()
}

#[test]
fn hashes_never_change() {
    let token = token(OPAQUE, "").expect("a token");
    let user = Localpart::new(b"alice").expect("a localpart");
    let v6: IpAddr = "2001:db8::1".parse().expect("an address");
    let mapped: IpAddr = "::ffff:192.0.2.1".parse().expect("an address");
    let uri = "/_matrix/federation/v1/state/!r:x?event_id=$e";
    for (key, hash) in [
        (Key::User(user), 0x699b_7243_ff43_b565),
        (Key::Token(token), 0xfb96_c0a8_4cf2_5442),
        (Key::Room("!room:example.org"), 0x6717_5e97_c3b0_6f07),
        (Key::Room("%21room%3Aexample.org"), 0x6717_5e97_c3b0_6f07),
        (Key::Origin("example.org"), 0x453f_4522_eac2_693c),
        (Key::Origin("EXAMPLE.org"), 0x453f_4522_eac2_693c),
        (Key::Client(client()), 0x2562_1f27_f26d_148b),
        (Key::Client(mapped), 0x2562_1f27_f26d_148b),
        (Key::Client(v6), 0x3c1e_86fe_47c8_91a5),
        (Key::Uri(uri), 0x29e4_0d42_87ed_bac9),
        (Key::Media("example.org/abc"), 0x9cb7_b4e6_12db_acb9),
    ] {
        assert_eq!(key.hash(), Some(hash), "{key:?}");
    }
    assert_eq!(Key::None.hash(), None);
}

#[test]
fn kinds_never_share_a_hash() {
    let text = "abc";
    let token = token(Authorization::One(b"Bearer abc"), "").expect("a token");
    let user = Localpart::new(b"abc").expect("a localpart");
    let keys = [
        Key::User(user),
        Key::Token(token),
        Key::Room(text),
        Key::Origin(text),
        Key::Uri(text),
        Key::Media(text),
    ];
    let hashes: HashSet<_> = keys.iter().filter_map(Key::hash).collect();
    assert_eq!(hashes.len(), keys.len());
}

#[test]
fn each_call_has_the_key_of_its_row() {
    fn kind(method: &str, target: &str, authorization: Authorization<'_>) -> KeyKind {
        key(method, target, authorization).kind()
    }
    let sync = "/_matrix/client/v3/sync";
    let federation = "/_matrix/federation/v1";
    for (method, target, authorization, expected) in [
        ("GET", sync.to_owned(), BEARER, KeyKind::User),
        ("GET", sync.to_owned(), OPAQUE, KeyKind::User),
        ("GET", sync.to_owned(), NONE, KeyKind::None),
        ("GET", sync.to_owned(), SERVER, KeyKind::None),
        (
            "POST",
            "/_matrix/client/v3/createRoom".to_owned(),
            BEARER,
            KeyKind::User,
        ),
        (
            "POST",
            "/_matrix/client/v3/join/%23a:hs".to_owned(),
            BEARER,
            KeyKind::Room,
        ),
        (
            "GET",
            "/_matrix/client/v3/joined_rooms".to_owned(),
            BEARER,
            KeyKind::None,
        ),
        (
            "PUT",
            format!("{federation}/send/1"),
            SERVER,
            KeyKind::Origin,
        ),
        ("PUT", format!("{federation}/send/1"), NONE, KeyKind::Client),
        (
            "PUT",
            format!("{federation}/send/1"),
            BEARER,
            KeyKind::Client,
        ),
        (
            "GET",
            format!("{federation}/state/!r:hs?event_id=e"),
            SERVER,
            KeyKind::Uri,
        ),
        (
            "GET",
            "/_matrix/client/v1/media/download/hs/id".to_owned(),
            BEARER,
            KeyKind::Media,
        ),
        (
            "POST",
            "/_matrix/media/v3/upload".to_owned(),
            BEARER,
            KeyKind::None,
        ),
    ] {
        assert_eq!(
            kind(method, &target, authorization),
            expected,
            "{method} {target}"
        );
    }
}

#[test]
fn a_user_is_one_key_wherever_the_name_comes_from() {
    let alice = hash("GET", "/_matrix/client/v3/sync", BEARER);
    assert!(alice.is_some());
    let query = "/_matrix/client/v3/sync?access_token=syt_YWxpY2U_AAAAAAAAAAAAAAA00059_00ZL55";
    assert_eq!(hash("GET", query, NONE), alice);
    for profile in ["@alice:hs", "%40alice%3Ahs", "@alice:other"] {
        let target = format!("/_matrix/client/v3/profile/{profile}");
        assert_eq!(hash("GET", &target, NONE), alice, "{profile}");
    }
    let bob = "/_matrix/client/v3/profile/@bob:hs";
    assert_ne!(hash("GET", bob, BEARER), alice);
}

#[test]
fn a_token_is_one_key_in_header_and_query() {
    let header = hash("GET", "/_matrix/client/v3/sync", OPAQUE);
    for query in ["access_token=mat_abc", "access_token=mat%5Fabc"] {
        let target = format!("/_matrix/client/v3/sync?{query}");
        assert_eq!(hash("GET", &target, NONE), header, "{query}");
    }
}

#[test]
fn rules_may_choose_another_key() {
    let call = call("GET", "/_matrix/client/v3/rooms/!r:hs/members");
    let caller = Caller::new(BEARER, call.query);
    let of = |kind| Key::of(kind, &call, &caller, client()).kind();
    for kind in [KeyKind::User, KeyKind::Room, KeyKind::Client, KeyKind::Uri] {
        assert_eq!(of(kind), kind);
    }
    assert_eq!(of(KeyKind::Origin), KeyKind::Client);
    assert_eq!(of(KeyKind::Media), KeyKind::None);
}

#[test]
fn keys_print_without_tokens() {
    let printed = |target, authorization| {
        let key = key("GET", target, authorization);
        format!("{key} {key:?}")
    };
    assert!(!printed("/_matrix/client/v3/sync", OPAQUE).contains("mat_"));
    let state = "/_matrix/federation/v1/state/!r:hs?access_token=secret";
    assert!(!printed(state, NONE).contains("secret"));
    assert_eq!(
        key("GET", "/_matrix/client/v3/sync", BEARER).to_string(),
        "alice"
    );
}

fn spelt(room: &str, escape: &[bool]) -> String {
    let bytes = room.bytes().zip(escape.iter().cycle());
    bytes
        .map(|(byte, &escape)| match byte {
            b'%' | b'/' | b'?' | 0x80.. => format!("%{byte:02X}"),
            _ if escape => format!("%{byte:02x}"),
            _ => char::from(byte).to_string(),
        })
        .collect()
}

fn room_key(spelling: &str) -> Option<u64> {
    let target = format!("/_matrix/client/v3/rooms/{spelling}/messages");
    hash("GET", &target, NONE)
}

proptest! {
    #[test]
    fn a_room_is_one_key_in_any_spelling(
        room in "[!#][ -~é]{0,200}",
        escape in prop::collection::vec(any::<bool>(), 1..50),
    ) {
        prop_assert_eq!(room_key(&spelt(&room, &escape)), room_key(&spelt(&room, &[false])));
    }

    #[test]
    fn different_rooms_are_different_keys(a in "[ -~]{0,40}", b in "[ -~]{0,40}") {
        let same = room_key(&spelt(&a, &[true])) == room_key(&spelt(&b, &[false]));
        prop_assert_eq!(same, a == b);
    }

    #[test]
    fn a_user_is_one_key_in_any_spelling(
        user in "[ -9;-~é]{1,60}",
        server in "[a-z]{1,9}(:[0-9]{1,5})?",
        escape in prop::collection::vec(any::<bool>(), 1..50),
    ) {
        let known = UserHash::from(&Localpart::new(user.as_bytes()).expect("a localpart"));
        let spelling = spelt(&format!("@{user}:{server}"), &escape);
        for path in ["v3/profile/{}", "v3/user/{}/account_data/m.direct", "r0/user/{}/rooms/!r:hs/tags"] {
            let target = format!("/_matrix/client/{}", path.replace("{}", &spelling));
            prop_assert_eq!(hash("GET", &target, NONE), Some(known.get()), "{}", target);
        }
    }

    #[test]
    fn different_users_are_different_keys(a in "[ -9;-~]{1,40}", b in "[ -9;-~]{1,40}") {
        let of = |user: &str, escape| {
            let spelling = spelt(&format!("@{user}:hs"), &[escape]);
            hash("GET", &format!("/_matrix/client/v3/profile/{spelling}"), NONE)
        };
        prop_assert_eq!(of(&a, true) == of(&b, false), a == b);
    }

    #[test]
    fn media_are_one_key_in_any_spelling_and_at_every_endpoint(
        server in "[a-z0-9.-]{1,60}(:[0-9]{1,5})?",
        id in "[A-Za-z0-9_-]{1,40}",
        escape in prop::collection::vec(any::<bool>(), 1..50),
    ) {
        let media = format!("{}/{}", spelt(&server, &escape), spelt(&id, &escape));
        let known = Key::Media(&format!("{server}/{id}")).hash();
        for path in [
            "media/v3/download/{}",
            "media/r0/download/{}/a%20file.png",
            "media/v3/thumbnail/{}?width=9",
            "client/v1/media/download/{}",
            "client/v1/media/thumbnail/{}?width=9",
        ] {
            let target = format!("/_matrix/{}", path.replace("{}", &media));
            prop_assert_eq!(hash("GET", &target, NONE), known, "{}", target);
        }
    }

    #[test]
    fn different_media_are_different_keys(a in "[a-z.]{1,9}/[A-Za-z0-9_-]{1,9}", b in "[a-z.]{1,9}/[A-Za-z0-9_-]{1,9}") {
        let of = |media: &str| hash("GET", &format!("/_matrix/media/v3/download/{media}"), NONE);
        prop_assert_eq!(of(&a) == of(&b), a == b);
    }

    #[test]
    fn a_server_is_one_key_in_any_spelling(
        name in "[a-z0-9.-]{1,200}(:[0-9]{1,5})?",
        quoted: bool,
        last: bool,
    ) {
        let upper = name.to_uppercase();
        let value = if quoted { format!("\"{upper}\"") } else { upper };
        let header = if last {
            format!("X-Matrix key=\"k\",sig=\"s\", Origin = {value}")
        } else {
            format!("X-Matrix origin={value},key=k,sig=s")
        };
        let seen = hash("PUT", "/_matrix/federation/v1/send/1", Authorization::One(header.as_bytes()));
        prop_assert_eq!(seen, Key::Origin(&name).hash());
    }

    #[test]
    fn different_servers_are_different_keys(a in "[a-z0-9.-]{1,20}", b in "[a-z0-9.-]{1,20}") {
        prop_assert_eq!(Key::Origin(&a).hash() == Key::Origin(&b).hash(), a == b);
    }

    #[test]
    fn a_known_user_is_placed_as_a_named_one(user in "[!-~]{1,60}") {
        let user = Localpart::new(user.as_bytes()).expect("a localpart");
        prop_assert_eq!(Key::Known(UserHash::from(&user)).hash(), Key::User(user).hash());
    }
}
