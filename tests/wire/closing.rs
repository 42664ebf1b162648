//! One side closes early.

use std::time::Duration;

use crate::stage::{Stage, field, status};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
const GET: &str = "GET /_matrix/client/versions HTTP/1.1\r\nHost: hs\r\n\r\n";
const POST: &str =
    "POST /_matrix/client/v3/createRoom HTTP/1.1\r\nHost: hs\r\nContent-Length: 2\r\n\r\n{}";
const PUT: &str = "PUT /_matrix/client/v3/rooms/!r/send/m.room.message/txn1 HTTP/1.1\r\nHost: hs\r\nContent-Length: 2\r\n\r\n";

#[tokio::test]
async fn a_client_that_leaves_ends_its_request_at_the_worker() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send(GET).await;
    let mut worker = stage.worker().await;
    worker.head().await;
    drop(client);
    worker.closed().await;
}

#[tokio::test]
async fn a_client_that_leaves_in_its_body_ends_its_request_at_the_worker() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client
        .send("POST /x HTTP/1.1\r\nHost: hs\r\nContent-Length: 10\r\n\r\nhalf")
        .await;
    let mut worker = stage.worker().await;
    worker.head().await;
    worker.expect("half").await;
    drop(client);
    worker.closed().await;
}

#[tokio::test]
async fn a_read_goes_to_the_next_worker_when_the_first_dies() {
    let stage = Stage::with(2, |_| ()).await;
    let mut client = stage.client().await;
    client.send(GET).await;
    let (first, mut worker) = stage.any_worker().await;
    let head = worker.head().await;
    drop(worker);
    let mut worker = stage.worker_at(1 - first).await;
    assert_eq!(worker.head().await, head);
    worker.send(OK).await;
    client.expect(OK).await;
}

#[tokio::test]
async fn a_put_with_a_transaction_goes_on_with_its_body() {
    let stage = Stage::with(2, |_| ()).await;
    let mut client = stage.client().await;
    client.send(PUT).await;
    let (first, mut worker) = stage.any_worker().await;
    worker.head().await;
    client.send("{").await;
    worker.expect("{").await;
    worker.reset();
    let mut worker = stage.worker_at(1 - first).await;
    worker.head().await;
    worker.expect("{").await;
    client.send("}").await;
    worker.expect("}").await;
    worker.send(OK).await;
    client.expect(OK).await;
}

#[tokio::test]
async fn a_post_that_was_sent_is_never_repeated() {
    let stage = Stage::with(2, |_| ()).await;
    let mut client = stage.client().await;
    client.send(POST).await;
    let (_, mut worker) = stage.any_worker().await;
    worker.head().await;
    worker.expect("{}").await;
    drop(worker);
    let head = client.head().await;
    assert_eq!(
        (status(&head), field(&head, "x-thalamus-reason")),
        (502, Some("CLOSED"))
    );
    assert!(stage.is_quiet().await, "the POST was sent again");
}

#[tokio::test]
async fn a_post_goes_elsewhere_while_nothing_was_sent() {
    let mut stage = Stage::with(2, |_| ()).await;
    stage.kill(0);
    for _ in 0..4 {
        let mut client = stage.client().await;
        client.send(POST).await;
        let mut worker = stage.worker().await;
        worker.head().await;
        worker.expect("{}").await;
        worker.send(OK).await;
        client.expect(OK).await;
        drop(worker);
    }
}

#[tokio::test]
async fn an_idle_connection_closed_under_us_is_replaced() {
    let stage = Stage::new().await;
    for request in [GET, POST] {
        let mut client = stage.client().await;
        client.send(GET).await;
        let mut worker = stage.worker().await;
        worker.head().await;
        worker.send(OK).await;
        client.expect(OK).await;
        drop(worker);
        client.send(request).await;
        let mut worker = stage.worker().await;
        worker.head().await;
        worker
            .send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            .await;
        assert_eq!(status(&client.head().await), 200);
    }
}

#[tokio::test]
async fn a_reused_connection_closed_at_the_request_is_replaced() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send(GET).await;
    let mut worker = stage.worker().await;
    worker.head().await;
    worker.send(OK).await;
    client.expect(OK).await;
    client.send(GET).await;
    worker.head().await;
    drop(worker);
    let mut worker = stage.worker().await;
    worker.head().await;
    worker.send(OK).await;
    client.expect(OK).await;
}

#[tokio::test]
async fn a_dead_worker_alone_is_503_when_nobody_comes_for_it() {
    let short = |settings: &mut thalamus::config::Settings| {
        settings.limits.wait_other = Duration::from_millis(200);
    };
    let mut stage = Stage::with(1, short).await;
    stage.kill(0);
    let mut client = stage.client().await;
    client.send(GET).await;
    let head = client.head().await;
    assert_eq!(
        (status(&head), field(&head, "x-thalamus-reason")),
        (503, Some("CONNECT"))
    );
    assert_eq!(field(&head, "access-control-allow-origin"), Some("*"));
    assert!(field(&head, "retry-after").is_some());
}

#[tokio::test]
async fn a_client_that_waits_for_a_worker_may_leave() {
    let mut stage = Stage::new().await;
    stage.kill(0);
    let mut client = stage.client().await;
    client.send(GET).await;
    assert!(client.is_quiet().await, "it was answered without a worker");
    drop(client);
    let metrics = stage.running.metrics.clone();
    while metrics.connections.get() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn an_answer_cut_short_is_cut_short_for_the_client() {
    let stage = Stage::new().await;
    for answer in [
        "Content-Length: 10\r\n\r\nhalf",
        "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let mut client = stage.client().await;
        client.send(GET).await;
        let mut worker = stage.worker().await;
        worker.head().await;
        worker.send(format!("HTTP/1.1 200 OK\r\n{answer}")).await;
        let head = client.head().await;
        drop(worker);
        let rest = client.rest().await;
        assert_eq!(status(&head), 200);
        assert!(!rest.ends_with(b"0\r\n\r\n") && rest.len() < 15, "{rest:?}");
    }
}

#[tokio::test]
async fn an_early_answer_is_passed_on_although_the_worker_reads_no_more() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client
        .send("POST /x HTTP/1.1\r\nHost: hs\r\nContent-Length: 1000000\r\n\r\n")
        .await;
    let mut worker = stage.worker().await;
    worker.head().await;
    worker
        .send("HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno")
        .await;
    assert_eq!(status(&client.head().await), 413);
    drop(worker);
    client.expect("no").await;
}

#[tokio::test]
async fn bytes_behind_an_answer_end_the_workers_connection() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send(GET).await;
    let mut worker = stage.worker().await;
    worker.head().await;
    worker
        .send(format!("{OK}HTTP/1.1 200 OK\r\nX: smuggled\r\n\r\n"))
        .await;
    client.expect(OK).await;
    client.send(GET).await;
    let mut worker = tokio::time::timeout(Duration::from_secs(5), stage.worker())
        .await
        .unwrap();
    worker.head().await;
    worker.send(OK).await;
    client.expect(OK).await;
}
