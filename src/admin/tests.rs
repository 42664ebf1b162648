use std::{net::SocketAddr, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

use super::*;
use crate::{
    discovery::{Endpoint, Found, Source, Stale},
    lifecycle::Stopper,
    matrix::Group,
    pool::{self, Condition, Lease},
    route::Limits,
};

const TOKEN: &str = "0123456789abcdef";

/// Admin pages on a port of their own.
struct Pages {
    address: SocketAddr,
    state: Arc<ArcSwap<State>>,
    leaving: Arc<Leaving>,
    stopper: Stopper,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Pages {
    async fn start(pools: &[pool::Settings]) -> Self {
        let state = Arc::new(ArcSwap::from_pointee(State::new(pools, Limits::default())));
        let address = "127.0.0.1:0".parse().unwrap();
        let token = Token::new(TOKEN).unwrap();
        let listener = bind(&Settings {
            address,
            token: None,
        })
        .await
        .unwrap();
        let leaving = Arc::<Leaving>::default();
        let metrics = Arc::new(Metrics::new().unwrap());
        let address = listener.local_addr().unwrap();
        let shared = Shared::new(
            state.clone(),
            Default::default(),
            leaving.clone(),
            metrics,
            Some(token),
        )
        .unwrap();
        let (stopper, stop) = Stopper::new();
        tokio::spawn(serve(listener, shared, stop));
        Self {
            address,
            state,
            leaving,
            stopper,
        }
    }

    async fn ask(&self, target: &str) -> Answer {
        self.send("GET", target, "").await
    }

    async fn send(&self, method: &str, target: &str, fields: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = format!(
            "{method} {target} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n{fields}\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head[9..12].parse().unwrap(),
            head: head.into(),
            body: body.into(),
        }
    }

    async fn json(&self, target: &str) -> Value {
        serde_json::from_str(&self.ask(target).await.body).unwrap()
    }
}

fn pool(name: &str, serves: &[Group], workers: &[&str]) -> pool::Settings {
    let endpoint = |(index, name): (usize, &&str)| {
        Endpoint::new(
            *name,
            format!("127.0.0.1:{}", 8001 + index).parse().unwrap(),
        )
    };
    let source = Source::Static(workers.iter().enumerate().map(endpoint).collect());
    let pool = pool::Settings::new(name, serves, source);
    match name {
        "any" => pool.generic(),
        _ => pool,
    }
}

fn usual() -> [pool::Settings; 3] {
    [
        pool("main", &[], &["main"]),
        pool("sync", &[Group::Sync], &["sync1", "sync2"]),
        pool("any", &[], &["any1"]),
    ]
}

#[tokio::test]
async fn health_is_there_at_once_and_ready_waits_for_workers() {
    let pages = Pages::start(&[pool("main", &[], &[])]).await;
    assert_eq!(pages.ask("/health").await.status, 200);
    let ready = pages.ask("/ready").await;
    assert_eq!(
        (ready.status, ready.body.as_str()),
        (503, "a pool that nothing replaces has no worker yet\n")
    );
    let state = State::new(&usual(), Limits::default());
    pages.state.store(Arc::new(state));
    assert_eq!(pages.ask("/ready").await.status, 200);
}

#[tokio::test]
async fn ready_says_no_once_we_stop_and_metrics_stay() {
    let pages = Pages::start(&usual()).await;
    pages.stopper.stop();
    let ready = pages.ask("/ready").await;
    assert_eq!((ready.status, ready.body.as_str()), (503, "stopping\n"));
    assert_eq!(pages.ask("/health").await.status, 200);
    assert_eq!(pages.ask("/metrics").await.status, 200);
}

#[tokio::test]
async fn pools_are_shown_with_their_workers_of_this_moment() {
    let pages = Pages::start(&usual()).await;
    let worker = pages.state.load().pools[1].workers[1].clone();
    let _lease = Lease::new(worker.clone());
    worker.count_served();
    worker.count_served();
    worker.count_failed(false);
    worker.change(Condition::Ejected);
    let pools = pages.json("/api/pools").await;
    assert_eq!(
        pools[1],
        json!({"name": "sync", "serves": ["sync"], "source": "static", "cap": 2000, "waiting": 0, "workers": [
            {"name": "sync1", "address": "127.0.0.1:8001", "state": "serving", "in_flight": 0, "served": 0, "failed": 0},
            {"name": "sync2", "address": "127.0.0.1:8002", "state": "ejected", "in_flight": 1, "served": 2, "failed": 1},
        ]})
    );
    assert_eq!(pools[2]["serves"], json!(["generic"]));
    assert_eq!(pools.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_worker_is_drained_and_put_back_by_who_has_the_token() {
    let pages = Pages::start(&usual()).await;
    let worker = pages.state.load().pools[1].workers[1].clone();
    let token = format!("authorization: Bearer {TOKEN}\r\n");
    let drain = "/api/drain?pool=sync&worker=sync2";
    for (method, fields, status, condition) in [
        ("POST", "", 401, Condition::Serving),
        ("GET", &token, 405, Condition::Serving),
        ("POST", &token, 200, Condition::Draining),
        ("DELETE", "", 401, Condition::Draining),
        ("DELETE", &token, 200, Condition::Serving),
    ] {
        let answer = pages.send(method, drain, fields).await;
        assert_eq!(
            (answer.status, worker.condition()),
            (status, condition),
            "{method}"
        );
    }
    let unknown = pages
        .send("POST", "/api/drain?pool=sync&worker=sync9", &token)
        .await;
    assert_eq!(unknown.status, 404);
    assert!(
        unknown.body.contains("no worker `sync9` in a pool `sync`"),
        "{}",
        unknown.body
    );
}

#[tokio::test]
async fn a_worker_that_left_is_shown_while_it_runs_something() {
    let pages = Pages::start(&usual()).await;
    let left = pages.state.load().pools[1].workers[0].clone();
    left.drain(true);
    let state = State::new(
        &[usual()[0].clone(), pool("sync", &[Group::Sync], &["sync2"])],
        Limits::default(),
    );
    pages.state.store(Arc::new(state));
    pages.leaving.store(Arc::new(vec![left]));
    let workers = &pages.json("/api/pools").await[1]["workers"];
    assert_eq!(
        (&workers[0]["name"], &workers[0]["state"]),
        (&json!("sync2"), &json!("serving"))
    );
    assert_eq!(
        (&workers[1]["name"], &workers[1]["state"]),
        (&json!("sync1"), &json!("draining"))
    );
}

#[tokio::test]
async fn a_source_that_is_lost_is_shown_with_its_age() {
    let pages = Pages::start(&usual()).await;
    let found = |stale| Found {
        endpoints: [Endpoint::new("sync1", "127.0.0.1:8001".parse().unwrap())].into(),
        stale,
    };
    let lost = Stale {
        since: Instant::now() - Duration::from_secs(90),
        why: "ask 10.0.0.10: timed out".into(),
    };
    let state = pages.state.load();
    pages.state.store(Arc::new(
        state.with_found("sync", &found(Some(lost.into()))),
    ));
    let pool = &pages.json("/api/pools").await[1];
    assert_eq!(pool["stale"]["why"], "ask 10.0.0.10: timed out");
    assert!(pool["stale"]["seconds"].as_u64().unwrap() >= 90);
    assert_eq!(pool["workers"][0]["name"], "sync1");
    let metrics = pages.ask("/metrics").await.body;
    let metric = |pool| {
        let start = format!("thalamus_pool_stale_seconds{{pool=\"{pool}\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&start));
        line.unwrap().parse::<f64>().unwrap()
    };
    assert!(metric("sync") >= 90.0);
    assert_eq!(metric("main"), 0.0);
    pages
        .state
        .store(Arc::new(state.with_found("sync", &found(None))));
    assert_eq!(pages.json("/api/pools").await[1]["stale"], Value::Null);
}

#[tokio::test]
async fn metrics_have_each_worker_and_never_count_twice() {
    let pages = Pages::start(&usual()).await;
    pages.state.load().pools[1].workers[0].count_served();
    let lines = [
        "thalamus_worker_served_total{pool=\"sync\",worker=\"sync1\"} 1",
        "thalamus_pool_requests_waiting{pool=\"sync\"} 0",
        "thalamus_pool_queue_refused_total{pool=\"sync\"} 0",
        "thalamus_worker_requests_in_flight{pool=\"any\",worker=\"any1\"} 0",
        "thalamus_worker_requests_paused{pool=\"any\",worker=\"any1\"} 0",
        "thalamus_worker_state{pool=\"main\",state=\"serving\",worker=\"main\"} 1",
        "thalamus_worker_state{pool=\"main\",state=\"ejected\",worker=\"main\"} 0",
    ];
    for _ in 0..2 {
        let metrics = pages.ask("/metrics").await;
        assert!(
            metrics
                .head
                .contains("content-type: text/plain; version=0.0.4"),
            "{}",
            metrics.head
        );
        for line in lines {
            assert!(
                metrics.body.lines().any(|found| found == line),
                "{line} is not in {}",
                metrics.body
            );
        }
    }
}

#[tokio::test]
async fn explain_uses_the_headers_and_shows_no_token() {
    let pages = Pages::start(&usual()).await;
    let target = "/api/explain?method=GET&target=/_matrix/client/v3/sync%3Fsince%3Ds1\
                  &header=x-a:%20b&header=Authorization:%20Bearer%20syt_YWxpY2U_abcdefghijklmnopqrst_1TMI8I&client=192.0.2.1";
    let explained = pages.json(target).await;
    assert_eq!(explained["group"], "sync");
    assert_eq!(explained["pool"], "sync");
    assert_eq!(
        (&explained["key"], &explained["key_value"]),
        (&json!("user"), &json!("alice"))
    );
    assert!(!explained.to_string().contains("abcdefghij"), "{explained}");
}

#[tokio::test]
async fn explain_says_what_is_wrong_with_the_question() {
    let pages = Pages::start(&usual()).await;
    for (query, error) in [
        (
            "",
            "the parameter `target` is missing, such as target=/_matrix/client/v3/sync",
        ),
        ("target=/&client=me", "`me` is no IP address"),
        (
            "target=/&header=none",
            "a header is written `Name: value`, on one line",
        ),
        (
            "target=/&header=a:b%0d%0ac:d",
            "a header is written `Name: value`, on one line",
        ),
        (
            "url=/",
            "unknown parameter `url`; known: method, target, header, client",
        ),
    ] {
        let answer = pages.ask(&format!("/api/explain?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(body, json!({ "error": error }), "{query}");
    }
    assert_eq!(pages.ask("/api/explain?target=no%20path").await.status, 400);
}

#[tokio::test]
async fn the_page_takes_nothing_from_elsewhere() {
    let pages = Pages::start(&usual()).await;
    let page = pages.ask("/").await;
    assert_eq!(page.status, 200);
    assert!(
        page.head
            .contains("content-security-policy: default-src 'none'"),
        "{}",
        page.head
    );
    assert!(!page.head.contains("unsafe"), "{}", page.head);
    for (path, kind) in [
        ("/status.js", "text/javascript"),
        ("/status.css", "text/css"),
        ("/icon.svg", "image/svg+xml"),
    ] {
        assert!(page.body.contains(path), "{path}");
        let part = pages.ask(path).await;
        assert_eq!(part.status, 200, "{path}");
        assert!(
            part.head.contains(&format!("content-type: {kind}")),
            "{}",
            part.head
        );
        assert!(
            part.head.contains("x-content-type-options: nosniff"),
            "{}",
            part.head
        );
    }
    for inline in [
        "style=", "onclick", "<script>", "<style", "http://", "https://",
    ] {
        assert!(!page.body.contains(inline), "{inline}");
    }
    assert_eq!(pages.ask("/favicon.ico").await.status, 404);
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let taken = bind(&Settings {
        address: "127.0.0.1:0".parse().unwrap(),
        token: None,
    })
    .await
    .unwrap();
    let address = taken.local_addr().unwrap();
    let error = bind(&Settings {
        address: Address::Ip(address),
        token: None,
    })
    .await
    .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(&format!("listen on {address} for the admin pages: ")),
        "{error}"
    );
}
