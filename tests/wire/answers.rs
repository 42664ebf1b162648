//! What the client gets.

use crate::stage::{Stage, Wire, field, status};

const GET: &str = "GET /_matrix/client/versions HTTP/1.1\r\nHost: hs\r\n\r\n";

/// A client and a worker in the middle of an exchange.
async fn asked(stage: &Stage, request: &str) -> (Wire, Wire) {
    let mut client = stage.client().await;
    client.send(request).await;
    let mut worker = stage.worker().await;
    worker.head().await;
    (client, worker)
}

#[tokio::test]
async fn fields_of_the_workers_connection_stay_there() {
    let stage = Stage::new().await;
    let (mut client, mut worker) = asked(&stage, GET).await;
    worker
        .send("HTTP/1.1 200 Fine\r\nServer: Synapse\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 1\r\nContent-Length: 0\r\n\r\n")
        .await;
    client
        .expect("HTTP/1.1 200 Fine\r\nServer: Synapse\r\nContent-Length: 0\r\n\r\n")
        .await;
}

#[tokio::test]
async fn chunks_and_trailers_pass_as_they_come() {
    let stage = Stage::new().await;
    let (mut client, mut worker) = asked(&stage, GET).await;
    worker
        .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    client
        .expect("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        .await;
    for piece in [
        "5\r\nhello\r\n",
        "3\r\na",
        "bc",
        "\r",
        "\n0",
        "\r\nX-Sum: 1\r\n\r\n",
    ] {
        worker.send(piece).await;
        client.expect(piece).await;
    }
    client.send(GET).await;
    worker.head().await;
}

#[tokio::test]
async fn some_answers_have_no_body() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send(GET.replace("GET", "HEAD")).await;
    let mut worker = stage.worker().await;
    worker.head().await;
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n",
    ] {
        worker.send(answer).await;
        client.expect(answer).await;
        client.send(GET).await;
        worker.head().await;
    }
}

#[tokio::test]
async fn interim_answers_come_before_the_last() {
    let stage = Stage::new().await;
    let (mut client, mut worker) = asked(&stage, GET).await;
    let all = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!";
    worker.send(all).await;
    client.expect(all).await;
}

#[tokio::test]
async fn a_body_until_close_ends_the_clients_connection_too() {
    let stage = Stage::new().await;
    let (mut client, mut worker) = asked(&stage, GET).await;
    worker.send("HTTP/1.0 200 OK\r\n\r\nall of it").await;
    drop(worker);
    client
        .expect("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nall of it")
        .await;
    client.closed().await;
}

#[tokio::test]
async fn an_answer_may_come_before_the_request_is_whole() {
    let stage = Stage::new().await;
    let post = "POST /x HTTP/1.1\r\nHost: hs\r\nContent-Length: 100\r\n\r\nfirst";
    let (mut client, mut worker) = asked(&stage, post).await;
    worker.expect("first").await;
    worker
        .send("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno")
        .await;
    client
        .expect("HTTP/1.1 403 No\r\nContent-Length: 2\r\nconnection: close\r\n\r\nno")
        .await;
    client.closed().await;
}

#[tokio::test]
async fn both_bodies_stream_at_once() {
    let stage = Stage::new().await;
    let post = "POST /x HTTP/1.1\r\nHost: hs\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (mut client, mut worker) = asked(&stage, post).await;
    worker
        .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    client.head().await;
    for _ in 0..3 {
        client.send("4\r\nping\r\n").await;
        worker.expect("4\r\nping\r\n").await;
        worker.send("4\r\npong\r\n").await;
        client.expect("4\r\npong\r\n").await;
    }
    client.send("0\r\n\r\n").await;
    worker.expect("0\r\n\r\n").await;
    worker.send("0\r\n\r\n").await;
    client.expect("0\r\n\r\n").await;
}

#[tokio::test]
async fn answers_that_can_be_read_in_two_ways_are_refused() {
    let stage = Stage::new().await;
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 OK\r\nX: 1\r\n folded\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/3.0 200 OK\r\n\r\n",
        "junk\r\n\r\n",
    ] {
        let (mut client, mut worker) = asked(&stage, GET).await;
        worker.send(answer).await;
        let head = client.head().await;
        assert_eq!(
            (status(&head), field(&head, "x-thalamus-reason")),
            (502, Some("BAD_ANSWER")),
            "{answer:?}"
        );
        worker.closed().await;
    }
}

#[tokio::test]
async fn a_flood_of_interim_answers_is_refused() {
    let stage = Stage::new().await;
    let (mut client, mut worker) = asked(&stage, GET).await;
    worker
        .send("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100))
        .await;
    assert_eq!(status(&client.head().await), 502);
    worker.closed().await;
}

#[tokio::test]
async fn a_reader_that_stops_holds_its_worker_back() {
    let stage = Stage::new().await;
    let (mut client, mut worker) = asked(&stage, GET).await;
    let size = 64 << 20;
    worker
        .send(format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n"))
        .await;
    let piece = vec![b'x'; 1 << 20];
    let mut sent = 0;
    while let Ok(()) =
        tokio::time::timeout(std::time::Duration::from_millis(300), worker.send(&piece)).await
    {
        sent += piece.len();
        assert!(sent < size, "all was taken although nobody reads");
    }
    client.head().await;
    client.exactly(sent).await;
}

#[tokio::test]
async fn a_length_where_no_body_can_be_is_taken_away() {
    let stage = Stage::new().await;
    let (mut client, mut worker) = asked(&stage, GET).await;
    worker
        .send("HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\nLink: </a>\r\n\r\n")
        .await;
    client
        .expect("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        .await;
    worker
        .send("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\nX: y\r\n\r\n")
        .await;
    client
        .expect("HTTP/1.1 204 No Content\r\nX: y\r\n\r\n")
        .await;
    client.send(GET).await;
    worker.head().await;
}
