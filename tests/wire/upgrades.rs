//! WebSockets and the like: through to mounted services, never to Synapse.

use std::time::Duration;

use tokio::net::TcpListener;

use crate::{
    mounts::{mounted, mounted_for},
    stage::{Stage, Wire, accepted, field, status},
};

const ASK: &str = "GET /other/ws HTTP/1.1\r\nHost: hs\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                      Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// A client and a worker that have agreed on another protocol.
async fn switched() -> (Stage, TcpListener, Wire, Wire) {
    switched_for(Duration::from_secs(3600)).await
}

/// The same, where both may be silent for so long.
async fn switched_for(silence: Duration) -> (Stage, TcpListener, Wire, Wire) {
    let (stage, socket) = mounted_for(false, &[("", "/other/")], silence).await;
    let mut client = stage.client().await;
    client.send(ASK).await;
    let mut worker = accepted(&socket).await;
    let head = worker.head().await;
    assert_eq!(field(&head, "connection"), Some("upgrade"), "{head}");
    assert_eq!(field(&head, "upgrade"), Some("websocket"), "{head}");
    assert_eq!(field(&head, "sec-websocket-version"), Some("13"));
    worker.send(SWITCH).await;
    let head = client.head().await;
    assert_eq!(status(&head), 101);
    assert_eq!(field(&head, "connection"), Some("upgrade"), "{head}");
    assert_eq!(field(&head, "upgrade"), Some("websocket"), "{head}");
    assert_eq!(
        field(&head, "sec-websocket-accept"),
        Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    );
    (stage, socket, client, worker)
}

#[tokio::test]
async fn bytes_pass_both_ways_whatever_they_are() {
    let (_stage, _socket, mut client, mut worker) = switched().await;
    for round in 0..3u8 {
        let up = [0x81, round, b'\r', b'\n'];
        client.send(up).await;
        worker.expect(up).await;
        worker.send("HTTP/1.1 200 OK\r\n\r\n").await;
        client.expect("HTTP/1.1 200 OK\r\n\r\n").await;
    }
}

#[tokio::test]
async fn what_comes_early_is_not_lost() {
    let (stage, socket) = mounted(false, &[("", "/other/")]).await;
    let mut client = stage.client().await;
    client.send(format!("{ASK}early")).await;
    let mut worker = accepted(&socket).await;
    worker.head().await;
    worker.send(format!("{SWITCH}at once")).await;
    worker.expect("early").await;
    client.head().await;
    client.expect("at once").await;
}

#[tokio::test]
async fn each_way_is_held_back_by_its_reader() {
    let (_stage, _socket, mut client, mut worker) = switched().await;
    let much: Vec<u8> = (0..16 << 20).map(|n: u32| (n % 251) as u8).collect();
    // The client does not read while it sends: what the worker sends meanwhile has to wait.
    let talk = async {
        client.send(&much).await;
        assert!(client.exactly(much.len()).await == much);
    };
    let work = async {
        assert!(worker.exactly(much.len()).await == much);
        worker.send(&much).await;
    };
    tokio::join!(talk, work);
}

#[tokio::test]
async fn the_end_of_one_side_is_the_end_of_both() {
    let (_stage, _socket, mut client, worker) = switched().await;
    let mut worker = worker;
    worker.send("last words").await;
    drop(worker);
    client.expect("last words").await;
    client.closed().await;
    let (_stage, _socket, mut client, mut worker) = switched().await;
    client.send("last words").await;
    drop(client);
    worker.expect("last words").await;
    worker.closed().await;
    let (_stage, _socket, mut client, worker) = switched().await;
    worker.reset();
    client.closed().await;
}

#[tokio::test]
async fn silence_ends_it_and_talk_does_not() {
    let silence = Duration::from_secs(2);
    let (_stage, _socket, mut client, mut worker) = switched_for(silence).await;
    for _ in 0..6 {
        tokio::time::sleep(silence / 4).await;
        client.send("still here").await;
        worker.expect("still here").await;
    }
    // Nobody says anything for longer than the mount allows.
    worker.closed().await;
    client.closed().await;
}

#[tokio::test]
async fn a_worker_counts_it_until_it_ends() {
    let (stage, _socket, client, mut worker) = switched().await;
    let in_flight = || {
        let state = stage.running.state.load();
        state.pool("other").unwrap().workers[0].in_flight()
    };
    assert_eq!(in_flight(), 1);
    drop(client);
    worker.closed().await;
    while in_flight() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_answer_that_does_not_switch_is_an_answer() {
    let (stage, socket) = mounted(false, &[("", "/other/")]).await;
    let mut client = stage.client().await;
    client.send(ASK).await;
    let mut worker = accepted(&socket).await;
    let no = "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno";
    for _ in 0..2 {
        worker.head().await;
        worker.send(no).await;
        client.expect(no).await;
        client.send(ASK).await;
    }
}

#[tokio::test]
async fn nobody_switches_unasked_and_nothing_becomes_http_2() {
    for (ask, from) in [
        ("GET /other/ws HTTP/1.1\r\nHost: hs\r\n\r\n", "no upgrade"),
        (
            "GET /other/ws HTTP/1.1\r\nHost: hs\r\nUpgrade: websocket\r\n\r\n",
            "no connection token",
        ),
        (
            "GET /other/ws HTTP/1.1\r\nHost: hs\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
             HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
            "h2c",
        ),
        (
            "POST /other/ws HTTP/1.1\r\nHost: hs\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Content-Length: 2\r\n\r\n{}",
            "with a body",
        ),
    ] {
        let (stage, socket) = mounted(false, &[("", "/other/")]).await;
        let mut client = stage.client().await;
        client.send(ask).await;
        let mut worker = accepted(&socket).await;
        let head = worker.head().await;
        assert_eq!(field(&head, "upgrade"), None, "{from}");
        assert_eq!(field(&head, "connection"), None, "{from}");
        worker.send(SWITCH).await;
        assert_eq!(status(&client.head().await), 502, "{from}");
    }
}

#[tokio::test]
async fn synapse_is_never_asked_to_switch() {
    let (stage, _socket) = mounted(false, &[("", "/other/")]).await;
    let mut client = stage.client().await;
    client
        .send(ASK.replace("/other/ws", "/_matrix/client/versions"))
        .await;
    let mut worker = stage.worker().await;
    let head = worker.head().await;
    assert_eq!(field(&head, "upgrade"), None);
    worker.send(SWITCH).await;
    assert_eq!(status(&client.head().await), 502);
}

#[tokio::test]
async fn a_worker_that_closes_early_is_told_of() {
    let (stage, socket) = mounted(false, &[("", "/other/")]).await;
    let mut client = stage.client().await;
    client.send(ASK).await;
    let mut worker = accepted(&socket).await;
    worker.head().await;
    worker.send("HTTP/1.1 101 Switch").await;
    drop(worker);
    assert_eq!(status(&client.head().await), 502);
    let (stage, socket) = mounted(false, &[("", "/other/")]).await;
    let client = stage.client().await;
    let mut client = client;
    client.send(ASK).await;
    let mut worker = accepted(&socket).await;
    worker.head().await;
    drop(client);
    worker.closed().await;
}
