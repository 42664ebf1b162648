//! The head parsers against hyper's: whatever the bytes, no panic, and what we accept hyper reads the same way.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use http_body_util::{BodyExt, Empty};
use hyper::{
    Response,
    body::{Body, Bytes, Incoming},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use proptest::{collection::vec, prelude::*, sample::select};
use thalamus::http1::{self, Framing};
use tokio::io::AsyncWriteExt;

/// What a parser understood of a head.
#[derive(Clone, Debug, PartialEq)]
struct Understood {
    line: String,
    fields: usize,
    framing: Framing,
}

fn by_us(bytes: &[u8]) -> Option<Understood> {
    http1::Request::read(bytes, |request| Understood {
        line: format!("{} {}", request.method, request.target),
        fields: bytes[..request.len]
            .windows(2)
            .filter(|w| w == b"\r\n")
            .count(),
        framing: request.framing,
    })
    .ok()
}

/// What hyper's server understands of the first request in `bytes`; none when it refuses.
fn by_hyper(bytes: &[u8]) -> Option<Understood> {
    let seen = Arc::new(Mutex::new(None));
    let note = seen.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (parts, body) = request.into_parts();
        note.lock().unwrap().get_or_insert(Understood {
            line: format!("{} {}", parts.method, parts.uri),
            fields: parts.headers.len(),
            framing: framing(&body),
        });
        async { Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())) }
    });
    run(async {
        let (mut client, server) = tokio::io::duplex(64 * 1024);
        client.write_all(bytes).await.unwrap();
        client.shutdown().await.unwrap();
        let served = hyper::server::conn::http1::Builder::new()
            .half_close(true)
            .serve_connection(TokioIo::new(server), service);
        // A refusal shows as nothing seen.
        let _ = served.await;
    });
    seen.lock().unwrap().take()
}

fn framing(body: &Incoming) -> Framing {
    match body.size_hint().exact() {
        Some(0) => Framing::None,
        Some(length) => Framing::Length(length),
        None => Framing::Chunked,
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(work)
}

/// What hyper's client understands of a response to GET: its status, and its whole body.
fn answer_by_hyper(bytes: &[u8]) -> Option<(u16, Vec<u8>)> {
    run(async {
        let (client, mut server) = tokio::io::duplex(64 * 1024);
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake::<_, Empty<Bytes>>(TokioIo::new(client))
                .await
                .ok()?;
        let asked = async move {
            let request = hyper::Request::get("/").header("host", "hs");
            let answer = sender
                .send_request(request.body(Empty::new()).unwrap())
                .await
                .ok()?;
            let status = answer.status().as_u16();
            let body = answer.into_body().collect().await.ok()?;
            Some((status, body.to_bytes().to_vec()))
        };
        let said = async {
            server.write_all(bytes).await.unwrap();
            server.shutdown().await.unwrap();
            // What hyper sent must be taken, or it would wait.
            let mut asked = vec![];
            let _ = tokio::io::AsyncReadExt::read_to_end(&mut server, &mut asked).await;
        };
        let (answer, _, ()) = tokio::join!(asked, connection, said);
        answer
    })
}

/// The same of our parser, with the body behind the head.
fn answer_by_us(bytes: &[u8]) -> Option<(u16, Vec<u8>)> {
    let mut rest = bytes;
    loop {
        let (status, framing, interim, len) = http1::Response::read(rest, false, |response| {
            let interim = response.is_interim();
            (response.status, response.framing, interim, response.len)
        })
        .ok()?;
        rest = &rest[len..];
        if interim {
            continue;
        }
        let (mut body, mut payload) = (http1::Body::new(framing, u64::MAX), vec![]);
        body.advance(rest, |piece| payload.extend_from_slice(piece))
            .ok()?;
        let whole = body.is_whole() || body.ends_with_connection();
        return whole.then_some((status, payload));
    }
}

fn words(all: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(all).prop_map(str::to_owned)
}

/// Fields as clients, attackers and broken programs send them.
fn field() -> impl Strategy<Value = String> {
    const NAMES: &[&str] = &[
        "Host",
        "host",
        "Content-Length",
        "content-length",
        "Transfer-Encoding",
        "Connection",
        "Expect",
        "Authorization",
        "X-A",
        "X-A ",
        " X-A",
        "X A",
        "",
        "X-\u{e9}",
    ];
    const VALUES: &[&str] = &[
        "hs",
        "0",
        "5",
        "+5",
        "5, 5",
        "05",
        "chunked",
        "Chunked",
        "gzip, chunked",
        "chunked, chunked",
        "identity",
        "close",
        "keep-alive",
        "x-a, close",
        "100-continue",
        "",
        "a\tb",
        "a\0b",
        "a\rb",
        "\u{e9}",
    ];
    const SEPARATORS: &[&str] = &[": ", ":", " : ", ":\t", " ", ":\r\n "];
    const ENDS: &[&str] = &["\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\n\r\n"];
    (
        select(NAMES),
        select(SEPARATORS),
        select(VALUES),
        select(ENDS),
    )
        .prop_map(|(name, separator, value, end)| format!("{name}{separator}{value}{end}"))
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    let methods = words(&["GET", "POST", "PUT", "get", "M-SEARCH", "G ET", "G\tT", ""]);
    let targets = prop_oneof![
        words(&[
            "/",
            "/a?b=c",
            "/%2f/..//",
            "*",
            "http://hs/a",
            "hs:443",
            "/a b",
            "/\u{e9}"
        ]),
        "/[ -~]{0,20}",
    ];
    let versions = words(&[
        " HTTP/1.1",
        " HTTP/1.1",
        " HTTP/1.1",
        " HTTP/1.0",
        " HTTP/2.0",
        "  HTTP/1.1",
        "",
    ]);
    let bodies = words(&[
        "",
        "hello",
        "5\r\nhello\r\n0\r\n\r\n",
        "GET /b HTTP/1.1\r\n\r\n",
    ]);
    (methods, targets, versions, vec(field(), 0..5), bodies).prop_map(
        |(method, target, version, fields, body)| {
            let host = "Host: hs\r\n";
            format!(
                "{method} {target}{version}\r\n{host}{}\r\n{body}",
                fields.concat()
            )
            .into_bytes()
        },
    )
}

fn response() -> impl Strategy<Value = Vec<u8>> {
    let interims = words(&[
        "",
        "",
        "",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n",
    ]);
    let lines = words(&[
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200 OK",
        "HTTP/1.1 204 No Content",
        "HTTP/1.1 304 Not Modified",
        "HTTP/1.0 200 OK",
        "HTTP/1.1 200",
        "HTTP/1.1 99 X",
        "HTTP/1.1 2000 X",
        "ICY 200 OK",
    ]);
    let bodies = words(&["", "hello", "5\r\nhello\r\n0\r\n\r\n", "hello more"]);
    (interims, lines, vec(field(), 0..5), bodies).prop_map(|(interim, line, fields, body)| {
        format!("{interim}{line}\r\n{}\r\n{body}", fields.concat()).into_bytes()
    })
}

fn agrees(bytes: &[u8]) -> Result<(), TestCaseError> {
    let Some(ours) = by_us(bytes) else {
        return Ok(());
    };
    let Some(theirs) = by_hyper(bytes) else {
        return Err(TestCaseError::fail(format!(
            "hyper refuses {:?}",
            String::from_utf8_lossy(bytes)
        )));
    };
    prop_assert_eq!(&ours.line, &theirs.line);
    prop_assert_eq!(ours.framing, theirs.framing);
    // A line for the request, one for each field, and the empty one.
    prop_assert_eq!(ours.fields, theirs.fields + 2);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_we_accept_hyper_reads_the_same_way(bytes in request()) {
        agrees(&bytes)?;
    }

    #[test]
    fn answers_we_accept_hyper_reads_the_same_way(bytes in response()) {
        if let Some(ours) = answer_by_us(&bytes) {
            let theirs = answer_by_hyper(&bytes);
            prop_assert_eq!(Some(ours), theirs, "{:?}", String::from_utf8_lossy(&bytes));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..400)) {
        agrees(&bytes)?;
        let _ = answer_by_us(&bytes);
    }

    #[test]
    fn damaged_heads_are_read_alike_or_refused(bytes in request(), at: prop::sample::Index, byte: u8) {
        let mut bytes = bytes;
        let at = at.index(bytes.len());
        bytes[at] = byte;
        agrees(&bytes)?;
    }
}

#[test]
fn the_generator_makes_heads_that_pass() {
    let good = b"POST /a?b=%20 HTTP/1.1\r\nHost: hs\r\nContent-Length: 5\r\n\r\nhello";
    let ours = by_us(good).unwrap();
    assert_eq!(ours.framing, Framing::Length(5));
    assert_eq!(ours.line, "POST /a?b=%20");
    assert_eq!(by_hyper(good).unwrap().line, ours.line);
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    assert_eq!(answer_by_us(answer), answer_by_hyper(answer));
    assert_eq!(answer_by_us(answer), Some((200, b"hello".to_vec())));
}
