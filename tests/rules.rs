//! What the admin's own rules decide, and what they leave to the table.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

use std::{net::IpAddr, sync::Arc};

use thalamus::{
    config,
    proxy::{Asked, Door, Explanation, Peer, decide, explain},
    route::State,
};

const POOLS: &str = "
listeners: [{address: 127.0.0.1:8080}]
pools:
  main: {workers: ['127.0.0.1:1']}
  creators: {serves: [event_creator], workers: ['127.0.0.1:2', '127.0.0.1:3']}
  readers: {serves: [client_reader, messages], workers: ['127.0.0.1:4', '127.0.0.1:5']}
  typing: {serves: [typing], workers: ['127.0.0.1:6']}
  media: {serves: [media], workers: ['127.0.0.1:7']}
  sso: {serves: [sso, rendezvous], workers: [{name: b, address: '127.0.0.1:8'}, {name: a, address: '127.0.0.1:9'}]}
  own: {serves: [user_directory], workers: ['127.0.0.1:10', '127.0.0.1:11']}
";

const ALICE: &str = "Bearer syt_YWxpY2U_QwErTyUiOpAsDfGhJkLz_3gUfi4";

fn state(more: &str) -> State {
    let settings = config::parse(&format!("{POOLS}{more}"), []).unwrap();
    State::new(&settings.pools, settings.limits).with_policy(settings.policy)
}

fn asked(method: &str, target: &str) -> Asked {
    Asked {
        method: method.into(),
        target: target.into(),
        headers: vec![("Authorization".into(), ALICE.into())],
        client: [192, 0, 2, 1].into(),
    }
}

fn explained(state: &State, method: &str, target: &str) -> Explanation {
    explain(state, &[], &asked(method, target)).unwrap()
}

/// The pool asked first, and the rule that said so.
fn pool(state: &State, method: &str, target: &str) -> (String, Option<String>) {
    let explained = explained(state, method, target);
    (explained.pool.unwrap_or_default(), explained.rule)
}

#[test]
fn the_first_rule_that_fits_decides() {
    let state = state(
        "rules:
  - {name: one, room: '!r:hs', method: GET, pool: own}
  - {name: two, room: ['!r:hs', '!v12'], pool: main}
  - {name: three, path: ^/_matrix/client/v3/sync$, pool: readers}",
    );
    for (method, target, pool_name, rule) in [
        (
            "GET",
            "/_matrix/client/v3/rooms/!r:hs/messages",
            "own",
            Some("one"),
        ),
        (
            "HEAD",
            "/_matrix/client/v3/rooms/!r:hs/messages",
            "own",
            Some("one"),
        ),
        (
            "GET",
            "/_matrix/client/v3/rooms/%21r%3ahs/messages?dir=b",
            "own",
            Some("one"),
        ),
        (
            "PUT",
            "/_matrix/client/v3/rooms/!r:hs/send/m.x/1",
            "main",
            Some("two"),
        ),
        (
            "GET",
            "/_matrix/client/v3/rooms/!v12/messages",
            "main",
            Some("two"),
        ),
        (
            "GET",
            "/_matrix/client/v3/rooms/!r:hs2/messages",
            "readers",
            None,
        ),
        (
            "GET",
            "/_matrix/client/v3/sync?since=1",
            "readers",
            Some("three"),
        ),
        ("GET", "/_matrix/client/r0/sync?since=1", "readers", None),
        ("POST", "/_matrix/client/v3/createRoom", "creators", None),
    ] {
        assert_eq!(
            pool(&state, method, target),
            (pool_name.into(), rule.map(Into::into)),
            "{method} {target}"
        );
    }
}

#[test]
fn a_rule_for_a_room_leaves_what_its_pool_cannot_answer() {
    let state = state("rules: [{room: '!r:hs', pool: own}]");
    for (method, target, pool_name) in [
        (
            "PUT",
            "/_matrix/client/v3/rooms/!r:hs/typing/@alice:hs",
            "typing",
        ),
        (
            "POST",
            "/_matrix/client/v3/rooms/!r:hs/receipt/m.read/$e",
            "main",
        ),
        ("POST", "/_matrix/client/v3/rooms/!r:hs/forget", "main"),
        ("GET", "/_matrix/federation/v1/state/!r:hs", "main"),
        ("GET", "/_matrix/client/v3/rooms/!r:hs/members", "own"),
    ] {
        assert_eq!(
            pool(&state, method, target).0,
            pool_name,
            "{method} {target}"
        );
    }
}

#[test]
fn naming_the_group_is_the_admins_word_that_the_pool_can() {
    let rule = |group: &str| {
        state(&format!(
            "rules: [{{room: '!r:hs', group: {group}, pool: own}}]"
        ))
    };
    let target = "/_matrix/federation/v1/state/!r:hs";
    assert_eq!(pool(&rule("federation_reader"), "GET", target).0, "own");
    assert_eq!(pool(&rule("sync"), "GET", target).0, "main");
}

#[test]
fn a_path_that_the_table_does_not_know_goes_where_the_rule_says_and_nowhere_else() {
    let state = state("rules: [{path: ^/_matrix/identity/, pool: own}]");
    let explained = explained(&state, "GET", "/_matrix/identity/v2/account");
    assert_eq!(explained.pool.as_deref(), Some("own"));
    assert!(explained.fallback.is_empty(), "main answers 404 to it");
}

#[test]
fn behind_a_rules_pool_stand_those_of_the_table() {
    let state = state("rules: [{room: '!r:hs', pool: own}]");
    let explained = explained(&state, "PUT", "/_matrix/client/v3/rooms/!r:hs/send/m.x/1");
    assert_eq!(explained.fallback, ["creators", "readers", "main"]);
    assert_eq!((explained.key, explained.candidates.len()), ("room", 2));
    assert!(
        explained
            .why
            .starts_with("Rule rules[0] asks pool own, placed by room !r:hs")
    );
}

#[test]
fn what_is_never_passed_on_stays_so() {
    let state = state("rules: [{path: ^/, pool: own}]");
    for target in [
        "/_synapse/replication/x",
        "/_synapse/metrics",
        "/_synapse/%6detrics",
    ] {
        let explained = explained(&state, "GET", target);
        assert_eq!(
            (explained.pool, explained.rule, explained.reason),
            (None, None, "REFUSED")
        );
    }
}

#[test]
fn users_servers_addresses_and_headers_narrow_a_rule() {
    let target = "/_matrix/client/v3/joined_rooms";
    for (rule, fits) in [
        ("user: alice", true),
        ("user: '@alice:example.org'", true),
        ("user: [bob, alice]", true),
        ("user: alic", false),
        ("client: 192.0.2.0/24", true),
        ("client: [10.0.0.0/8, '2001:db8::/32']", false),
        ("header: {x-client: '^a'}", true),
        ("header: {X-Client: '^b'}", false),
        ("header: {X-Client: a, X-Other: ''}", false),
        ("server: example.org", false),
        (
            "group: client_reader, method: [GET, POST], user: alice",
            true,
        ),
        ("group: client_reader, method: POST", false),
    ] {
        let state = state(&format!("rules: [{{{rule}, pool: own}}]"));
        let mut asked = asked("GET", target);
        asked.headers.push(("X-Client".into(), "abc".into()));
        let pool = explain(&state, &[], &asked).unwrap().pool.unwrap();
        assert_eq!(pool == "own", fits, "{rule}");
    }
    let federation = state("rules: [{server: Example.ORG, refuse: {}}]");
    let mut asked = asked("PUT", "/_matrix/federation/v1/send/1");
    asked.headers = vec![(
        "Authorization".into(),
        "X-Matrix origin=\"eXample.org\",key=k".into(),
    )];
    assert_eq!(explain(&federation, &[], &asked).unwrap().reason, "REFUSED");
    asked.headers = vec![(
        "Authorization".into(),
        "X-Matrix origin=\"other.org\",key=k".into(),
    )];
    assert_eq!(explain(&federation, &[], &asked).unwrap().reason, "OK");
}

#[test]
fn a_rule_may_place_by_another_key() {
    let state = state("rules: [{group: event_creator, pool: creators, key: user}]");
    let explained = explained(&state, "PUT", "/_matrix/client/v3/rooms/!r:hs/send/m.x/1");
    assert_eq!(
        (explained.key, explained.key_value.as_deref()),
        ("user", Some("alice"))
    );
}

#[test]
fn refusals_and_maintenance_ask_no_pool() {
    let state = state(
        "rules: [{name: no, path: /search$, refuse: {status: 451, errcode: M_NO}}, {name: later, maintenance: {}}]",
    );
    let no = explained(&state, "POST", "/_matrix/client/v3/search");
    assert_eq!((no.pool, no.worker, no.reason), (None, None, "REFUSED"));
    assert_eq!(no.why, "Rule no answers 451 M_NO without a worker.");
    let later = explained(&state, "GET", "/_matrix/client/v3/sync");
    assert_eq!(
        (later.rule.as_deref(), later.reason),
        (Some("later"), "MAINTENANCE")
    );
}

#[test]
fn a_canary_takes_its_share_of_the_users_whatever_they_ask() {
    let state = state("rules: [{canary: {pool: own, percent: 20}}]");
    let is_in = |user: usize, target: &str| {
        use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
        let mut asked = asked("GET", target);
        let name = STANDARD_NO_PAD.encode(format!("user{user}"));
        // A macaroon or opaque token would do as well; this one has no checksum to get right.
        asked.headers = vec![("Authorization".into(), format!("Bearer mat_{name}"))];
        explain(&state, &[], &asked).unwrap().pool.as_deref() == Some("own")
    };
    let count = (0..1000)
        .filter(|user| is_in(*user, "/_matrix/client/v3/joined_rooms"))
        .count();
    assert!((150..250).contains(&count), "{count}");
    for user in 0..100 {
        let whoami = is_in(user, "/_matrix/client/v3/account/whoami");
        assert_eq!(is_in(user, "/_matrix/client/v3/profile/@bob:hs"), whoami);
    }
}

#[test]
fn mas_gets_exactly_what_its_router_answers() {
    let with = state("mas: {address: '127.0.0.1:12'}");
    let without = state("");
    for (method, target, to_mas, pool_without) in [
        ("GET", "/_matrix/client/v3/login", true, "readers"),
        ("POST", "/_matrix/client/r0/login", true, "readers"),
        ("POST", "/_matrix/client/unstable/login", true, "readers"),
        ("POST", "/_matrix/client/v9/login", true, "main"),
        ("POST", "/_matrix/client/api/v1/login", false, "readers"),
        ("POST", "/_matrix/client/v1/login/get_token", false, "main"),
        ("POST", "/_matrix/client/v3/logout", true, "main"),
        ("POST", "/_matrix/client/v3/logout/all", true, "main"),
        ("POST", "/_matrix/client/v3/logout/", false, "main"),
        ("POST", "/_matrix/client/v3/refresh", true, "main"),
        ("GET", "/_matrix/client/v3/login/sso/redirect", true, "sso"),
        (
            "GET",
            "/_matrix/client/v3/login/sso/redirect/google",
            true,
            "sso",
        ),
        ("GET", "/_matrix/client/v3/login/cas/ticket", false, "sso"),
        ("POST", "/_matrix/client/v3/register", false, "readers"),
        ("GET", "/_matrix/client/v3/sync?since=1", false, "readers"),
    ] {
        assert_eq!(
            pool(&without, method, target).0,
            pool_without,
            "{method} {target}"
        );
        let explained = explained(&with, method, target);
        let wanted = if to_mas { "mas" } else { pool_without };
        assert_eq!(explained.pool.as_deref(), Some(wanted), "{method} {target}");
        assert!(
            !to_mas || explained.fallback.is_empty(),
            "{method} {target}"
        );
    }
}

#[test]
fn what_mas_calls_is_open_to_the_networks_allowed() {
    let reason = |more: &str, client: &str, target: &str| {
        let client: IpAddr = client.parse().unwrap();
        let asked = Asked {
            client,
            ..asked("POST", target)
        };
        explain(&state(more), &[], &asked).unwrap().reason
    };
    let target = "/_synapse/mas/provision_user";
    assert_eq!(reason("", "127.0.0.1", target), "OK");
    assert_eq!(reason("", "192.0.2.1", target), "REFUSED");
    let mas = "mas: {address: '127.0.0.1:12', allow: [192.0.2.0/24]}";
    assert_eq!(reason(mas, "192.0.2.1", target), "OK");
    assert_eq!(reason(mas, "127.0.0.1", target), "REFUSED");
}

#[test]
fn what_lives_in_one_process_stays_on_one_worker() {
    let state = state("");
    let worker = |client: [u8; 4], method: &str, target: &str| {
        let asked = Asked {
            client: client.into(),
            ..asked(method, target)
        };
        explain(&state, &[], &asked).unwrap()
    };
    let first = worker(
        [192, 0, 2, 1],
        "GET",
        "/_matrix/client/v3/login/sso/redirect",
    );
    assert_eq!(
        (first.pool.as_deref(), first.candidates.len()),
        (Some("sso"), 2)
    );
    for host in 0..50 {
        for (method, target) in [
            ("GET", "/_matrix/client/v3/login/sso/redirect/google"),
            ("GET", "/_synapse/client/oidc/callback?code=1"),
            (
                "POST",
                "/_matrix/client/unstable/org.matrix.msc4108/rendezvous",
            ),
            ("PUT", "/_synapse/client/rendezvous/abc"),
        ] {
            let other = worker([10, 0, 0, host], method, target);
            assert_eq!(other.worker, first.worker, "{method} {target}");
        }
    }
}

#[test]
fn the_worker_of_one_process_does_not_depend_on_the_order_of_the_list() {
    let turned = POOLS.replace(
        "[{name: b, address: '127.0.0.1:8'}, {name: a, address: '127.0.0.1:9'}]",
        "[{name: a, address: '127.0.0.1:9'}, {name: b, address: '127.0.0.1:8'}]",
    );
    assert_ne!(turned, POOLS);
    let settings = config::parse(&turned, []).unwrap();
    let turned = State::new(&settings.pools, settings.limits).with_policy(settings.policy);
    let target = "/_synapse/client/oidc/callback";
    assert_eq!(
        explained(&turned, "GET", target).candidates,
        explained(&state(""), "GET", target).candidates
    );
}

#[test]
fn deciding_by_rules_allocates_nothing() {
    let state = state(
        "rules:
  - {path: '^/_matrix/client/v3/rooms/[^/]+/(send|state)/', header: {User-Agent: '(?i)bot'}, pool: own}
  - {room: '!other', pool: own}
  - {user: alice, canary: {pool: own, percent: 1}}
  - {path: sync, server: example.org, refuse: {}}",
    );
    let head = format!(
        "PUT /_matrix/client/v3/rooms/%21r%3Ahs/send/m.room.message/1 HTTP/1.1\r\nHost: hs\r\n\
         User-Agent: Robot\r\nAuthorization: {ALICE}\r\n\r\n"
    );
    let door = Arc::new(Door::open());
    let run = || {
        thalamus::http1::Request::read(head.as_bytes(), |request| {
            let peer = Peer::direct([127, 0, 0, 1].into(), &door);
            let decision = decide(&state, &request, &peer);
            std::hint::black_box(decision.plan.reach);
        })
        .unwrap();
    };
    run();
    let counted = allocation_counter::measure(run);
    assert_eq!(counted.count_total, 0);
}
