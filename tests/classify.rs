//! What requests ask: every endpoint Synapse registers, and the edges of its matching.

use std::time::Duration;

use proptest::prelude::*;
use thalamus::matrix::{Call, Group, Method, Reach, Release, TABLE, classify};

/// What each release serves, by its own registrar (`tests/synapse/registrar`).
const FACTS: [(Release, &str); 2] = [
    (
        Release::new(1, 157),
        include_str!("data/endpoints-1.157.1.txt"),
    ),
    (
        Release::new(1, 163),
        include_str!("data/endpoints-1.163.2.txt"),
    ),
];

fn call<'a>(method: &str, target: &'a str) -> Call<'a> {
    classify(Release::NEWEST, Method::from(method), target)
}

fn groups(cases: &[(&str, &str, Group)]) {
    for (method, target, group) in cases {
        assert_eq!(call(method, target).group, *group, "{method} {target}");
    }
}

/// The calls of the endpoints that such a process serves, in each release, with their lines.
fn served(process: &str) -> Vec<(String, Call<'static>)> {
    let mut calls = vec![];
    for (release, facts) in FACTS {
        for line in facts.lines() {
            let words: Vec<_> = line.split(' ').collect();
            if let [by, method, target] = words[..]
                && by == process
            {
                let call = classify(release, Method::from(method), target);
                calls.push((format!("{release}: {line}: {call:?}"), call));
            }
        }
    }
    assert!(!calls.is_empty(), "{process}");
    calls
}

#[test]
fn the_facts_are_of_the_releases_that_the_table_is_for() {
    assert_eq!(FACTS[0].0, Release::OLDEST);
    assert_eq!(FACTS[FACTS.len() - 1].0, Release::NEWEST);
}

#[test]
fn what_a_worker_serves_goes_to_workers() {
    for (line, call) in served("client") {
        let is_session = call.reach == Reach::OneProcess;
        assert!(
            call.reach == Reach::AnyWorker || is_session || line.contains(" /health"),
            "{line}"
        );
    }
    for (line, call) in served("federation") {
        assert_eq!(call.reach, Reach::Federation, "{line}");
    }
    for (line, call) in served("media") {
        assert_eq!(call.reach, Reach::Media, "{line}");
    }
}

#[test]
fn what_only_a_writer_serves_goes_to_it() {
    for (line, call) in served("writer") {
        assert_eq!(call.reach, Reach::Writer, "{line}");
    }
}

#[test]
fn what_only_main_serves_goes_to_main() {
    for (line, call) in served("main") {
        let is_session = call.group == Group::Rendezvous;
        assert!(call.reach == Reach::Main || is_session, "{line}");
    }
}

#[test]
fn what_workers_answer_500_goes_to_main() {
    for (line, call) in served("broken") {
        assert_eq!(call.reach, Reach::Main, "{line}");
    }
}

#[test]
fn endpoints_come_and_go_with_releases() {
    let delayed = "/_matrix/client/unstable/org.matrix.msc4140/delayed_events/d";
    let issuer = "/_matrix/client/unstable/org.matrix.msc2965/auth_issuer";
    for (target, from, to) in [(delayed, 161, u16::MAX), (issuer, 0, 161)] {
        for minor in [0, 157, 160, 161, 163, 400] {
            let call = classify(Release::new(1, minor), Method::Get, target);
            let expected = (from..to).contains(&minor);
            assert_eq!(call.group != Group::Main, expected, "1.{minor}: {target}");
        }
    }
}

#[test]
fn every_group_has_a_row() {
    for group in Group::ALL {
        let elsewhere = matches!(group, Group::Main | Group::Refused | Group::Mount);
        assert!(
            elsewhere || TABLE.iter().any(|row| row.group == group),
            "{group}"
        );
    }
}

#[test]
fn first_and_resumed_polls() {
    use Group::*;
    let msc3575 = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";
    for (query, group) in [
        ("", InitialSync),
        ("?", InitialSync),
        ("?since", InitialSync),
        ("?SINCE=s1", InitialSync),
        ("?timeout=0", InitialSync),
        ("?since=s1&full_state=true", InitialSync),
        ("?from=s1", InitialSync),
        ("?since=s1", Sync),
        ("?since=", Sync),
        ("?a=b;since=s1", Sync),
        ("?%73ince=s1", Sync),
        ("?since=s1&full_state=false", Sync),
        ("?since=s1&full_state=True", Sync),
    ] {
        for version in ["r0", "v3", "unstable"] {
            let target = format!("/_matrix/client/{version}/sync{query}");
            assert_eq!(call("GET", &target).group, group, "{target}");
        }
    }
    groups(&[
        ("GET", "/_matrix/client/api/v1/events", InitialSync),
        ("GET", "/_matrix/client/v3/events?from=", InitialSync),
        ("GET", "/_matrix/client/v3/events?from=END", InitialSync),
        ("GET", "/_matrix/client/v3/events?from=s1", Sync),
        ("GET", "/_matrix/client/v3/events/$e", ClientReader),
        (
            "GET",
            "/_matrix/client/r0/initialSync?since=s1",
            InitialSync,
        ),
        (
            "GET",
            "/_matrix/client/r0/rooms/!r:hs/initialSync",
            InitialSync,
        ),
        ("POST", msc3575, InitialSlidingSync),
        ("POST", &format!("{msc3575}?pos=5"), SlidingSync),
        ("POST", &format!("{msc3575}?pos="), SlidingSync),
        ("POST", "/_matrix/client/v4/sync", SlidingSync),
        ("GET", msc3575, Main),
    ]);
}

#[test]
fn polls_say_how_long_they_wait() {
    let timeout = |target: &str| call("GET", target).timeout;
    let sync = "/_matrix/client/v3/sync";
    assert_eq!(
        timeout(&format!("{sync}?timeout=30000")),
        Some(Duration::from_secs(30))
    );
    assert_eq!(timeout(&format!("{sync}?timeout=-1")), None);
    assert_eq!(timeout(sync), None);
    assert_eq!(timeout("/_matrix/client/v3/joined_rooms?timeout=1"), None);
}

#[test]
fn only_main_serves_what_looks_like_its_neighbours() {
    use Group::*;
    groups(&[
        ("GET", "/_matrix/client/v3/account/3pid", ClientReader),
        ("POST", "/_matrix/client/v3/account/3pid/add", Main),
        ("POST", "/_matrix/client/v3/register", Login),
        (
            "POST",
            "/_matrix/client/v3/register/email/requestToken",
            Main,
        ),
        (
            "GET",
            "/_matrix/client/v3/directory/room/%23a:hs",
            ClientReader,
        ),
        ("GET", "/_matrix/client/v3/directory/list/room/!r:hs", Main),
        (
            "PUT",
            "/_matrix/client/v3/directory/list/appservice/x/!r",
            Main,
        ),
        ("POST", "/_matrix/client/v3/rooms/!r:hs/report", Main),
        ("POST", "/_matrix/client/v3/rooms/!r:hs/report/$e", Main),
        ("POST", "/_matrix/client/v3/rooms/!r:hs/forget", Main),
        ("POST", "/_matrix/client/v3/rooms/!r:hs/upgrade", Main),
        (
            "GET",
            "/_matrix/client/unstable/org.matrix.msc4140/delayed_events/d",
            DelayedEvents,
        ),
        (
            "POST",
            "/_matrix/client/unstable/org.matrix.msc4140/delayed_events/d",
            Main,
        ),
        (
            "POST",
            "/_matrix/client/unstable/org.matrix.msc4140/delayed_events/d/restart",
            DelayedEvents,
        ),
        (
            "POST",
            "/_matrix/client/unstable/org.matrix.msc4140/delayed_events/d/send",
            Main,
        ),
        ("POST", "/_matrix/client/v1/login/get_token", Main),
        (
            "GET",
            "/_matrix/client/v3/auth/m.login.dummy/fallback/web",
            Main,
        ),
        ("POST", "/_matrix/client/v3/rooms/!r:hs/send_foo/x", Main),
        (
            "GET",
            "/_matrix/client/v3/rooms/!r:hs/state/tags",
            EventCreator,
        ),
        ("GET", "/health", Main),
        ("GET", "/", Main),
        ("GET", "", Main),
        ("GET", "/_matrix/static/", Main),
    ]);
}

#[test]
fn paths_match_raw_and_whole() {
    for target in [
        "/_matrix/client/v3/sync/",
        "/_matrix/client/v3//sync",
        "//_matrix/client/v3/sync",
        "/_matrix/client/v3/%73ync",
        "/_matrix/client/V3/sync",
        "/_matrix/client/v3/../v3/sync",
        "/_matrix/client/api/v1/sync",
        "/_matrix/client/v2_alpha/sync",
        "http://hs/_matrix/client/v3/sync",
        "/_matrix/client/v3/pushrules",
        "/_matrix/client/v3/room_keys/version/",
        "/_matrix/federation/v1/state_ids/!r:hs//",
    ] {
        assert_eq!(call("GET", target).group, Group::Main, "{target}");
    }
}

#[test]
fn empty_segments_match_where_synapse_lets_them() {
    use Group::*;
    groups(&[
        ("GET", "/_matrix/client/v3/rooms//state", ClientReader),
        (
            "GET",
            "/_matrix/client/v3/rooms/!r:hs/state/m.room.name/",
            EventCreator,
        ),
        ("GET", "/_matrix/client/v3/pushrules/", PushRules),
        ("GET", "/_matrix/client/v3/room_keys/keys/!r:hs/", Main),
        ("PUT", "/_matrix/federation/v1/send/1/", FederationInbound),
        ("PUT", "/_matrix/federation/v1/send/1", FederationInbound),
        ("PUT", "/_matrix/federation/v1/send/1/2", Main),
    ]);
}

#[test]
fn methods_split_rows() {
    let rules = "/_matrix/client/v3/pushrules/global/override/x";
    let reach = |method| call(method, rules).reach;
    assert_eq!(reach("GET"), Reach::AnyWorker);
    assert_eq!(reach("HEAD"), Reach::AnyWorker);
    assert_eq!(reach("PUT"), Reach::Writer);
    assert_eq!(reach("DELETE"), Reach::Writer);
    assert_eq!(reach("PATCH"), Reach::Main);
    use Group::*;
    groups(&[
        ("OPTIONS", rules, ClientReader),
        ("OPTIONS", "/nowhere", ClientReader),
        ("POST", "/_matrix/client/v3/sync", Main),
        (
            "POST",
            "/_synapse/admin/v1/media/quarantine/hs/id",
            QuarantinedMediaChanges,
        ),
        ("DELETE", "/_synapse/admin/v1/media/hs/id", MediaAdmin),
        ("POST", "/_synapse/admin/v1/media/hs/delete", MediaAdmin),
        ("POST", "/_synapse/admin/v1/media/protect/id", MediaAdmin),
        ("GET", "/_synapse/admin/v2/users/@u:hs", Admin),
        ("PUT", "/_synapse/admin/v2/users/@u:hs", Admin),
    ]);
    assert_eq!(
        call("GET", "/_synapse/admin/v2/users/@u:hs").reach,
        Reach::AnyWorker
    );
    assert_eq!(
        call("PUT", "/_synapse/admin/v2/users/@u:hs").reach,
        Reach::Main
    );
}

#[test]
fn metrics_and_replication_are_refused_in_any_spelling() {
    for target in [
        "/_synapse/metrics",
        "/_synapse/metrics/x",
        "/_synapse/replication/send_event/1",
        "/_synapse/replication?x",
        "/_synapse/%6detrics",
        "/%5Fsynapse/metric%73",
    ] {
        for method in ["GET", "POST", "OPTIONS", "TRACE"] {
            assert_eq!(
                call(method, target).reach,
                Reach::Nobody,
                "{method} {target}"
            );
        }
    }
    assert_eq!(call("GET", "/_matrix/_synapse/metrics").group, Group::Main);
}

#[test]
fn what_mas_answers_is_marked() {
    let mas = |target| (call("POST", target).group, call("POST", target).row.mas);
    assert_eq!(mas("/_matrix/client/v3/login"), (Group::Login, true));
    assert_eq!(mas("/_matrix/client/api/v1/login"), (Group::Login, false));
    assert_eq!(mas("/_matrix/client/v3/register"), (Group::Login, false));
    assert_eq!(mas("/_matrix/client/v3/logout"), (Group::MasCompat, true));
    assert_eq!(
        mas("/_matrix/client/r0/logout/all"),
        (Group::MasCompat, true)
    );
    assert_eq!(mas("/_matrix/client/v3/refresh"), (Group::MasCompat, true));
    assert_eq!(mas("/_matrix/client/api/v1/logout"), (Group::Main, false));
    let sso = call("GET", "/_matrix/client/v3/login/sso/redirect/oidc-x");
    assert_eq!((sso.group, sso.row.mas), (Group::Sso, true));
}

#[test]
fn paths_name_rooms_users_and_media() {
    let room = |target| call("GET", target).room;
    assert_eq!(
        room("/_matrix/client/v3/rooms/%21r%3Ahs/messages?dir=b"),
        Some("%21r%3Ahs")
    );
    assert_eq!(
        room("/_matrix/client/api/v1/rooms/!v12/members"),
        Some("!v12")
    );
    let join = call("POST", "/_matrix/client/v3/join/%23a:hs?via=x");
    assert_eq!(join.room, Some("%23a:hs"));
    let tags = call("PUT", "/_matrix/client/v3/user/@u:hs/rooms/!r:hs/tags/t");
    assert_eq!((tags.user, tags.room), (Some("@u:hs"), Some("!r:hs")));
    let media = |target| call("GET", target).media;
    assert_eq!(
        media("/_matrix/client/v1/media/download/hs/id/cat.png"),
        Some("hs/id")
    );
    assert_eq!(
        media("/_matrix/media/v3/thumbnail/hs/id?width=1"),
        Some("hs/id")
    );
    assert_eq!(
        media("/_matrix/federation/v1/media/download/id"),
        Some("id")
    );
    assert_eq!(media("/_matrix/media/v3/upload"), None);
}

#[test]
fn only_stored_transactions_may_be_repeated() {
    let transaction = |target| call("PUT", target).transaction;
    assert!(transaction(
        "/_matrix/client/v3/rooms/!r:hs/send/m.room.message/t1"
    ));
    assert!(transaction("/_matrix/client/v3/rooms/!r:hs/redact/$e/t1"));
    assert!(transaction("/_matrix/federation/v1/send/t1"));
    assert!(!transaction("/_matrix/client/v3/createRoom/t1"));
    assert!(!transaction("/_matrix/client/v3/sendToDevice/m.x/t1"));
    assert!(!transaction(
        "/_matrix/client/v3/rooms/!r:hs/state/m.room.name/k"
    ));
    assert!(!call("POST", "/_matrix/client/v3/rooms/!r:hs/send/m.room.message").transaction);
}

#[test]
fn a_call_prints_no_token() {
    let call = call("GET", "/_matrix/client/v3/sync?access_token=secret");
    assert!(!format!("{call:?}").contains("secret"));
}

proptest! {
    #[test]
    fn no_target_panics(target in "[ -~]{0,200}", method in "GET|PUT|POST|OPTIONS") {
        call(&method, &target);
    }

    #[test]
    fn no_likely_target_panics(
        segments in prop::collection::vec("|_matrix|client|v3|api|v1|rooms|sync|media|%2|x", 0..20),
        query in "[a-z%;&=+0-9]{0,60}",
    ) {
        let target = format!("/{}?{query}", segments.join("/"));
        prop_assert_eq!(call("GET", &target).target, &target);
    }

    #[test]
    fn any_room_is_found(room in "[^/?#]{0,300}") {
        let target = format!("/_matrix/client/v3/rooms/{room}/messages?dir=b");
        prop_assert_eq!(call("GET", &target).room, Some(&*room));
    }
}

#[test]
fn what_an_appservice_answers_goes_to_any_worker_that_can_ask_it() {
    use Group::*;
    let call = |method: &str, target, release| {
        let method = Method::from(method);
        let call = classify(release, method, target).as_proxied(method, release);
        (call.group, call.reach)
    };
    let client = "/_matrix/client/v1/rtc/livekit/sfu";
    let federation = "/_matrix/federation/unstable/x/rtc/livekit/sfu";
    let main = (Main, Reach::Main);
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE"] {
        assert_eq!(
            call(method, client, Release::NEWEST),
            (ClientReader, Reach::AnyWorker)
        );
        assert_eq!(
            call(method, federation, Release::NEWEST),
            (FederationReader, Reach::Federation)
        );
    }
    for target in [client, federation] {
        assert_eq!(call("PATCH", target, Release::NEWEST), main);
        assert_eq!(call("GET", target, Release::OLDEST), main);
    }
}
