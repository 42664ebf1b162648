//! Clients that send byte by byte, and readers that stop, many at once.

use std::time::Duration;

use thalamus::{config::Settings, route::Limits};

use crate::stage::{Stage, Wire, field, status};

const GET: &str = "GET /_matrix/client/versions HTTP/1.1\r\nHost: hs\r\n\r\n";
const EACH: usize = 60;

/// Long enough for every client to begin on a busy machine.
fn patient(settings: &mut Settings) {
    let patience = Duration::from_secs(3);
    settings.limits = Limits {
        head: patience,
        other: patience,
        ..Limits::default()
    };
}

/// So many clients who have sent `start`.
async fn clients(stage: &Stage, start: &str) -> Vec<Wire> {
    let mut clients = vec![];
    for _ in 0..EACH {
        let mut client = stage.client().await;
        client.send(start).await;
        clients.push(client);
    }
    clients
}

/// A client asks and is answered; on the same connections the next time.
async fn serve(stage: &Stage, client: &mut Wire, worker: &mut Option<Wire>) {
    client.send(GET).await;
    let mut end = match worker.take() {
        Some(worker) => worker,
        None => stage.worker().await,
    };
    end.head().await;
    end.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(status(&client.head().await), 204);
    *worker = Some(end);
}

#[tokio::test]
async fn slow_clients_are_timed_out_and_hold_up_nobody() {
    let stage = Stage::with(1, patient).await;
    let (mut quick, mut worker) = (stage.client().await, None);
    let mut heads = clients(&stage, "GET /slow HTTP/1.1\r\nX: ").await;
    let body = "POST /slow HTTP/1.1\r\nHost: hs\r\nContent-Length: 1000\r\n\r\n";
    let mut bodies = clients(&stage, body).await;
    let mut held = vec![];
    for _ in 0..EACH {
        held.push(stage.worker().await);
    }
    for _ in 0..10 {
        for slow in heads.iter_mut().chain(&mut bodies) {
            slow.send("x").await;
        }
        serve(&stage, &mut quick, &mut worker).await;
    }
    for slow in heads.iter_mut().chain(&mut bodies) {
        let head = slow.head().await;
        let told = (status(&head), field(&head, "x-thalamus-reason"));
        assert_eq!(told, (408, Some("SLOW_CLIENT")));
    }
    for mut worker in held {
        let got = worker.rest().await;
        assert!(got.starts_with(b"POST /slow HTTP/1.1\r\n"));
    }
}

#[tokio::test]
async fn a_request_byte_by_byte_is_one_request() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    let request =
        "POST /x HTTP/1.1\r\nHost: hs\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    for byte in request.bytes() {
        client.send([byte]).await;
        tokio::task::yield_now().await;
    }
    let mut worker = stage.worker().await;
    assert!(worker.head().await.starts_with("POST /x HTTP/1.1\r\n"));
    worker.expect("2\r\nhi\r\n0\r\n\r\n").await;
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" {
        worker.send([*byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(status(&client.head().await), 200);
    client.expect("ok").await;
    client.send(GET).await;
    worker.head().await;
}

#[tokio::test]
async fn readers_that_stop_are_cut_and_hold_up_nobody() {
    let stage = Stage::with(1, patient).await;
    let mut stopped = clients(&stage, GET).await;
    let mut held = vec![];
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 64 << 20);
    for _ in 0..EACH {
        let mut worker = stage.worker().await;
        worker.head().await;
        worker.send(&answer).await;
        held.push(tokio::spawn(pour(worker)));
    }
    serve(&stage, &mut stage.client().await, &mut None).await;
    // Nobody reads, so most of it stays at the workers, whose connections end with their clients'.
    for worker in held {
        let taken = worker.await.unwrap();
        assert!(taken < 64 << 20, "all was taken although nobody reads");
    }
    for reader in &mut stopped {
        assert_eq!(status(&reader.head().await), 200);
        assert!(reader.rest().await.len() < 64 << 20);
    }
}

/// Writes until the other side closes; how much it took.
async fn pour(mut worker: Wire) -> usize {
    let piece = vec![b'x'; 256 << 10];
    let mut taken = 0;
    while worker.takes(&piece).await {
        taken += piece.len();
    }
    taken
}
