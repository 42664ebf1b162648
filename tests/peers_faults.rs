//! What the peers get wrong (found in their sources and configurations): each test would fail there. The letters are
//! those of the list of faults in the project's notes.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

use thalamus::{
    config,
    http1::Request,
    matrix::{Group, Method, Reach, Release, classify},
    proxy::{Asked, Explanation, explain},
    route::State,
};

const POOLS: &str = "
listeners: [{address: 127.0.0.1:8080}]
pools:
  main: {workers: ['127.0.0.1:1']}
  sync: {serves: [sync], workers: [{name: a, address: '127.0.0.1:2'}, {name: b, address: '127.0.0.1:3'}, {name: c, address: '127.0.0.1:4'}]}
  initial: {serves: [initial_sync], workers: ['127.0.0.1:5']}
  creators: {serves: [event_creator, messages], workers: [{name: a, address: '127.0.0.1:6'}, {name: b, address: '127.0.0.1:7'}, {name: c, address: '127.0.0.1:8'}]}
  inbound: {serves: [federation_inbound], workers: [{name: a, address: '127.0.0.1:9'}, {name: b, address: '127.0.0.1:10'}, {name: c, address: '127.0.0.1:11'}]}
";

fn state(text: &str) -> State {
    let settings = config::parse(text, []).unwrap();
    State::new(&settings.pools, settings.limits)
}

fn asked(state: &State, method: &str, target: &str, header: &str, client: &str) -> Explanation {
    let asked = Asked {
        method: method.into(),
        target: target.into(),
        headers: vec![("Authorization".into(), header.into())],
        client: client.parse().unwrap(),
    };
    explain(state, &[], &asked).unwrap()
}

/// The header of a user; the name is base64 of the localpart, the end its checksum.
const USERS: [&str; 2] = [
    "Bearer syt_YWxpY2U_QwErTyUiOpAsDfGhJkLz_3gUfi4",
    "Bearer MDA",
];

#[test]
fn a_creating_rooms_is_placed_by_user_and_not_by_a_word_of_the_path() {
    let state = state(POOLS);
    let create = "/_matrix/client/v3/createRoom";
    let first = asked(&state, "POST", create, USERS[0], "192.0.2.1");
    assert_eq!(
        (first.key, first.key_value.as_deref()),
        ("user", Some("alice"))
    );
    let workers = (0..30).map(|n| {
        let header = format!("Bearer opaque{n}");
        asked(&state, "POST", create, &header, "192.0.2.1").candidates[0].clone()
    });
    let workers: std::collections::HashSet<String> = workers.collect();
    assert_eq!(workers.len(), 3, "all creators create rooms");
}

#[test]
fn b_servers_behind_one_ingress_are_told_apart_and_one_with_many_addresses_is_one() {
    let state = state(POOLS);
    let send = |origin: &str, client: &str| {
        let header = format!("X-Matrix origin=\"{origin}\",key=\"k\",sig=\"s\"");
        let send = "/_matrix/federation/v1/send/1";
        asked(&state, "PUT", send, &header, client).candidates
    };
    assert_eq!(
        send("one.example", "192.0.2.1"),
        send("ONE.example", "2001:db8::1")
    );
    let behind_one = (0..30).map(|n| send(&format!("s{n}.example"), "192.0.2.1")[0].clone());
    let workers: std::collections::HashSet<String> = behind_one.collect();
    assert_eq!(workers.len(), 3);
}

#[test]
fn c_users_stay_when_the_list_of_workers_turns() {
    let turned = POOLS.replace(
        "[{name: a, address: '127.0.0.1:2'}, {name: b, address: '127.0.0.1:3'}, {name: c, address: '127.0.0.1:4'}]",
        "[{name: c, address: '127.0.0.1:2'}, {name: a, address: '127.0.0.1:3'}, {name: b, address: '127.0.0.1:4'}]",
    );
    assert_ne!(turned, POOLS);
    let (before, after) = (state(POOLS), state(&turned));
    for n in 0..50 {
        let header = format!("Bearer opaque{n}");
        let sync = |state| {
            asked(
                state,
                "GET",
                "/_matrix/client/v3/sync?since=1",
                &header,
                "192.0.2.1",
            )
            .candidates
        };
        assert_eq!(sync(&before), sync(&after));
    }
}

/// What a worker gets of a head.
fn written(head: &str) -> String {
    let mut out = vec![];
    Request::read(head.as_bytes(), |request| request.write(&mut out)).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn d_a_token_is_passed_on_where_it_stood_and_nowhere_else() {
    let head =
        "GET /_matrix/client/v3/sync HTTP/1.1\r\nHost: hs\r\nAuthorization: Bearer secret\r\n\r\n";
    let written = written(head);
    assert_eq!(written.matches("secret").count(), 1, "{written}");
    assert!(written.contains("\r\nAuthorization: Bearer secret\r\n"));
}

#[test]
fn e_only_first_syncs_go_to_the_initial_pool() {
    let state = state(POOLS);
    for (target, pool) in [
        ("/_matrix/client/v3/sync", "initial"),
        (
            "/_matrix/client/v3/sync?since=s1&full_state=true",
            "initial",
        ),
        ("/_matrix/client/v3/sync?since=s1", "sync"),
        ("/_matrix/client/v3/sync?filter=0&since=s1", "sync"),
        ("/_matrix/client/v3/sync?a=b;since=s1", "sync"),
        ("/_matrix/client/v3/sync?since=", "sync"),
        ("/_matrix/client/v3/events?from=s1", "sync"),
        ("/_matrix/client/v3/rooms/!r:hs/initialSync", "initial"),
    ] {
        let explained = asked(&state, "GET", target, USERS[0], "192.0.2.1");
        assert_eq!(explained.pool.as_deref(), Some(pool), "{target}");
    }
}

#[test]
fn f_rooms_without_a_server_in_their_id_are_rooms() {
    let state = state(POOLS);
    let v12 = "/_matrix/client/v3/rooms/!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM/messages";
    let explained = asked(&state, "GET", v12, USERS[0], "192.0.2.1");
    assert_eq!(
        (explained.pool.as_deref(), explained.key),
        (Some("creators"), "room")
    );
    let send = v12.replace("/messages", "/send/m.room.message/1");
    let send = asked(&state, "PUT", &send, USERS[0], "192.0.2.1");
    assert_eq!(send.worker, explained.worker, "one room, one worker");
}

#[test]
fn g_the_host_is_passed_on() {
    let head = "GET /_matrix/media/v3/config HTTP/1.1\r\nHost: matrix.example.org:8448\r\n\r\n";
    let written = written(head);
    assert!(
        written.contains("\r\nHost: matrix.example.org:8448\r\n"),
        "{written}"
    );
}

#[test]
fn h_each_question_for_media_carries_its_own_token_and_its_validator() {
    let head = "GET /_matrix/client/v1/media/download/hs/1 HTTP/1.1\r\nHost: hs\r\n\
                Authorization: Bearer mine\r\nIf-None-Match: \"1\"\r\n\r\n";
    let written = written(head);
    assert!(written.contains("\r\nAuthorization: Bearer mine\r\nIf-None-Match: \"1\"\r\n"));
}

#[test]
fn i_a_user_stays_however_many_others_come() {
    let state = state(POOLS);
    let sync = |header: &str| {
        asked(
            &state,
            "GET",
            "/_matrix/client/v3/sync?since=1",
            header,
            "192.0.2.1",
        )
        .candidates
    };
    let before = sync(USERS[0]);
    for n in 0..2_000 {
        sync(&format!("Bearer opaque{n}"));
    }
    assert_eq!(sync(USERS[0]), before);
}

#[test]
fn j_pages_of_the_fallback_for_authentication_go_to_main() {
    for target in [
        "/_matrix/client/v3/auth/m.login.recaptcha/fallback/web?session=1",
        "/_matrix/client/r0/auth/m.login.terms/fallback/web",
    ] {
        assert_eq!(
            classify(Release::NEWEST, Method::Get, target).reach,
            Reach::Main,
            "{target}"
        );
        assert_eq!(
            classify(Release::NEWEST, Method::Post, target).reach,
            Reach::Main,
            "{target}"
        );
    }
}

#[test]
fn k_what_only_begins_like_a_path_is_another() {
    for target in [
        "/_matrix/client/v3/rooms/!r:hs/send_foo",
        "/_matrix/client/v3/rooms/!r:hs/send/m.x/1/more",
        "/x/_matrix/client/v3/rooms/!r:hs/send/m.x/1",
        "/_matrix/client/v3/sync/",
        "/_MATRIX/client/v3/sync",
    ] {
        assert_eq!(
            classify(Release::NEWEST, Method::Put, target).group,
            Group::Main,
            "{target}"
        );
        assert_eq!(
            classify(Release::NEWEST, Method::Get, target).group,
            Group::Main,
            "{target}"
        );
    }
}
