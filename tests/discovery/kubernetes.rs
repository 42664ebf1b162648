//! Kubernetes: what the API server says, and every way in which it says nothing.

use std::time::Duration;

use serde_json::{Value, json};
use thalamus::discovery::Found;
use tokio::time::timeout;

use crate::{
    api_server::{ApiServer, pod},
    seen::{Seen, addresses, names},
};

const HERE: &str = "matrix";

async fn with_one_pod() -> (ApiServer, Seen) {
    let server = ApiServer::start().await;
    server.put_service(HERE, json!({}));
    server.put_slice(HERE, "sync-1", json!([pod("a", "10.0.0.1")]));
    let mut seen = Seen::follow(&server.source(HERE));
    seen.wait_for(&["a"]).await;
    (server, seen)
}

fn two() -> Value {
    json!([pod("a", "10.0.0.1"), pod("b", "10.0.0.2")])
}

#[tokio::test]
async fn slices_are_one_set_that_follows_them() {
    let (server, mut seen) = with_one_pod().await;
    server.put_slice(HERE, "sync-2", json!([pod("b", "10.0.0.2")]));
    let found = seen.wait_for(&["a", "b"]).await;
    assert_eq!(addresses(&found), ["10.0.0.1:8083", "10.0.0.2:8083"]);
    let mut going = pod("a", "10.0.0.1");
    going["conditions"] = json!({"ready": false, "serving": true, "terminating": true});
    server.put_slice(HERE, "sync-1", json!([going]));
    let draining = |found: &Found| found.endpoints[0].draining && !found.endpoints[1].draining;
    seen.wait("a drains", draining).await;
    server.put_slice(HERE, "sync-1", json!([]));
    seen.wait_for(&["b"]).await;
    server.delete_slice(HERE, "sync-2");
    seen.wait_for(&[]).await;
}

#[tokio::test]
async fn a_version_that_is_too_old_begins_anew() {
    let (server, mut seen) = with_one_pod().await;
    server.put_unseen(HERE, "sync-1", two());
    server.expire(HERE);
    seen.wait_for(&["a", "b"]).await;
    // The same as the answer to a watch.
    server.put_unseen(HERE, "sync-1", json!([pod("b", "10.0.0.2")]));
    server.refuse(HERE, Some(410));
    seen.wait_until_lost().await;
    server.refuse(HERE, None);
    seen.wait_for(&["b"]).await;
}

#[tokio::test]
async fn a_watch_that_is_cut_misses_nothing() {
    let (server, mut seen) = with_one_pod().await;
    server.put_unseen(HERE, "sync-1", two());
    server.cut();
    let found = seen.wait("both", |found| found.endpoints.len() == 2).await;
    assert_eq!(found.stale, None);
}

#[tokio::test]
async fn one_service_that_is_forbidden_harms_no_other() {
    const THERE: &str = "elsewhere";
    let (server, mut here) = with_one_pod().await;
    server.put_service(THERE, json!({}));
    server.put_slice(THERE, "sync-1", json!([pod("x", "10.0.1.1")]));
    let mut there = Seen::follow(&server.source(THERE));
    there.wait_for(&["x"]).await;
    server.refuse(THERE, Some(403));
    let (found, why) = there.wait_until_lost().await;
    assert_eq!(names(&found), ["x"]);
    assert_eq!(
        why,
        "watch the Service sync: refused with 403; \
         the account needs get, list and watch of services and endpointslices there"
    );
    server.put_slice(HERE, "sync-1", two());
    here.wait_for(&["a", "b"]).await;
    server.refuse(THERE, None);
    there.wait_for(&["x"]).await;
}

#[tokio::test]
async fn a_new_token_is_read_from_its_file() {
    let (server, mut seen) = with_one_pod().await;
    server.know("second");
    let (found, why) = seen.wait_until_lost().await;
    assert_eq!(names(&found), ["a"]);
    assert_eq!(
        why,
        "watch the Service sync: the API server does not know our token: refused with 401"
    );
    server.rotate("second");
    server.put_slice(HERE, "sync-1", two());
    seen.wait_for(&["a", "b"]).await;
}

#[tokio::test]
async fn an_api_server_that_is_away_leaves_the_last_set() {
    let (server, mut seen) = with_one_pod().await;
    server.refuse(HERE, Some(500));
    let (found, why) = seen.wait_until_lost().await;
    assert_eq!(
        (names(&found), why.contains("500")),
        (vec!["a"], true),
        "{why}"
    );
    server.put_unseen(HERE, "sync-1", two());
    server.refuse(HERE, None);
    seen.wait_for(&["a", "b"]).await;
}

#[tokio::test]
async fn a_service_without_endpoints_of_its_own_is_refused_with_the_way_out() {
    let server = ApiServer::start().await;
    let mut seen = Seen::follow(&server.source(HERE));
    let (_, why) = seen.wait_until_lost().await;
    assert_eq!(
        why,
        "there is no Service sync; check its name and namespace"
    );
    server.put_service(
        HERE,
        json!({"type": "ExternalName", "externalName": "hs.example.org"}),
    );
    let says = |found: &Found| {
        found
            .stale
            .as_ref()
            .is_some_and(|stale| stale.why.contains("ExternalName"))
    };
    seen.wait("the refusal", says).await;
    server.put_service(HERE, json!({"type": "ClusterIP"}));
    server.put_slice(HERE, "sync-1", two());
    seen.wait_for(&["a", "b"]).await;
}

/// Its slices are the admin's own: they name no pods, and mostly say nothing of conditions.
#[tokio::test]
async fn a_service_without_a_selector_has_workers_called_by_their_addresses() {
    let server = ApiServer::start().await;
    server.put_service(HERE, json!({"ports": [{"name": "http", "port": 80}]}));
    let at = |address: &str| json!({"addresses": [address]});
    server.put_slice(HERE, "by-hand", json!([at("10.0.0.2"), at("10.0.0.1")]));
    let mut seen = Seen::follow(&server.source(HERE));
    let found = seen.wait_for(&["10.0.0.1:8083", "10.0.0.2:8083"]).await;
    assert_eq!(addresses(&found), ["10.0.0.1:8083", "10.0.0.2:8083"]);
    assert!(found.endpoints.iter().all(|worker| !worker.draining));
    // A virtual machine is no pod: its name says nothing of what runs there.
    let mut machine = at("10.0.0.3");
    machine["targetRef"] = json!({"kind": "VirtualMachine", "name": "synapse"});
    let mut away = at("10.0.0.2");
    away["conditions"] = json!({"ready": false});
    server.put_slice(HERE, "by-hand", json!([at("10.0.0.1"), away, machine]));
    seen.wait_for(&["10.0.0.1:8083", "10.0.0.3:8083"]).await;
    // Another port is another worker, as nothing else tells them apart.
    server.put_slice_at(HERE, "by-hand-too", 8084, json!([at("10.0.0.1")]));
    let three = ["10.0.0.1:8083", "10.0.0.1:8084", "10.0.0.3:8083"];
    assert_eq!(addresses(&seen.wait_for(&three).await), three);
}

#[tokio::test]
async fn a_start_without_the_api_server_begins_with_the_snapshot() {
    let (server, _) = with_one_pod().await;
    let source = server.source_with_snapshot(HERE);
    assert_eq!(source.known(), Found::default(), "nothing was kept yet");
    let _kept = Seen::follow(&source);
    let kept = async {
        while source.known() == Found::default() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(60), kept).await.unwrap();
    server.refuse(HERE, Some(500));
    let known = source.known();
    assert_eq!(
        (names(&known), addresses(&known)),
        (vec!["a"], vec!["10.0.0.1:8083".to_owned()])
    );
    assert!(known.stale.is_some(), "its age is told");
    let mut seen = Seen::follow(&source);
    let (found, _) = seen.wait_until_lost().await;
    assert_eq!(names(&found), ["a"]);
    server.put_unseen(HERE, "sync-1", two());
    server.refuse(HERE, None);
    seen.wait_for(&["a", "b"]).await;
}
