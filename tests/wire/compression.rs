//! Answers that are compressed on their way, and those that are not.

use std::io::Read;

use thalamus::{config::Settings, http1::Coding};

use crate::stage::{Stage, Wire, field};

/// A body that is worth it.
fn json() -> String {
    format!(
        "{{\"events\":[{}1]}}",
        "{\"type\":\"m.room.message\"},".repeat(100)
    )
}

async fn compressing(codings: &[Coding]) -> Stage {
    Stage::with(1, |settings: &mut Settings| {
        settings.listeners[0].door.compression = codings.into();
    })
    .await
}

/// A client that has asked with these fields, and the worker that was asked.
async fn asked(stage: &Stage, target: &str, fields: &str) -> (Wire, Wire) {
    let mut client = stage.client().await;
    client
        .send(format!("GET {target} HTTP/1.1\r\nHost: hs\r\n{fields}\r\n"))
        .await;
    let mut worker = stage.worker().await;
    worker.head().await;
    (client, worker)
}

const SYNC: &str = "/_matrix/client/v3/sync?since=s1&timeout=30000";

/// Reads one chunk; empty for the last.
async fn chunk(client: &mut Wire) -> Vec<u8> {
    let mut size = String::new();
    while !size.ends_with("\r\n") {
        size.push(char::from(client.exactly(1).await[0]));
    }
    let size = usize::from_str_radix(size.trim_end(), 16).unwrap();
    let bytes = client.exactly(size).await;
    client.expect("\r\n").await;
    bytes
}

async fn chunks(client: &mut Wire) -> Vec<u8> {
    let mut all = vec![];
    loop {
        match chunk(client).await {
            last if last.is_empty() => return all,
            bytes => all.extend(bytes),
        }
    }
}

fn plain(coding: Coding, bytes: &[u8]) -> String {
    let mut text = String::new();
    // What ends too early gives what it has before its error.
    let _ = match coding {
        Coding::Gzip => flate2::read::GzDecoder::new(bytes).read_to_string(&mut text),
        Coding::Brotli => brotli::Decompressor::new(bytes, 4096).read_to_string(&mut text),
        Coding::Zstd => zstd::stream::read::Decoder::new(bytes)
            .unwrap()
            .read_to_string(&mut text),
    };
    text
}

#[tokio::test]
async fn a_long_answer_comes_in_the_coding_that_is_liked_best() {
    for (accept, coding) in [
        ("gzip, deflate, br, zstd", Coding::Zstd),
        ("gzip, deflate, br", Coding::Brotli),
        ("gzip", Coding::Gzip),
    ] {
        let stage = compressing(&Coding::ALL).await;
        let (mut client, mut worker) =
            asked(&stage, SYNC, &format!("Accept-Encoding: {accept}\r\n")).await;
        let body = json();
        worker
            .send(format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nETag: \"1\"\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ))
            .await;
        let head = client.head().await;
        assert_eq!(field(&head, "content-encoding"), Some(coding.name()));
        assert_eq!(field(&head, "vary"), Some("Accept-Encoding"));
        assert_eq!(field(&head, "etag"), Some("W/\"1\""));
        assert_eq!(field(&head, "content-length"), None);
        let bytes = chunks(&mut client).await;
        assert!(bytes.len() < body.len() / 5, "{} bytes", bytes.len());
        assert_eq!(plain(coding, &bytes), body);
        let again = format!("GET {SYNC} HTTP/1.1\r\nHost: hs\r\n\r\n");
        client.send(again).await;
        worker.head().await;
    }
}

#[tokio::test]
async fn nothing_waits_for_what_comes_later() {
    let stage = compressing(&[Coding::Gzip]).await;
    let (mut client, mut worker) = asked(&stage, SYNC, "Accept-Encoding: gzip\r\n").await;
    worker
        .send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    let head = client.head().await;
    assert_eq!(field(&head, "content-encoding"), Some("gzip"));
    worker.send("5\r\n{\"a\":\r\n").await;
    let mut bytes = chunk(&mut client).await;
    assert_eq!(plain(Coding::Gzip, &bytes), "{\"a\":");
    worker.send("2\r\n1}\r\n").await;
    bytes.extend(chunk(&mut client).await);
    assert_eq!(plain(Coding::Gzip, &bytes), "{\"a\":1}");
    worker.send("0\r\n\r\n").await;
    bytes.extend(chunks(&mut client).await);
    assert_eq!(plain(Coding::Gzip, &bytes), "{\"a\":1}");
}

#[tokio::test]
async fn an_answer_that_is_cut_short_has_no_end() {
    let stage = compressing(&[Coding::Gzip]).await;
    let (mut client, mut worker) = asked(&stage, SYNC, "Accept-Encoding: gzip\r\n").await;
    worker
        .send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")
        .await;
    client.head().await;
    chunk(&mut client).await;
    drop(worker);
    client.closed().await;
}

#[tokio::test]
async fn many_pieces_come_out_as_they_went_in() {
    let stage = compressing(&[Coding::Gzip]).await;
    let (mut client, mut worker) = asked(&stage, SYNC, "Accept-Encoding: gzip\r\n").await;
    let body = json().repeat(1000);
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let (head, sent) = (head + &body, body);
    let (_, received) = tokio::join!(worker.send(head), async {
        client.head().await;
        chunks(&mut client).await
    });
    assert!(plain(Coding::Gzip, &received) == sent);
}

#[tokio::test]
async fn what_is_not_worth_it_or_must_not_change_goes_as_it_came() {
    let body = json();
    let long = format!("Content-Length: {}\r\n\r\n{body}", body.len());
    let typed = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}{long}");
    let download = "/_matrix/client/v1/media/download/hs/abc";
    let gzip = "Accept-Encoding: gzip\r\n";
    for (target, fields, answer) in [
        (SYNC, "", typed("Content-Type: application/json\r\n")),
        (SYNC, "Accept-Encoding: identity, gzip;q=0\r\n", typed("Content-Type: application/json\r\n")),
        (SYNC, gzip, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}".into()),
        (
            SYNC,
            gzip,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n".into(),
        ),
        (SYNC, gzip, typed("Content-Type: image/png\r\n")),
        (SYNC, gzip, typed("")),
        (SYNC, gzip, typed("Content-Type: application/json\r\nContent-Encoding: br\r\n")),
        (SYNC, gzip, typed("Content-Type: application/json\r\nCache-Control: public, No-Transform\r\n")),
        (download, gzip, typed("Content-Type: text/plain\r\n")),
        (
            SYNC,
            gzip,
            typed("Content-Type: text/plain\r\n").replace("200 OK", "206 Partial Content"),
        ),
    ] {
        let stage = compressing(&Coding::ALL).await;
        let (mut client, mut worker) = asked(&stage, target, fields).await;
        worker.send(&answer).await;
        client.expect(&answer).await;
    }
}

#[tokio::test]
async fn no_listener_compresses_unless_it_is_told_to() {
    let stage = Stage::new().await;
    let (mut client, mut worker) = asked(&stage, SYNC, "Accept-Encoding: gzip\r\n").await;
    let body = json();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    worker.send(&answer).await;
    client.expect(&answer).await;
}
