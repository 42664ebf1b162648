//! Sliding sync v4: the body tells where a request goes, and passes unchanged.

use thalamus::matrix::Group;
use tokio::net::TcpListener;

use crate::stage::{Stage, Wire, accepted, pool_of, status};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/// A proxy with a pool for first polls and one for those that resume, and the sockets of both.
async fn two_pools() -> (Stage, TcpListener, TcpListener) {
    let mut sockets = None;
    let stage = Stage::with(1, |settings| {
        let first = pool_of(settings, "first", &[Group::InitialSlidingSync]);
        let resumed = pool_of(settings, "resumed", &[Group::SlidingSync]);
        sockets = Some((first, resumed));
    })
    .await;
    let (first, resumed) = sockets.unwrap();
    (stage, first, resumed)
}

fn head(fields: &str) -> String {
    format!("POST /_matrix/client/v4/sync HTTP/1.1\r\nHost: hs\r\n{fields}\r\n")
}

fn with_length(body: &str) -> String {
    head(&format!("Content-Length: {}\r\n", body.len()))
}

/// The worker gets this body, and the client its answer.
async fn answered(client: &mut Wire, worker: &TcpListener, body: &str) {
    let mut worker = accepted(worker).await;
    worker.head().await;
    worker.expect(body).await;
    worker.send(OK).await;
    client.expect(OK).await;
}

#[tokio::test]
async fn a_body_with_its_head_decides_at_once() {
    let (stage, first, resumed) = two_pools().await;
    let mut client = stage.client().await;
    for (body, to_first) in [
        (r#"{"lists":{"pos":"x"}}"#, true),
        (r#"{"pos":"s1","lists":{}}"#, false),
        (r#"{"pos":null}"#, true),
        ("no json", false),
    ] {
        client.send(with_length(body) + body).await;
        let worker = if to_first { &first } else { &resumed };
        // A new connection each time: the worker closes the last one.
        answered(&mut client, worker, body).await;
    }
}

#[tokio::test]
async fn a_body_in_pieces_is_waited_for_and_passes_unchanged() {
    let (stage, first, _) = two_pools().await;
    let mut client = stage.client().await;
    let body = format!(r#"{{"lists": "{}"}}"#, "x".repeat(30_000));
    client.send(with_length(&body)).await;
    for piece in body.as_bytes().chunks(7_000) {
        client.send(piece).await;
        tokio::task::yield_now().await;
    }
    answered(&mut client, &first, &body).await;
}

#[tokio::test]
async fn chunks_are_no_part_of_what_the_body_says() {
    let (stage, _, resumed) = two_pools().await;
    let mut client = stage.client().await;
    let chunks = "4\r\n{\"po\r\n7\r\ns\":\"x\"}\r\n0\r\n\r\n";
    client.send(head("Transfer-Encoding: chunked\r\n")).await;
    client.send(&chunks[..9]).await;
    tokio::task::yield_now().await;
    client.send(&chunks[9..]).await;
    answered(&mut client, &resumed, chunks).await;
}

#[tokio::test]
async fn a_long_body_counts_as_one_that_resumes() {
    let (stage, _, resumed) = two_pools().await;
    let mut client = stage.client().await;
    let body = format!(r#"{{"lists": "{}"}}"#, "x".repeat(200_000));
    client.send(with_length(&body)).await;
    client.send(&body[..70_000]).await;
    let mut worker = accepted(&resumed).await;
    worker.head().await;
    client.send(&body[70_000..]).await;
    worker.expect(&body).await;
    worker.send(OK).await;
    client.expect(OK).await;
}

#[tokio::test]
async fn a_body_that_does_not_come_holds_up_nothing() {
    let (stage, _, resumed) = two_pools().await;
    let mut client = stage.client().await;
    client.send(with_length("{}")).await;
    let mut worker = accepted(&resumed).await;
    worker.head().await;
    client.send("{}").await;
    worker.expect("{}").await;
    worker.send(OK).await;
    client.expect(OK).await;
}

#[tokio::test]
async fn a_client_that_waits_to_be_told_so_is_told_by_the_worker() {
    let (stage, _, resumed) = two_pools().await;
    let mut client = stage.client().await;
    client
        .send(head("Content-Length: 2\r\nExpect: 100-continue\r\n"))
        .await;
    let mut worker = accepted(&resumed).await;
    worker.head().await;
    worker.send("HTTP/1.1 100 Continue\r\n\r\n").await;
    assert_eq!(status(&client.head().await), 100);
    client.send("{}").await;
    worker.expect("{}").await;
    worker.send(OK).await;
    client.expect(OK).await;
}

#[tokio::test]
async fn a_broken_body_is_refused() {
    let (stage, _, _) = two_pools().await;
    let mut client = stage.client().await;
    client.send(head("Transfer-Encoding: chunked\r\n")).await;
    client.send("zz\r\n").await;
    assert_eq!(status(&client.head().await), 400);
}

#[tokio::test]
async fn what_comes_behind_the_body_is_the_next_request() {
    let (stage, first, _) = two_pools().await;
    let mut client = stage.client().await;
    client.send(with_length("{ }")).await;
    client.send("{").await;
    tokio::task::yield_now().await;
    client
        .send(" }GET /_matrix/client/v3/account/password HTTP/1.1\r\nHost: hs\r\n\r\n")
        .await;
    answered(&mut client, &first, "{ }").await;
    let mut main = stage.worker().await;
    main.head().await;
    main.send(OK).await;
    client.expect(OK).await;
}
