//! Clients that everybody waits for: their requests have no place among those that a worker may have.

use std::{future::poll_fn, num::NonZeroU32, time::Duration};

use h2::client::{ResponseFuture, SendRequest};
use hyper::{Request, body::Bytes};
use thalamus::config::Settings;
use tokio::{net::TcpStream, time::timeout};

use crate::stage::{Stage, Wire, field, status};

const HANGS: Duration = Duration::from_secs(10);
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
const GET: &str = "GET /_matrix/client/versions HTTP/1.1\r\nHost: hs\r\n\r\n";
const POST: &str =
    "POST /_matrix/client/v3/createRoom HTTP/1.1\r\nHost: hs\r\nContent-Length: 4\r\n\r\n{";
const PUT: &str = "PUT /_matrix/client/v3/rooms/!r/send/m.room.message/txn1 HTTP/1.1\r\nHost: hs\r\nContent-Length: 4\r\n\r\n{";
const FIRST_SYNC: &str =
    "GET /_matrix/client/v3/sync HTTP/1.1\r\nHost: hs\r\nAuthorization: Bearer ";
/// More than two sockets hold.
const LARGE: usize = 32 << 20;
/// More than an HTTP/2 client has room for.
const SOME: usize = 1 << 20;

/// Workers that have two requests at a time, and one first sync.
async fn narrow(workers: usize, change: impl FnOnce(&mut Settings)) -> Stage {
    Stage::with(workers, |settings| {
        settings.pools[0].cap = NonZeroU32::new(2).unwrap();
        settings.pools[0].first_syncs = NonZeroU32::MIN;
        change(settings);
    })
    .await
}

/// A client who has sent `request`, and the end of its worker, who has its head.
async fn asked(stage: &Stage, request: &str) -> (Wire, Wire) {
    let mut client = stage.client().await;
    client.send(request).await;
    let mut worker = stage.worker().await;
    worker.head().await;
    (client, worker)
}

/// Two clients whose requests fill a worker.
async fn busy(stage: &Stage) -> [(Wire, Wire); 2] {
    [asked(stage, GET).await, asked(stage, GET).await]
}

async fn until_in_flight(stage: &Stage, count: u32) {
    let in_flight = || {
        let state = stage.running.state.load();
        state.pools[0]
            .workers
            .iter()
            .map(|worker| worker.in_flight())
            .sum::<u32>()
    };
    until(|| in_flight() == count).await;
}

async fn until_waiting(stage: &Stage, count: usize) {
    until(|| stage.running.state.load().pools[0].waiting() == count).await;
}

async fn until(mut is_so: impl FnMut() -> bool) {
    let seen = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(HANGS, seen).await.expect("it never came to that");
}

/// A quick request is answered, whoever else is slow.
async fn is_served(stage: &Stage) {
    let (mut client, mut worker) = asked(stage, GET).await;
    worker
        .send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        .await;
    assert_eq!(status(&client.head().await), 204);
}

/// Answers with so many bytes, or as many as the other side takes.
fn pour(mut worker: Wire, size: usize) -> tokio::task::JoinHandle<usize> {
    tokio::spawn(async move {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n");
        worker.send(head).await;
        let piece = vec![b'x'; 256 << 10];
        let mut taken = 0;
        while taken < size && worker.takes(&piece).await {
            taken += piece.len();
        }
        taken
    })
}

#[tokio::test]
async fn bodies_that_crawl_have_no_slot() {
    let stage = narrow(1, |_| ()).await;
    let mut slow = [asked(&stage, POST).await, asked(&stage, POST).await];
    until_in_flight(&stage, 0).await;
    is_served(&stage).await;
    for (client, worker) in &mut slow {
        client.send("  ").await;
        worker.expect("{  ").await;
        client.send("}").await;
        worker.expect("}").await;
        worker.send(OK).await;
        client.expect(OK).await;
    }
    until_in_flight(&stage, 0).await;
}

#[tokio::test]
async fn the_end_of_a_body_waits_for_a_slot() {
    let stage = narrow(1, |_| ()).await;
    let chunked = "POST /x HTTP/1.1\r\nHost: hs\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n";
    for (request, end) in [(POST, "  }"), (PUT, "  }"), (chunked, "0\r\n\r\n")] {
        let (mut slow, mut its_worker) = asked(&stage, request).await;
        until_in_flight(&stage, 0).await;
        let start = if request == chunked {
            "1\r\n{\r\n"
        } else {
            "{"
        };
        its_worker.expect(start).await;
        let [(mut first, mut worker), (mut second, mut other)] = busy(&stage).await;
        slow.send(end).await;
        until_waiting(&stage, 1).await;
        assert!(its_worker.is_quiet().await, "the worker has three");
        worker
            .send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            .await;
        assert_eq!(status(&first.head().await), 204);
        its_worker.expect(end).await;
        until_in_flight(&stage, 2).await;
        its_worker
            .send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            .await;
        assert_eq!(status(&slow.head().await), 204);
        other
            .send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            .await;
        assert_eq!(status(&second.head().await), 204);
        until_in_flight(&stage, 0).await;
    }
}

#[tokio::test]
async fn who_waits_too_long_with_a_whole_body_is_told_so() {
    let short = Duration::from_millis(200);
    let stage = narrow(1, |settings| settings.limits.wait_other = short).await;
    let (mut slow, mut worker) = asked(&stage, POST).await;
    until_in_flight(&stage, 0).await;
    let _busy = busy(&stage).await;
    slow.send("  }").await;
    let head = slow.head().await;
    let told = (status(&head), field(&head, "x-thalamus-reason"));
    assert_eq!(told, (503, Some("BUSY")));
    assert_eq!(worker.rest().await, b"{", "it must not work on that");
    until_waiting(&stage, 0).await;
}

#[tokio::test]
async fn a_full_queue_refuses_it_too() {
    let stage = narrow(1, |settings| settings.pools[0].queue = 0).await;
    let (mut slow, mut worker) = asked(&stage, POST).await;
    until_in_flight(&stage, 0).await;
    let _busy = busy(&stage).await;
    slow.send("  }").await;
    let head = slow.head().await;
    let told = (status(&head), field(&head, "x-thalamus-reason"));
    assert_eq!(told, (429, Some("QUEUE_FULL")));
    assert_eq!(worker.rest().await, b"{");
}

#[tokio::test]
async fn an_early_answer_passes_while_the_end_waits() {
    let stage = narrow(1, |_| ()).await;
    let (mut slow, mut worker) = asked(&stage, POST).await;
    until_in_flight(&stage, 0).await;
    let _busy = busy(&stage).await;
    slow.send("  }").await;
    until_waiting(&stage, 1).await;
    worker
        .send("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
        .await;
    assert_eq!(status(&slow.head().await), 403);
    until_waiting(&stage, 0).await;
}

#[tokio::test]
async fn who_leaves_meanwhile_takes_nothing_along() {
    let stage = narrow(1, |_| ()).await;
    let (slow, mut worker) = asked(&stage, POST).await;
    let (mut waiting, mut its_worker) = asked(&stage, POST).await;
    until_in_flight(&stage, 0).await;
    drop(slow);
    assert_eq!(worker.rest().await, b"{");
    let _busy = busy(&stage).await;
    waiting.send("  }").await;
    until_waiting(&stage, 1).await;
    drop(waiting);
    assert_eq!(its_worker.rest().await, b"{");
    until_waiting(&stage, 0).await;
    until_in_flight(&stage, 2).await;
}

#[tokio::test]
async fn what_may_move_moves_when_the_worker_dies_and_nothing_else_does() {
    let stage = narrow(2, |_| ()).await;
    for (request, moves) in [(PUT, true), (POST, false)] {
        let mut client = stage.client().await;
        client.send(request).await;
        let (first, mut worker) = stage.any_worker().await;
        worker.head().await;
        worker.expect("{").await;
        until_in_flight(&stage, 0).await;
        worker.reset();
        if !moves {
            assert_eq!(status(&client.head().await), 502);
            assert!(stage.is_quiet().await, "it was sent twice");
            continue;
        }
        let mut worker = stage.worker_at(1 - first).await;
        worker.head().await;
        until_in_flight(&stage, 1).await;
        client.send("  }").await;
        worker.expect("{  }").await;
        worker
            .send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            .await;
        assert_eq!(status(&client.head().await), 204);
        until_in_flight(&stage, 0).await;
    }
}

#[tokio::test]
async fn readers_that_stop_have_no_slot() {
    let stage = narrow(1, |_| ()).await;
    let mut stopped = vec![];
    for _ in 0..2 {
        let (client, worker) = asked(&stage, GET).await;
        stopped.push((client, pour(worker, LARGE)));
    }
    until_in_flight(&stage, 0).await;
    let _busy = busy(&stage).await;
    for (mut client, worker) in stopped {
        client.head().await;
        client.exactly(LARGE).await;
        assert_eq!(worker.await.unwrap(), LARGE);
    }
    until_in_flight(&stage, 2).await;
}

#[tokio::test]
async fn a_first_sync_whose_reader_stops_lets_the_next_one_run() {
    let stage = narrow(1, |_| ()).await;
    let ask = async |token: &str| asked(&stage, &format!("{FIRST_SYNC}{token}\r\n\r\n")).await;
    let (mut stopped, worker) = ask("mat_a").await;
    let poured = pour(worker, LARGE);
    until_in_flight(&stage, 0).await;
    let (mut other, mut worker) = ask("mat_b").await;
    worker.send(OK).await;
    other.expect(OK).await;
    stopped.head().await;
    stopped.exactly(LARGE).await;
    assert_eq!(poured.await.unwrap(), LARGE);
}

/// A client's end of an HTTP/2 connection.
async fn http2(stage: &Stage) -> SendRequest<Bytes> {
    let tcp = TcpStream::connect(stage.proxy).await.unwrap();
    let (requests, connection) = h2::client::handshake(tcp).await.unwrap();
    tokio::spawn(connection);
    requests
}

fn request(method: &str) -> Request<()> {
    let request = Request::builder().method(method);
    request
        .uri("http://hs/_matrix/client/v3/createRoom")
        .body(())
        .unwrap()
}

async fn answered(response: ResponseFuture) -> hyper::Response<h2::RecvStream> {
    timeout(HANGS, response).await.expect("no answer").unwrap()
}

#[tokio::test]
async fn slow_requests_of_one_connection_have_no_slot_either() {
    let stage = narrow(1, |_| ()).await;
    let mut client = http2(&stage).await;
    let (crawls, mut body) = client.send_request(request("POST"), false).unwrap();
    body.send_data("{".into(), false).unwrap();
    let mut worker = stage.worker().await;
    worker.head().await;
    let (stops, _) = client.send_request(request("GET"), true).unwrap();
    let mut other = stage.worker().await;
    other.head().await;
    let _poured = pour(other, SOME);
    until_in_flight(&stage, 0).await;
    is_served(&stage).await;
    let mut busy = busy(&stage).await;
    body.send_data("}".into(), true).unwrap();
    until_waiting(&stage, 1).await;
    busy[0].1.send(OK).await;
    worker.expect("1\r\n{\r\n1\r\n}\r\n0\r\n\r\n").await;
    worker.send(OK).await;
    assert_eq!(answered(crawls).await.status(), 200);
    let mut stopped = answered(stops).await;
    let read = async {
        let mut read = 0;
        while let Some(data) = stopped.body_mut().data().await {
            let data = data.unwrap();
            read += data.len();
            stopped
                .body_mut()
                .flow_control()
                .release_capacity(data.len())
                .unwrap();
        }
        read
    };
    assert_eq!(timeout(HANGS, read).await.expect("it stopped"), SOME);
    poll_fn(|cx| client.poll_ready(cx)).await.unwrap();
}
