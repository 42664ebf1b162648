//! What the worker gets.

use crate::stage::{Stage, field, status};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
const GET: &str = "GET /_matrix/client/versions HTTP/1.1\r\nHost: hs\r\n\r\n";

#[tokio::test]
async fn the_head_is_written_anew() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client
        .send(
            "GET /_matrix/client/v3/rooms/!a%3Ab/state?x=%20;y HTTP/1.1\r\nHost: hs:8448\r\nAuthorization: Bearer t\r\n\
             Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nTE: trailers\r\nUpgrade: h2c\r\n\
             X-Forwarded-For: 6.6.6.6, 7.7.7.7\r\nX-Forwarded-Proto: https\r\nForwarded: for=6.6.6.6\r\n\
             Accept: */*\r\n\r\n",
        )
        .await;
    let head = stage.worker().await.head().await;
    let id = format!(
        "x-request-id: {}\r\n",
        field(&head, "x-request-id").unwrap()
    );
    assert_eq!(
        head.replace(&id, ""),
        "GET /_matrix/client/v3/rooms/!a%3Ab/state?x=%20;y HTTP/1.1\r\nHost: hs:8448\r\nAuthorization: Bearer t\r\n\
         Accept: */*\r\nx-forwarded-for: 127.0.0.1\r\nx-forwarded-proto: http\r\n\r\n"
    );
}

#[tokio::test]
async fn a_trusted_proxy_says_who_asks() {
    let trust = |settings: &mut thalamus::config::Settings| {
        settings.listeners[0].door.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    };
    let stage = Stage::with(1, trust).await;
    let mut client = stage.client().await;
    client.send("GET / HTTP/1.1\r\nHost: hs\r\nX-Forwarded-For: 6.6.6.6, 7.7.7.7\r\nX-Forwarded-Proto: https\r\n\r\n").await;
    let head = stage.worker().await.head().await;
    assert_eq!(field(&head, "x-forwarded-for"), Some("7.7.7.7"));
    assert_eq!(field(&head, "x-forwarded-proto"), Some("https"));
}

#[tokio::test]
async fn every_request_has_an_id_and_a_trusted_proxy_may_give_it() {
    let ask = "GET / HTTP/1.1\r\nHost: hs\r\ntraceparent: 00-1-2-01\r\nX-Request-Id: ";
    for (trusted, given, passed) in [
        (true, "a1-B2_c3.d4", true),
        (true, "two words", false),
        (true, "quoted\"", false),
        (true, &"x".repeat(200), false),
        (false, "a1-B2_c3.d4", false),
    ] {
        let stage = Stage::with(1, |settings| {
            let trust = trusted.then(|| "127.0.0.0/8".parse().unwrap());
            settings.listeners[0].door.trusted_proxies = trust.into_iter().collect();
        })
        .await;
        let mut client = stage.client().await;
        client.send(format!("{ask}{given}\r\n\r\n")).await;
        let mut worker = stage.worker().await;
        let head = worker.head().await;
        let id = field(&head, "x-request-id").unwrap();
        assert_eq!(id == given, passed, "{given}: {id}");
        assert!(passed || id.len() == 16, "{id}");
        assert_eq!(field(&head, "traceparent"), Some("00-1-2-01"));
        worker.send("no HTTP\r\n\r\n").await;
        let error = client.head().await;
        assert_eq!(
            (status(&error), field(&error, "x-request-id")),
            (502, Some(id))
        );
    }
}

#[tokio::test]
async fn a_head_that_cannot_be_read_gets_an_id_too() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send("GET /\r\n\r\n").await;
    let head = client.head().await;
    assert_eq!(field(&head, "x-request-id").map(str::len), Some(16));
}

#[tokio::test]
async fn one_connection_serves_many_requests_on_both_sides() {
    let stage = Stage::new().await;
    let (mut client, mut worker) = (stage.client().await, None);
    for _ in 0..3 {
        client.send(GET).await;
        if worker.is_none() {
            worker = Some(stage.worker().await);
        }
        let worker = worker.as_mut().unwrap();
        worker.head().await;
        worker.send(OK).await;
        client.expect(OK).await;
    }
    assert!(stage.is_quiet().await);
}

#[tokio::test]
async fn a_head_in_pieces_is_one_head() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    for piece in [
        "GET /_matrix/client/versions HT",
        "TP/1.1\r\nHo",
        "st: hs\r\n",
        "\r",
        "\n",
    ] {
        client.send(piece).await;
        tokio::task::yield_now().await;
    }
    let mut worker = stage.worker().await;
    assert_eq!(field(&worker.head().await, "host"), Some("hs"));
    worker.send(OK).await;
    client.expect(OK).await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    let ask = |n| format!("POST /{n} HTTP/1.1\r\nHost: hs\r\nContent-Length: 1\r\n\r\n{n}");
    client.send(ask(1) + &ask(2) + &ask(3)).await;
    let mut worker = stage.worker().await;
    for n in 1..=3 {
        assert!(worker.head().await.starts_with(&format!("POST /{n} ")));
        worker.expect(n.to_string()).await;
        assert!(
            worker.is_quiet().await,
            "the next request came before the answer"
        );
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{n}");
        worker.send(&answer).await;
        client.expect(answer).await;
    }
}

#[tokio::test]
async fn bodies_pass_as_they_are_framed() {
    let stage = Stage::new().await;
    let (mut client, mut worker) = (stage.client().await, None);
    let chunked = "3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n";
    for (fields, body) in [
        ("Content-Length: 5", "hello"),
        ("Transfer-Encoding: chunked", chunked),
    ] {
        client
            .send(format!(
                "POST /x HTTP/1.1\r\nHost: hs\r\n{fields}\r\n\r\n{body}"
            ))
            .await;
        if worker.is_none() {
            worker = Some(stage.worker().await);
        }
        let worker = worker.as_mut().unwrap();
        let head = worker.head().await;
        assert!(
            head.to_lowercase().contains(&fields.to_lowercase()),
            "{head}"
        );
        worker.expect(body).await;
        worker.send(OK).await;
        client.expect(OK).await;
    }
}

#[tokio::test]
async fn a_large_upload_streams_through() {
    let stage = Stage::new().await;
    let (mut client, size) = (stage.client().await, 8 << 20);
    let body: Vec<u8> = (0..size).map(|n: u32| (n % 251) as u8).collect();
    client
        .send(format!(
            "POST /_matrix/media/v3/upload HTTP/1.1\r\nHost: hs\r\nContent-Length: {size}\r\n\r\n"
        ))
        .await;
    let mut worker = stage.worker().await;
    assert_eq!(
        field(&worker.head().await, "content-length"),
        Some("8388608")
    );
    let (_, read) = tokio::join!(client.send(&body), worker.exactly(body.len()));
    assert!(read == body);
    worker.send(OK).await;
    client.expect(OK).await;
}

#[tokio::test]
async fn continue_is_the_workers_to_say() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client
        .send("PUT /x HTTP/1.1\r\nHost: hs\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        .await;
    let mut worker = stage.worker().await;
    assert_eq!(field(&worker.head().await, "expect"), Some("100-continue"));
    worker.send("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.expect("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.send("hi").await;
    worker.expect("hi").await;
    worker.send(OK).await;
    client.expect(OK).await;
}

#[tokio::test]
async fn an_old_client_gets_one_answer_without_chunks() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client.send("GET /x HTTP/1.0\r\n\r\n").await;
    let mut worker = stage.worker().await;
    let head = worker.head().await;
    assert!(head.starts_with("GET /x HTTP/1.1\r\n"));
    assert_eq!(field(&head, "host"), Some(""));
    worker
        .send(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        )
        .await;
    let head = client.head().await;
    assert_eq!(
        (
            field(&head, "transfer-encoding"),
            field(&head, "connection")
        ),
        (None, Some("close"))
    );
    client.expect("abcde").await;
    client.closed().await;
}

#[tokio::test]
async fn what_two_parsers_could_read_differently_is_refused() {
    let stage = Stage::new().await;
    for request in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: 1\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /caf\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a?b=<c> HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\nx",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\nx",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\na\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: authorization\r\nAuthorization: Bearer x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-maybe\r\n\r\n",
    ] {
        let mut client = stage.client().await;
        client.send(request).await;
        let head = client.head().await;
        assert_eq!(
            (status(&head), field(&head, "connection")),
            (400, Some("close")),
            "{request:?}"
        );
        let body = client.rest().await;
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert!(
            body["errcode"].as_str().unwrap().starts_with("M_"),
            "{request:?}"
        );
    }
    assert!(stage.is_quiet().await, "a refused request reached a worker");
}

#[tokio::test]
async fn replication_and_metrics_never_pass() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    for path in [
        "/_synapse/replication/x",
        "/_synapse/metrics",
        "/_synapse/metrics/",
        "/_synapse/replication",
    ] {
        client
            .send(format!("POST {path} HTTP/1.1\r\nHost: hs\r\n\r\n"))
            .await;
        let head = client.head().await;
        assert_eq!(
            (status(&head), field(&head, "x-thalamus-reason")),
            (403, Some("REFUSED")),
            "{path}"
        );
        let length = field(&head, "content-length").unwrap().parse().unwrap();
        client.exactly(length).await;
    }
    assert!(stage.is_quiet().await);
}
