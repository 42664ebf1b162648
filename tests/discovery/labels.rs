//! Pools that Services make by their labels, through the whole program.

use std::time::Duration;

use serde_json::json;
use thalamus::{
    app::{self, Running},
    config::{self, Settings},
    route::State,
};
use tokio::time::{sleep, timeout};

use crate::api_server::{ApiServer, pod};

const HERE: &str = "matrix";

fn settings(server: &ApiServer, more: &str) -> Settings {
    let text = format!(
        r#"
threads: 1
access_log: none
listeners: [{{address: "127.0.0.1:0"}}]
kubernetes: {{kubeconfig: {}, snapshot: {}, labels: true, namespaces: [{HERE}]}}
pools:
  main: {{workers: ["127.0.0.1:1"]}}
{more}"#,
        server.kubeconfig().display(),
        server.files().display()
    );
    config::parse(&text, []).unwrap()
}

/// A running proxy that follows labels, as `thalamus run` does.
struct Follower(Running);

impl Follower {
    async fn start(settings: Settings) -> Self {
        Self(app::start(settings).await.unwrap())
    }

    async fn until(&mut self, what: &str, wanted: impl Fn(&State) -> bool) {
        let state = self.0.state.clone();
        let follow = async {
            while !wanted(&state.load()) {
                tokio::select! {
                    () = self.0.labels_changed() => self.0.relabel().await,
                    () = sleep(Duration::from_millis(5)) => {}
                }
            }
        };
        let waited = timeout(Duration::from_secs(60), follow).await;
        assert!(waited.is_ok(), "{what}: {:?}", shown(&state.load()));
    }

    async fn until_pools(&mut self, expected: &[&str]) {
        self.until(&format!("{expected:?}"), |state| shown(state) == expected)
            .await;
    }

    fn metrics(&self) -> String {
        String::from_utf8(self.0.metrics.render().unwrap()).unwrap()
    }
}

/// Pools with their workers.
fn shown(state: &State) -> Vec<String> {
    let pool = |view: &std::sync::Arc<thalamus::pool::View>| {
        let names: Vec<_> = view.workers.iter().map(|worker| &*worker.name).collect();
        format!("{} {}", view.settings.name, names.join(","))
    };
    state.pools.iter().map(pool).collect()
}

async fn with_sync() -> (ApiServer, Follower) {
    let server = ApiServer::start().await;
    server.put_slice(
        HERE,
        "s-1",
        json!([pod("a", "10.0.0.1"), pod("b", "10.0.0.2")]),
    );
    server.put_labelled(HERE, "s", "sync", json!({"thalamus/port": "http"}));
    let mut follower = Follower::start(settings(&server, "")).await;
    follower
        .until_pools(&["main 127.0.0.1:1", "sync a,b"])
        .await;
    (server, follower)
}

#[tokio::test]
async fn a_label_makes_a_pool_that_comes_changes_and_goes() {
    let (server, mut follower) = with_sync().await;
    let annotations = json!({"thalamus/port": "http", "thalamus/serves": "login"});
    server.put_labelled(HERE, "s", "readers", annotations);
    follower
        .until_pools(&["main 127.0.0.1:1", "readers a,b"])
        .await;
    server.delete_labelled(HERE, "s");
    follower.until_pools(&["main 127.0.0.1:1"]).await;
    follower.0.stop().await;
}

#[tokio::test]
async fn another_annotation_and_a_reload_keep_the_workers() {
    let (server, mut follower) = with_sync().await;
    let before = follower.0.state.load().pool("sync").unwrap().workers[0].clone();
    let annotations = json!({"thalamus/port": "http", "thalamus/serves": "sync sliding_sync"});
    server.put_labelled(HERE, "s", "sync", annotations);
    let serves_two = |state: &State| state.pool("sync").unwrap().settings.serves.len() == 2;
    let never_empty = |state: &State| {
        let workers = &state.pool("sync").unwrap().workers;
        assert_eq!(workers.len(), 2, "its workers stay meanwhile");
        serves_two(state)
    };
    follower.until("both groups", never_empty).await;
    let more = "  login: {serves: [login], workers: [\"127.0.0.1:2\"]}";
    follower.0.reload(Ok(settings(&server, more))).await;
    let state = follower.0.state.load_full();
    assert_eq!(
        shown(&state),
        ["main 127.0.0.1:1", "login 127.0.0.1:2", "sync a,b"]
    );
    assert_eq!(
        state.pool("sync").unwrap().workers[0],
        before,
        "with its counts and connections"
    );
    let more = "  sync: {serves: [sync], workers: [\"127.0.0.1:3\"]}";
    follower.0.reload(Ok(settings(&server, more))).await;
    assert_eq!(
        shown(&follower.0.state.load()),
        ["main 127.0.0.1:1", "sync 127.0.0.1:3"]
    );
    assert!(
        follower
            .metrics()
            .contains(r#"thalamus_label_faults{namespace="matrix",service="s"} 1"#)
    );
    follower.0.stop().await;
}

#[tokio::test]
async fn a_fault_is_told_on_its_service_and_harms_nobody() {
    let (server, mut follower) = with_sync().await;
    server.put_labelled(HERE, "t", "snyc", json!({}));
    follower
        .until("an Event", |_| !server.events().is_empty())
        .await;
    let why = "thalamus/serves: `snyc`: no such group; did you mean `sync`?";
    let event = &server.events()[0];
    assert_eq!(event["note"], why);
    assert_eq!(event["regarding"]["kind"], "Service");
    assert_eq!(event["regarding"]["name"], "t");
    assert_eq!(event["metadata"]["namespace"], HERE);
    assert_eq!(
        follower.0.metrics.labels.last(),
        [format!("the Service matrix/t: {why}")]
    );
    assert!(
        follower
            .metrics()
            .contains(r#"thalamus_label_faults{namespace="matrix",service="t"} 1"#)
    );
    assert_eq!(
        shown(&follower.0.state.load()),
        ["main 127.0.0.1:1", "sync a,b"]
    );
    server.put_labelled(HERE, "t", "login", json!({"thalamus/port": "http"}));
    follower
        .until("it is well", |state| state.pool("login").is_some())
        .await;
    assert!(follower.0.metrics.labels.last().is_empty());
    follower.0.stop().await;
}

#[tokio::test]
async fn nobody_is_ready_before_the_labels_are_known() {
    let server = ApiServer::start().await;
    server.refuse_labels(HERE, Some(500));
    let mut follower = Follower::start(settings(&server, "")).await;
    assert!(!follower.0.state.load().is_ready());
    server.refuse_labels(HERE, None);
    follower.until("ready", State::is_ready).await;
    // Later losses are told and change nothing.
    server.put_slice(HERE, "s-1", json!([pod("a", "10.0.0.1")]));
    server.put_labelled(HERE, "s", "sync", json!({"thalamus/port": "http"}));
    follower.until_pools(&["main 127.0.0.1:1", "sync a"]).await;
    server.refuse_labels(HERE, Some(403));
    let metrics = follower.0.metrics.clone();
    follower
        .until("the loss is told", |_| !metrics.labels.last().is_empty())
        .await;
    let why = &follower.0.metrics.labels.last()[0];
    assert!(
        why.contains("the label thalamus/pool in the namespace matrix: refused with 403"),
        "{why}"
    );
    assert_eq!(
        shown(&follower.0.state.load()),
        ["main 127.0.0.1:1", "sync a"]
    );
    follower.0.stop().await;
}

#[tokio::test]
async fn a_start_without_the_api_server_has_the_pools_of_the_snapshot() {
    let (server, follower) = with_sync().await;
    follower.0.stop().await;
    server.refuse_labels(HERE, Some(500));
    server.refuse(HERE, Some(500));
    let follower = Follower::start(settings(&server, "")).await;
    let state = follower.0.state.load_full();
    assert_eq!(shown(&state), ["main 127.0.0.1:1", "sync a,b"]);
    assert!(state.is_ready());
    assert_eq!(
        follower.0.metrics.labels.last(),
        ["known from the snapshot only"]
    );
    follower.0.stop().await;
}
