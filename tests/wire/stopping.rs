//! Our own stop, and sockets of the other kind.

use std::{path::PathBuf, time::Duration};

use thalamus::{
    discovery::{Endpoint, Source},
    net::Address,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixListener, UnixStream},
};

use crate::stage::{Stage, field, pool, settings, status};

const GET: &str = "GET /_matrix/client/versions HTTP/1.1\r\nHost: hs\r\n\r\n";

#[tokio::test]
async fn what_runs_ends_and_what_is_idle_closes() {
    let stage = Stage::new().await;
    let (mut idle, mut parked) = (stage.client().await, stage.client().await);
    parked.send(GET).await;
    let mut worker = stage.worker().await;
    worker.head().await;
    let (proxy, running) = (stage.proxy, stage.running);
    let stopping = tokio::spawn(running.stop());
    idle.closed().await;
    assert!(TcpStream::connect(proxy).await.is_err(), "still accepting");
    worker.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    let head = parked.head().await;
    assert_eq!(
        (status(&head), field(&head, "connection")),
        (204, Some("close"))
    );
    parked.closed().await;
    stopping.await.unwrap();
}

#[tokio::test]
async fn what_outlives_the_grace_is_cut() {
    let short = |settings: &mut thalamus::config::Settings| {
        settings.shutdown.grace = Duration::from_millis(200)
    };
    let stage = Stage::with(1, short).await;
    let mut parked = stage.client().await;
    parked.send(GET).await;
    let mut worker = stage.worker().await;
    worker.head().await;
    stage.running.stop().await;
    parked.closed().await;
    worker.closed().await;
}

#[tokio::test]
async fn unix_sockets_serve_on_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    let worker = UnixListener::bind(path("main.sock")).unwrap();
    let address = Address::Unix(path("main.sock"));
    let found = [Endpoint::new("main", address)].into();
    let mut settings = settings(vec![pool("main", &[], Source::Static(found))]);
    settings.listeners[0].address = Address::Unix(path("front.sock"));
    let running = thalamus::app::start(settings).await.unwrap();
    let mut client = UnixStream::connect(path("front.sock")).await.unwrap();
    client
        .write_all(b"GET / HTTP/1.0\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n")
        .await
        .unwrap();
    let (mut worker, _) = worker.accept().await.unwrap();
    let mut head = vec![0; 1000];
    let count = worker.read(&mut head).await.unwrap();
    let head = String::from_utf8_lossy(&head[..count]).into_owned();
    assert!(head.contains("x-forwarded-for: 9.9.9.9\r\n"), "{head}");
    worker
        .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    running.stop().await;
    assert!(!path("front.sock").exists(), "the socket was left behind");
}
