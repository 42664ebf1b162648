//! HTTP/2 in front of the same workers: many requests on one connection.

use std::{future::poll_fn, time::Duration};

use h2::{
    Reason, RecvStream, SendStream,
    client::{ResponseFuture, SendRequest},
};
use hyper::{HeaderMap, Request, Response, body::Bytes, header::HeaderName};
use thalamus::{config::Settings, matrix::Group};
use tokio::{net::TcpStream, task::JoinHandle, time::timeout};

use crate::stage::{Stage, Wire, accepted, field, narrow, pool_of, status};

const HANGS: Duration = Duration::from_secs(60);
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
const VERSIONS: &str = "/_matrix/client/versions";
const UPLOAD: &str = "/_matrix/media/v3/upload";

/// A client's end of a connection.
struct Client {
    requests: SendRequest<Bytes>,
    connection: JoinHandle<Result<(), h2::Error>>,
}

impl Client {
    async fn of(stage: &Stage) -> Self {
        let tcp = TcpStream::connect(stage.proxy).await.unwrap();
        let (requests, connection) = h2::client::handshake(tcp).await.unwrap();
        Self {
            requests,
            connection: tokio::spawn(connection),
        }
    }

    fn get(&mut self, path: &str) -> ResponseFuture {
        self.send("GET", path, &[], true).0
    }

    /// Sends the head of a request, which has a body unless that is its end.
    fn send(
        &mut self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        end: bool,
    ) -> (ResponseFuture, SendStream<Bytes>) {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://hs{path}"));
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        self.requests.send_request(request, end).unwrap()
    }

    /// Waits for the other side to end the connection.
    async fn closed(self) -> Result<(), h2::Error> {
        // Without a handle of ours the client itself would end it.
        let _requests = self.requests;
        timeout(HANGS, self.connection).await.unwrap().unwrap()
    }
}

async fn answered(response: ResponseFuture) -> Response<RecvStream> {
    let response = timeout(HANGS, response).await;
    response.expect("no answer").unwrap()
}

/// Reads a body to its end, and the fields behind it.
async fn read(body: &mut RecvStream) -> Result<(Vec<u8>, Option<HeaderMap>), h2::Error> {
    let mut whole = vec![];
    while let Some(data) = timeout(HANGS, body.data()).await.expect("nothing comes") {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        whole.extend_from_slice(&data);
    }
    Ok((whole, body.trailers().await?))
}

/// Sends as the other side makes room; false when there is none for a while.
async fn push(body: &mut SendStream<Bytes>, mut data: Bytes, patience: Duration) -> bool {
    while !data.is_empty() {
        body.reserve_capacity(data.len());
        let room = timeout(patience, poll_fn(|cx| body.poll_capacity(cx))).await;
        let Ok(Some(Ok(room))) = room else {
            return false;
        };
        let piece = data.split_to(room.min(data.len()));
        body.send_data(piece, false).unwrap();
    }
    true
}

fn large() -> Vec<u8> {
    (0..4 << 20).map(|n: u32| (n % 251) as u8).collect()
}

#[tokio::test]
async fn each_request_of_a_connection_goes_its_own_way() {
    let mut sync = None;
    let stage = Stage::with(1, |settings| {
        sync = Some(pool_of(settings, "sync", &[Group::Sync]));
    })
    .await;
    let mut client = Client::of(&stage).await;
    let poll = client.get("/_matrix/client/v3/sync?since=s1&timeout=30000");
    let mut sync = accepted(&sync.unwrap()).await;
    let head = sync.head().await;
    let line = "GET /_matrix/client/v3/sync?since=s1&timeout=30000 HTTP/1.1\r\n";
    assert!(head.starts_with(line), "{head}");
    for _ in 0..2 {
        let versions = client.get(VERSIONS);
        let mut main = stage.worker().await;
        let head = main.head().await;
        assert_eq!(field(&head, "host"), Some("hs"));
        assert_eq!(field(&head, "x-forwarded-for"), Some("127.0.0.1"));
        main.send("HTTP/1.1 200 OK\r\nConnection: close\r\nX-A: b\r\nContent-Length: 2\r\n\r\n{}")
            .await;
        let mut versions = answered(versions).await;
        assert_eq!(
            (versions.status().as_u16(), &versions.headers()["x-a"]),
            (200, &"b".parse().unwrap())
        );
        assert!(!versions.headers().contains_key("connection"));
        assert_eq!(read(versions.body_mut()).await.unwrap().0, b"{}");
    }
    sync.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(answered(poll).await.status(), 204);
    assert_eq!(stage.running.metrics.accepted.get(), 1);
}

#[tokio::test]
async fn large_bodies_pass_both_ways_with_a_length_and_without() {
    let stage = Stage::new().await;
    let mut client = Client::of(&stage).await;
    let (body, length) = (large(), (4 << 20).to_string());
    for fields in [&[("content-length", &*length)][..], &[]] {
        let (answer, mut upload) = client.send("POST", UPLOAD, fields, false);
        let mut worker = stage.worker().await;
        let send = async {
            assert!(push(&mut upload, body.clone().into(), HANGS).await);
            upload.send_data(Bytes::new(), true).unwrap();
        };
        let take = async {
            let head = worker.head().await;
            match field(&head, "content-length") {
                Some(said) => {
                    assert_eq!(said, length);
                    assert!(worker.exactly(body.len()).await == body);
                }
                None => assert!(unchunked(&mut worker).await == body),
            }
            let head =
                format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
            worker.send(head).await;
            worker.send(&body).await;
        };
        let receive = async {
            let mut answer = answered(answer).await;
            assert!(read(answer.body_mut()).await.unwrap().0 == body);
        };
        tokio::join!(send, take, receive);
    }
}

/// Reads a chunked body to its end.
async fn unchunked(worker: &mut Wire) -> Vec<u8> {
    let mut body = vec![];
    loop {
        let mut size = vec![];
        while !size.ends_with(b"\r\n") {
            size.extend(worker.exactly(1).await);
        }
        let size = std::str::from_utf8(&size).unwrap().trim_end();
        let size = usize::from_str_radix(size, 16).unwrap();
        body.extend(worker.exactly(size).await);
        worker.expect("\r\n").await;
        if size == 0 {
            return body;
        }
    }
}

#[tokio::test]
async fn a_worker_that_reads_no_more_stops_its_client_and_nobody_else() {
    let (slow, taken) = narrow();
    let mut fast = None;
    let stage = Stage::on(vec![slow], |settings| {
        fast = Some(pool_of(settings, "fast", &[Group::Sync]));
    })
    .await;
    let mut client = Client::of(&stage).await;
    let (_answer, mut upload) = client.send("POST", UPLOAD, &[], false);
    let mut sent = 0;
    let piece = Bytes::from(vec![b'x'; 16 * 1024]);
    while push(&mut upload, piece.clone(), Duration::from_millis(300)).await {
        sent += piece.len();
        assert!(sent < taken + (1 << 20), "{sent} bytes were taken in");
    }
    let poll = client.get("/_matrix/client/v3/sync?since=s1");
    let mut fast = accepted(&fast.unwrap()).await;
    fast.head().await;
    fast.send(OK).await;
    assert_eq!(answered(poll).await.status(), 200);
}

#[tokio::test]
async fn an_answer_may_come_before_the_body_has() {
    let stage = Stage::new().await;
    let mut client = Client::of(&stage).await;
    let (answer, _upload) = client.send("POST", UPLOAD, &[("content-length", "100")], false);
    let mut worker = stage.worker().await;
    worker.head().await;
    worker
        .send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{}")
        .await;
    let mut answer = answered(answer).await;
    assert_eq!(answer.status(), 403);
    assert_eq!(read(answer.body_mut()).await.unwrap().0, b"{}");
    worker.closed().await;
}

#[tokio::test]
async fn interim_answers_chunks_and_trailers_are_translated() {
    let stage = Stage::new().await;
    let mut client = Client::of(&stage).await;
    let answer = client.get(VERSIONS);
    let mut worker = stage.worker().await;
    worker.head().await;
    worker
        .send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        .await;
    worker
        .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        .await;
    worker.send("2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n").await;
    let mut answer = answered(answer).await;
    assert!(!answer.headers().contains_key("transfer-encoding"));
    let (body, trailers) = read(answer.body_mut()).await.unwrap();
    assert_eq!(
        (&*body, &trailers.unwrap()["x-sum"]),
        (&b"abcde"[..], &"5".parse().unwrap())
    );
}

fn trailers(fields: &[(&'static str, &str)]) -> HeaderMap {
    let fields = fields.iter();
    fields
        .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
        .collect()
}

#[tokio::test]
async fn trailers_of_a_request_stand_behind_its_chunks() {
    let stage = Stage::new().await;
    let mut client = Client::of(&stage).await;
    let behind = trailers(&[
        ("content-length", "43"),
        ("x-forwarded-for", "192.0.2.1"),
        ("authorization", "Bearer a"),
        ("x-sum", "5"),
    ]);
    let long = "x".repeat(9000);
    for (data, fields, expected) in [
        ("hello", behind, "5\r\nhello\r\n0\r\nx-sum: 5\r\n\r\n"),
        ("", trailers(&[("x-sum", "0")]), "0\r\nx-sum: 0\r\n\r\n"),
        ("", trailers(&[("host", "other")]), "0\r\n\r\n"),
    ] {
        let (answer, mut upload) = client.send("POST", UPLOAD, &[], false);
        upload.send_data(data.into(), false).unwrap();
        upload.send_trailers(fields).unwrap();
        let mut worker = stage.worker().await;
        let head = worker.head().await;
        assert_eq!(field(&head, "transfer-encoding"), Some("chunked"));
        worker.expect(expected).await;
        assert!(worker.is_quiet().await, "more came");
        worker
            .send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            .await;
        assert_eq!(answered(answer).await.status(), 204);
    }
    let (answer, mut upload) = client.send("POST", UPLOAD, &[], false);
    upload.send_trailers(trailers(&[("x-sum", &long)])).unwrap();
    assert_eq!(answered(answer).await.status(), 400);
}

#[tokio::test]
async fn trailers_have_no_place_behind_a_length() {
    let stage = Stage::new().await;
    let mut client = Client::of(&stage).await;
    let (answer, mut upload) = client.send("POST", UPLOAD, &[("content-length", "5")], false);
    upload.send_data("hello".into(), false).unwrap();
    upload.send_trailers(trailers(&[("x-sum", "5")])).unwrap();
    let mut worker = stage.worker().await;
    worker.head().await;
    worker.expect("hello").await;
    worker.send(OK).await;
    assert_eq!(answered(answer).await.status(), 200);
    let next = client.get(VERSIONS);
    let head = worker.head().await;
    assert!(head.starts_with("GET "), "{head}");
    worker.send(OK).await;
    assert_eq!(answered(next).await.status(), 200);
}

#[tokio::test]
async fn a_client_that_leaves_before_its_trailers_ends_its_request() {
    let stage = Stage::new().await;
    let mut client = Client::of(&stage).await;
    let (_answer, mut upload) = client.send("POST", UPLOAD, &[], false);
    upload.send_data("hello".into(), false).unwrap();
    let mut worker = stage.worker().await;
    worker.head().await;
    worker.expect("5\r\nhello\r\n").await;
    client.connection.abort();
    worker.closed().await;
}

#[tokio::test]
async fn an_end_is_told_from_a_cut() {
    let stage = Stage::new().await;
    let mut client = Client::of(&stage).await;
    for (head, whole) in [
        ("HTTP/1.1 200 OK\r\n\r\n", true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", false),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n",
            false,
        ),
    ] {
        let answer = client.get(VERSIONS);
        let mut worker = stage.worker().await;
        worker.head().await;
        worker.send(format!("{head}half")).await;
        drop(worker);
        let read = async { read(answer.await?.body_mut()).await };
        assert_eq!(timeout(HANGS, read).await.unwrap().is_ok(), whole, "{head}");
    }
}

#[tokio::test]
async fn a_request_that_is_taken_back_ends_at_the_worker() {
    let stage = Stage::new().await;
    let mut client = Client::of(&stage).await;
    let (_answer, mut upload) = client.send("GET", VERSIONS, &[], true);
    let mut worker = stage.worker().await;
    worker.head().await;
    upload.send_reset(Reason::CANCEL);
    worker.closed().await;
    let answer = client.get(VERSIONS);
    let mut worker = stage.worker().await;
    worker.head().await;
    worker.send(OK).await;
    assert_eq!(answered(answer).await.status(), 200);
}

#[tokio::test]
async fn a_client_that_leaves_ends_all_its_requests() {
    let stage = Stage::new().await;
    let mut client = Client::of(&stage).await;
    let _answers = [client.get(VERSIONS), client.get(VERSIONS)];
    let mut workers = [stage.worker().await, stage.worker().await];
    for worker in &mut workers {
        worker.head().await;
    }
    client.connection.abort();
    for worker in &mut workers {
        worker.closed().await;
    }
    while stage.running.metrics.connections.get() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn requests_of_a_worker_that_dies_go_on_elsewhere() {
    let stage = Stage::with(2, |_| ()).await;
    let mut client = Client::of(&stage).await;
    let answer = client.get(VERSIONS);
    let (first, mut worker) = stage.any_worker().await;
    let head = worker.head().await;
    drop(worker);
    let mut worker = stage.worker_at(1 - first).await;
    assert_eq!(worker.head().await, head);
    worker.send(OK).await;
    assert_eq!(answered(answer).await.status(), 200);
}

#[tokio::test]
async fn at_our_stop_what_runs_ends_and_the_connection_closes() {
    let stage = Stage::new().await;
    let (mut idle, mut client) = (Client::of(&stage).await, Client::of(&stage).await);
    let first = idle.get(VERSIONS);
    let mut worker = stage.worker().await;
    worker.head().await;
    worker.send(OK).await;
    answered(first).await;
    let parked = client.get(VERSIONS);
    worker.head().await;
    let stopping = tokio::spawn(stage.running.stop());
    idle.closed().await.unwrap();
    worker.send(OK).await;
    let mut answer = answered(parked).await;
    assert_eq!(read(answer.body_mut()).await.unwrap().0, b"{}");
    client.closed().await.unwrap();
    timeout(HANGS, stopping).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_connection_without_requests_is_ended() {
    let short = |settings: &mut Settings| {
        settings.limits.client_idle = Duration::from_millis(300);
        settings.limits.head = Duration::from_millis(300);
    };
    let stage = Stage::with(1, short).await;
    let unused = Client::of(&stage).await;
    unused.closed().await.unwrap();
    let mut client = Client::of(&stage).await;
    let answer = client.get(VERSIONS);
    let mut worker = stage.worker().await;
    worker.head().await;
    worker.send(OK).await;
    answered(answer).await;
    client.closed().await.unwrap();
}

#[tokio::test]
async fn what_two_could_read_differently_is_refused() {
    let stage = Stage::new().await;
    let mut client = Client::of(&stage).await;
    for fields in [
        &[("host", "other")][..],
        &[("content-length", "1"), ("content-length", "1")],
        &[("expect", "something")],
    ] {
        let (answer, _) = client.send("GET", VERSIONS, fields, true);
        if let Ok(answer) = timeout(HANGS, answer).await.unwrap() {
            assert_eq!(answer.status(), 400, "{fields:?}");
        }
    }
    let (answer, mut upload) = client.send("POST", UPLOAD, &[("content-length", "5")], false);
    let mut worker = stage.worker().await;
    worker.head().await;
    upload
        .send_data(Bytes::from_static(b"more than five"), true)
        .unwrap();
    assert!(timeout(HANGS, answer).await.unwrap().is_err());
    worker.closed().await;
    assert!(stage.is_quiet().await);
}

#[tokio::test]
async fn a_listener_may_do_without() {
    let without = |settings: &mut Settings| settings.listeners[0].door.http2 = false;
    let stage = Stage::with(1, without).await;
    let mut client = stage.client().await;
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert_eq!(status(&client.head().await), 400);
    assert!(stage.is_quiet().await);
}

#[tokio::test]
async fn http_1_does_not_become_http_2() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client
        .send("OPTIONS / HTTP/1.1\r\nHost: hs\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await;
    assert_eq!(status(&client.head().await), 204);
    assert_eq!(status(&client.head().await), 400);
    client.rest().await;
}
