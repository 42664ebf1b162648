//! Zones, from the slices of an API server to the worker that answers a client.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use serde_json::{Value, json};
use thalamus::{
    app::{self, Running},
    config,
    net::Address,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::api_server::ApiServer;

const HERE: &str = "matrix";

/// No key places a login; a room places the question for its messages.
const LOGIN: &str = "/_matrix/client/v3/login";

/// Three workers at one port of 127.0.0.1 to 127.0.0.3; each answers with its name.
struct Workers {
    port: u16,
    _tasks: JoinSet<()>,
}

impl Workers {
    async fn start() -> Self {
        let mut tasks = JoinSet::new();
        let listeners = listeners().await;
        let port = listeners[0].local_addr().unwrap().port();
        for (listener, name) in listeners.into_iter().zip(["a", "b", "c"]) {
            tasks.spawn(serve(listener, name));
        }
        Self {
            port,
            _tasks: tasks,
        }
    }
}

/// One port that is free at all three addresses.
async fn listeners() -> Vec<TcpListener> {
    loop {
        let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = first.local_addr().unwrap().port();
        let others = [2, 3].map(|last| TcpListener::bind((Ipv4Addr::new(127, 0, 0, last), port)));
        let [second, third] = others;
        if let (Ok(second), Ok(third)) = (second.await, third.await) {
            return vec![first, second, third];
        }
    }
}

async fn serve(listener: TcpListener, name: &'static str) {
    let mut talks = JoinSet::new();
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        talks.spawn(async move {
            let mut head = [0; 4096];
            let mut filled = 0;
            while !head[..filled].ends_with(b"\r\n\r\n") {
                match stream.read(&mut head[filled..]).await {
                    Ok(count) if count > 0 => filled += count,
                    _ => return,
                }
            }
            let answer =
                format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n{name}");
            // A client that has left needs no answer.
            let _ = stream.write_all(answer.as_bytes()).await;
        });
    }
}

/// A pod of a zone; `hints` are the zones that the cluster means it for.
fn pod(name: &str, last: u8, zone: &str, hints: &[&str]) -> Value {
    let for_zones: Vec<_> = hints.iter().map(|zone| json!({"name": zone})).collect();
    let hints = (!hints.is_empty()).then(|| json!({"forZones": for_zones}));
    json!({
        "addresses": [format!("127.0.0.{last}")], "zone": zone, "hints": hints,
        "conditions": {"ready": true}, "targetRef": {"kind": "Pod", "name": name},
    })
}

/// A proxy in the zone `west` whose two pools have the workers of one Service.
struct Proxy {
    server: ApiServer,
    workers: Workers,
    running: Running,
}

impl Proxy {
    async fn start(prefer_zone: bool, pods: Value) -> Self {
        let (server, workers) = (ApiServer::start().await, Workers::start().await);
        server.put_service(HERE, json!({}));
        server.put_slice_at(HERE, "sync-1", workers.port, pods);
        let text = format!(
            r#"
threads: 1
access_log: none
listeners: [{{address: "127.0.0.1:0"}}]
kubernetes: {{kubeconfig: {}, prefer_zone: {prefer_zone}, zone: west}}
pools:
  main: {{workers: ["127.0.0.1:1"]}}
  readers: {{serves: [login], kubernetes: {{service: sync, namespace: {HERE}, port: http}}}}
  rooms: {{serves: [messages], kubernetes: {{service: sync, namespace: {HERE}, port: http}}}}
"#,
            server.kubeconfig().display()
        );
        let running = app::start(config::parse(&text, []).unwrap()).await.unwrap();
        Self {
            server,
            workers,
            running,
        }
    }

    /// Waits until both pools have these workers.
    async fn until(&self, names: &[&str]) {
        let have = |pool: &str| {
            let state = self.running.state.load();
            let workers = &state.pool(pool).unwrap().workers;
            workers
                .iter()
                .map(|worker| &*worker.name)
                .eq(names.iter().copied())
        };
        let found = async {
            while !(have("readers") && have("rooms")) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        let found = timeout(Duration::from_secs(60), found).await;
        found.unwrap_or_else(|_| panic!("waiting for {names:?}"));
    }

    /// Who answers two dozen logins.
    async fn readers(&self) -> String {
        self.answerers(|_| LOGIN.to_owned()).await
    }

    /// Who answers for two dozen rooms.
    async fn rooms(&self) -> String {
        self.answerers(|room| format!("/_matrix/client/v3/rooms/!{room}:hs/messages"))
            .await
    }

    async fn answerers(&self, target: impl Fn(u32) -> String) -> String {
        let Address::Ip(listener) = self.running.listeners[0] else {
            panic!("{:?}", self.running.listeners);
        };
        let mut names = BTreeSet::new();
        for number in 0..24 {
            names.insert(ask(listener, &target(number)).await);
        }
        names.into_iter().collect()
    }
}

/// The name of the worker that answers.
async fn ask(proxy: SocketAddr, target: &str) -> String {
    let mut stream = TcpStream::connect(proxy).await.unwrap();
    let question = format!("GET {target} HTTP/1.1\r\nHost: hs\r\nConnection: close\r\n\r\n");
    stream.write_all(question.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    answer.split("\r\n\r\n").nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn workers_of_our_zone_come_first_where_no_key_places() {
    let pods = json!([
        pod("a", 1, "west", &[]),
        pod("b", 2, "east", &[]),
        pod("c", 3, "west", &[])
    ]);
    let proxy = Proxy::start(true, pods).await;
    proxy.until(&["a", "b", "c"]).await;
    assert_eq!(proxy.readers().await, "ac");
    assert_eq!(proxy.rooms().await, "abc", "a key decides alone");
    proxy.running.stop().await;
}

#[tokio::test]
async fn nobody_is_preferred_who_was_not_asked_for() {
    let pods = json!([
        pod("a", 1, "west", &["west"]),
        pod("b", 2, "east", &["east"])
    ]);
    let proxy = Proxy::start(false, pods).await;
    proxy.until(&["a", "b"]).await;
    assert_eq!(proxy.readers().await, "ab");
    proxy.running.stop().await;
}

/// The cluster hands zones out evenly: a worker may be meant for another zone than its own.
#[tokio::test]
async fn hints_say_more_than_where_a_worker_runs() {
    let pods = json!([
        pod("a", 1, "west", &["east"]),
        pod("b", 2, "east", &["north", "west"]),
        pod("c", 3, "east", &["east"]),
    ]);
    let proxy = Proxy::start(true, pods).await;
    proxy.until(&["a", "b", "c"]).await;
    assert_eq!(proxy.readers().await, "b");
    assert_eq!(proxy.rooms().await, "abc", "a key decides alone");
    proxy.running.stop().await;
}

#[tokio::test]
async fn without_a_worker_of_our_zone_all_are_asked() {
    let far = [pod("b", 2, "east", &[]), pod("c", 3, "north", &["north"])];
    let near = pod("a", 1, "west", &[]);
    let proxy = Proxy::start(true, json!([near, far[0], far[1]])).await;
    proxy.until(&["a", "b", "c"]).await;
    assert_eq!(proxy.readers().await, "a");
    let port = proxy.workers.port;
    proxy.server.put_slice_at(HERE, "sync-1", port, json!(far));
    proxy.until(&["b", "c"]).await;
    assert_eq!(proxy.readers().await, "bc");
    proxy.running.stop().await;
}
