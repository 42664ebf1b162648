//! Sizes and times.

use std::time::Duration;

use thalamus::{config::Settings, route::Limits};

use crate::stage::{Stage, field, status};

const GET: &str = "GET /_matrix/client/versions HTTP/1.1\r\nHost: hs\r\n\r\n";

fn short(settings: &mut Settings) {
    let short = Duration::from_millis(300);
    settings.limits = Limits {
        head: short,
        client_idle: short,
        other: short,
        sync_extra: short,
        body: 1000,
        media_upload: 5000,
        ..Limits::default()
    };
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_before_it_is_sent() {
    let stage = Stage::with(1, short).await;
    for (path, length) in [
        ("/_matrix/client/v3/createRoom", 1001),
        ("/_matrix/media/v3/upload", 5001),
    ] {
        let mut client = stage.client().await;
        client
            .send(format!(
                "POST {path} HTTP/1.1\r\nHost: hs\r\nContent-Length: {length}\r\n\r\n"
            ))
            .await;
        let head = client.head().await;
        assert_eq!(
            (status(&head), field(&head, "connection")),
            (413, Some("close")),
            "{path}"
        );
    }
    assert!(stage.is_quiet().await);
    let mut client = stage.client().await;
    client
        .send("POST /_matrix/media/v3/upload HTTP/1.1\r\nHost: hs\r\nContent-Length: 5000\r\n\r\n")
        .await;
    stage.worker().await.head().await;
}

#[tokio::test]
async fn chunks_over_the_limit_end_the_request() {
    let stage = Stage::with(1, short).await;
    let mut client = stage.client().await;
    client
        .send("POST /x HTTP/1.1\r\nHost: hs\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    let mut worker = stage.worker().await;
    worker.head().await;
    for _ in 0..3 {
        client.send(format!("190\r\n{}\r\n", "x".repeat(400))).await;
    }
    assert_eq!(status(&client.head().await), 413);
    let got = worker.rest().await;
    assert!(
        !got.ends_with(b"0\r\n\r\n"),
        "the request ended as if it were whole"
    );
}

#[tokio::test]
async fn a_head_over_the_limit_is_refused() {
    let stage = Stage::new().await;
    for fields in [
        format!("X: {}\r\n", "y".repeat(17_000)),
        "X: y\r\n".repeat(200),
    ] {
        let mut client = stage.client().await;
        client
            .send(format!("GET / HTTP/1.1\r\nHost: hs\r\n{fields}\r\n"))
            .await;
        assert_eq!(status(&client.head().await), 431);
    }
    assert!(stage.is_quiet().await);
}

#[tokio::test]
async fn a_slow_head_is_refused() {
    let stage = Stage::with(1, short).await;
    let mut client = stage.client().await;
    client.send("GET / HTTP/1.1\r\nHost:").await;
    let head = client.head().await;
    assert_eq!(
        (status(&head), field(&head, "x-thalamus-reason")),
        (408, Some("SLOW_CLIENT"))
    );
}

#[tokio::test]
async fn idle_connections_close_without_a_word() {
    let stage = Stage::with(1, short).await;
    stage.client().await.closed().await;
    let mut client = stage.client().await;
    client.send(GET).await;
    let mut worker = stage.worker().await;
    worker.head().await;
    worker.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    client.head().await;
    client.closed().await;
}

#[tokio::test]
async fn a_worker_that_does_not_answer_is_504() {
    let stage = Stage::with(1, short).await;
    let mut client = stage.client().await;
    client.send(GET).await;
    let mut worker = stage.worker().await;
    worker.head().await;
    let head = client.head().await;
    assert_eq!(
        (status(&head), field(&head, "x-thalamus-reason")),
        (504, Some("TIMEOUT"))
    );
    worker.closed().await;
}

#[tokio::test]
async fn a_sync_may_take_the_time_it_asked_for() {
    let stage = Stage::with(1, short).await;
    let mut client = stage.client().await;
    client
        .send("GET /_matrix/client/v3/sync?since=s1&timeout=1500 HTTP/1.1\r\nHost: hs\r\n\r\n")
        .await;
    let mut worker = stage.worker().await;
    worker.head().await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    worker.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(status(&client.head().await), 204);
}

#[tokio::test]
async fn a_body_that_crawls_is_refused() {
    let stage = Stage::with(1, short).await;
    let mut client = stage.client().await;
    client
        .send("POST /x HTTP/1.1\r\nHost: hs\r\nContent-Length: 100\r\n\r\nfirst")
        .await;
    let mut worker = stage.worker().await;
    worker.head().await;
    assert_eq!(status(&client.head().await), 408);
    worker.rest().await;
}

#[tokio::test]
async fn an_answer_that_stops_is_cut() {
    let stage = Stage::with(1, short).await;
    let mut client = stage.client().await;
    client.send(GET).await;
    let mut worker = stage.worker().await;
    worker.head().await;
    worker
        .send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        .await;
    client.head().await;
    client.expect("half").await;
    client.closed().await;
    worker.closed().await;
}
