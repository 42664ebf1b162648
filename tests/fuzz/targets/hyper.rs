//! Heads and bodies that we accept, whole and in one piece: hyper accepts them with the same meaning.

#![no_main]

use std::{cell::RefCell, convert::Infallible, rc::Rc};

use http_body_util::{BodyExt, Empty};
use hyper::{Request, Response, body::Bytes, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use libfuzzer_sys::fuzz_target;
use thalamus::http1::{self, Body};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    runtime::{Builder, Runtime},
};

/// What a message says.
#[derive(Debug, PartialEq)]
struct Meaning {
    /// Method and target, or the status.
    line: String,
    body: Vec<u8>,
}

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().build().expect("no sockets, no timers");
}

// What the fuzzer writes: a request, or the answer to a GET.
fuzz_target!(|input: (bool, &[u8])| {
    let (is_request, bytes) = input;
    let (ours, theirs): (fn(&[u8]) -> _, fn(&[u8]) -> _) = match is_request {
        true => (request, request_by_hyper),
        false => (answer, answer_by_hyper),
    };
    // hyper takes a hundred trailer fields; we count their bytes.
    let is_short = bytes.iter().filter(|&&byte| byte == b'\n').count() < 100;
    if let Some(ours) = ours(bytes).filter(|_| is_short) {
        let theirs = theirs(bytes);
        assert_eq!(Some(ours), theirs, "{:?}", String::from_utf8_lossy(bytes));
    }
});

/// The first request in `bytes`, if it is whole.
fn request(bytes: &[u8]) -> Option<Meaning> {
    let (line, framing, len) = http1::Request::read(bytes, |request| {
        let line = format!("{} {}", request.method, request.target);
        (line, request.framing, request.len)
    })
    .ok()?;
    let mut body = Body::new(framing, u64::MAX);
    Some(Meaning {
        line,
        body: payload(&mut body, &bytes[len..])?,
    })
}

/// The final answer in `bytes`, if it is whole.
fn answer(bytes: &[u8]) -> Option<Meaning> {
    let mut rest = bytes;
    loop {
        let (status, framing, is_interim, len) = http1::Response::read(rest, false, |response| {
            let is_interim = response.is_interim();
            (response.status, response.framing, is_interim, response.len)
        })
        .ok()?;
        rest = &rest[len..];
        if !is_interim {
            let mut body = Body::new(framing, u64::MAX);
            return Some(Meaning {
                line: status.to_string(),
                body: payload(&mut body, rest)?,
            });
        }
    }
}

fn payload(body: &mut Body, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut payload = vec![];
    body.advance(bytes, |piece| payload.extend_from_slice(piece))
        .ok()?;
    (body.is_whole() || body.ends_with_connection()).then_some(payload)
}

fn request_by_hyper(bytes: &[u8]) -> Option<Meaning> {
    let seen = Rc::new(RefCell::new(None));
    let note = seen.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let note = note.clone();
        async move {
            let line = format!("{} {}", request.method(), request.uri());
            if let Ok(body) = request.into_body().collect().await {
                let body = body.to_bytes().to_vec();
                note.borrow_mut().get_or_insert(Meaning { line, body });
            }
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let (mut client, server) = duplex(64 * 1024);
            client.write_all(bytes).await.ok()?;
            client.shutdown().await.ok()?;
            let served = hyper::server::conn::http1::Builder::new()
                .half_close(true)
                .serve_connection(TokioIo::new(server), service)
                .await;
            // What comes behind the first request is not our matter.
            drop(served);
            Some(())
        })
    });
    seen.take()
}

fn answer_by_hyper(bytes: &[u8]) -> Option<Meaning> {
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let (client, mut server) = duplex(64 * 1024);
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake::<_, Empty<Bytes>>(TokioIo::new(client))
                    .await
                    .ok()?;
            let asked = async move {
                let request = Request::get("/").header("host", "hs");
                let request = request.body(Empty::new()).ok()?;
                let answer = sender.send_request(request).await.ok()?;
                let line = answer.status().as_u16().to_string();
                let body = answer.into_body().collect().await.ok()?;
                let body = body.to_bytes().to_vec();
                Some(Meaning { line, body })
            };
            let said = async {
                server.write_all(bytes).await.ok()?;
                server.shutdown().await.ok()?;
                // What hyper sent must be taken, or it would wait.
                server.read_to_end(&mut vec![]).await.ok()
            };
            let (answer, _, _) = tokio::join!(asked, connection, said);
            answer
        })
    })
}
