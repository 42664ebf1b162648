//! Who is asking, said by a proxy in front of us.

use thalamus::proxy::ClientFrom;

use crate::stage::{Stage, Wire, field};

const GET: &str = "GET /_matrix/client/versions HTTP/1.1\r\nHost: hs\r\n\r\n";
const V2: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0f\x01\x02\x03\x04\x0a\0\0\x01\x11\x5c\x01\xbb\x04\0\0";

async fn introduced(trusted: &str) -> Stage {
    Stage::with(1, |settings| {
        let listener = &mut settings.listeners[0];
        listener.proxy_protocol = true;
        listener.door.trusted_proxies = vec![trusted.parse().unwrap()];
    })
    .await
}

async fn asks_as(stage: &Stage, mut client: Wire, address: &str) {
    client.send(GET).await;
    let head = stage.worker().await.head().await;
    assert_eq!(field(&head, "x-forwarded-for"), Some(address));
}

#[tokio::test]
async fn a_proxy_header_names_the_client() {
    for (header, address) in [
        (
            &b"PROXY TCP6 2001:db8::1 2001:db8::2 4444 443\r\n"[..],
            "2001:db8::1",
        ),
        (b"PROXY TCP4 1.2.3.4 10.0.0.1 4444 443\r\n", "1.2.3.4"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
        (V2, "1.2.3.4"),
    ] {
        let stage = introduced("127.0.0.0/8").await;
        let mut client = stage.client().await;
        client.send(header).await;
        asks_as(&stage, client, address).await;
    }
}

#[tokio::test]
async fn a_header_in_pieces_and_with_the_request_behind_it_is_read() {
    let stage = introduced("127.0.0.0/8").await;
    let mut client = stage.client().await;
    for piece in V2.chunks(5) {
        client.send(piece).await;
        tokio::task::yield_now().await;
    }
    asks_as(&stage, client, "1.2.3.4").await;
    let stage = introduced("127.0.0.0/8").await;
    let mut client = stage.client().await;
    client.send([V2, GET.as_bytes()].concat()).await;
    let head = stage.worker().await.head().await;
    assert_eq!(field(&head, "x-forwarded-for"), Some("1.2.3.4"));
}

#[tokio::test]
async fn without_a_header_or_trust_nobody_is_answered() {
    for (trusted, sent) in [
        ("127.0.0.0/8", GET.as_bytes()),
        (
            "127.0.0.0/8",
            b"PROXY TCP4 1.2.3.4\r\n\r\nGET / HTTP/1.1\r\n",
        ),
        ("10.0.0.0/8", V2),
    ] {
        let stage = introduced(trusted).await;
        let mut client = stage.client().await;
        client.send(sent).await;
        client.closed().await;
        assert_eq!(stage.running.metrics.unintroduced.get(), 1);
        assert!(stage.is_quiet().await);
    }
}

#[tokio::test]
async fn a_header_that_nobody_asked_for_is_no_request() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client
        .send("PROXY TCP4 1.2.3.4 10.0.0.1 4444 443\r\n")
        .await;
    assert!(client.head().await.starts_with("HTTP/1.1 400 "));
    assert!(stage.is_quiet().await);
}

#[tokio::test]
async fn the_configured_field_names_the_client_and_neither_is_passed_on() {
    let stage = Stage::with(1, |settings| {
        let door = &mut settings.listeners[0].door;
        door.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        door.client_from = ClientFrom::Forwarded;
    })
    .await;
    let mut client = stage.client().await;
    client
        .send(
            "GET / HTTP/1.1\r\nHost: hs\r\nX-Forwarded-For: 6.6.6.6\r\n\
             Forwarded: for=\"[2001:db8::1]:4711\";proto=https\r\n\r\n",
        )
        .await;
    let head = stage.worker().await.head().await;
    assert_eq!(field(&head, "x-forwarded-for"), Some("2001:db8::1"));
    assert_eq!(field(&head, "x-forwarded-proto"), Some("https"));
    assert_eq!(field(&head, "forwarded"), None);
}
