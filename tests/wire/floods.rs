//! HTTP/2 frame by frame, as attackers send it: each flood ends its connection and reaches nobody.

use crate::stage::{Stage, Wire};

const GOAWAY: u8 = 7;
const ENHANCE_YOUR_CALM: u32 = 11;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// `GET /_matrix/client/versions`, without a table of the codec's.
fn get() -> Vec<u8> {
    let path = b"/_matrix/client/versions";
    let mut fields = vec![0x82, 0x86, 0x01, 2, b'h', b's', 0x04, path.len() as u8];
    fields.extend(path);
    fields
}

fn headers(stream: u32) -> Vec<u8> {
    frame(1, END_STREAM | END_HEADERS, stream, &get())
}

fn reset(stream: u32) -> Vec<u8> {
    frame(3, 0, stream, &8_u32.to_be_bytes())
}

/// A client that has shaken hands.
async fn client(stage: &Stage) -> Wire {
    let mut client = stage.client().await;
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    client.send(frame(4, 0, 0, &[])).await;
    client
}

/// Waits until that many floods are counted, and nothing of HTTP/2 is open any more.
async fn counted(stage: &Stage, floods: u64) {
    let counts = &stage.running.metrics.http2;
    let seen = || (counts.connections.get(), counts.streams.get());
    while seen() != (0, 0) {
        tokio::task::yield_now().await;
    }
    let shown = String::from_utf8(stage.running.metrics.render().unwrap()).unwrap();
    let line = format!("thalamus_http2_floods_total {floods}");
    assert!(shown.lines().any(|found| found == line), "{shown}");
}

/// Reads frames to the goodbye; gives its reason.
async fn goodbye(client: &mut Wire) -> u32 {
    loop {
        let head = client.exactly(9).await;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let payload = client.exactly(length as usize).await;
        if head[3] == GOAWAY {
            return u32::from_be_bytes(payload[4..8].try_into().unwrap());
        }
    }
}

#[tokio::test]
async fn requests_that_are_taken_back_at_once_reach_no_worker() {
    let stage = Stage::new().await;
    let mut client = client(&stage).await;
    let both = |n: u32| [headers(2 * n + 1), reset(2 * n + 1)].concat();
    client
        .send((0..100).flat_map(both).collect::<Vec<u8>>())
        .await;
    assert_eq!(goodbye(&mut client).await, ENHANCE_YOUR_CALM);
    client.rest().await;
    drop(client);
    assert!(stage.is_quiet().await);
    counted(&stage, 1).await;
}

#[tokio::test]
async fn who_keeps_taking_requests_back_is_sent_away() {
    let stage = Stage::new().await;
    let mut client = client(&stage).await;
    for n in 0..=200 {
        client.send(headers(2 * n + 1)).await;
        let mut worker = stage.worker().await;
        worker.head().await;
        client.send(reset(2 * n + 1)).await;
        worker.closed().await;
    }
    assert_eq!(goodbye(&mut client).await, ENHANCE_YOUR_CALM);
    drop(client);
    counted(&stage, 1).await;
    assert_eq!(stage.running.metrics.http2.taken_back.get(), 201);
}

#[tokio::test]
async fn a_head_without_end_is_not_kept() {
    let stage = Stage::new().await;
    let mut client = client(&stage).await;
    client.send(frame(1, END_STREAM, 1, &get())).await;
    // A field of 1 KB, again and again.
    let mut field = vec![0, 1, b'a', 0x7f, 0x80 + 1, 7];
    field.extend([b'x'; 1024]);
    client.send(frame(9, 0, 1, &field).repeat(40)).await;
    assert_eq!(goodbye(&mut client).await, ENHANCE_YOUR_CALM);
    client.rest().await;
    drop(client);
    assert!(stage.is_quiet().await);
    counted(&stage, 1).await;
}

#[tokio::test]
async fn more_requests_than_allowed_are_refused_and_the_others_run() {
    let stage = Stage::new().await;
    let mut client = client(&stage).await;
    client
        .send(
            (0..200)
                .flat_map(|n| headers(2 * n + 1))
                .collect::<Vec<u8>>(),
        )
        .await;
    let mut refused = 0;
    while refused < 72 {
        let head = client.exactly(9).await;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let payload = client.exactly(length as usize).await;
        assert_ne!(head[3], GOAWAY, "{payload:?}");
        refused += u32::from(head[3] == 3 && payload == 7_u32.to_be_bytes());
    }
    let mut workers = vec![];
    for _ in 0..128 {
        let mut worker = stage.worker().await;
        worker.head().await;
        workers.push(worker);
    }
    assert!(stage.is_quiet().await);
    let counts = &stage.running.metrics.http2;
    assert_eq!((counts.connections.get(), counts.streams.get()), (1, 128));
    drop(client);
    for mut worker in workers {
        worker.closed().await;
    }
    counted(&stage, 0).await;
    assert_eq!(counts.taken_back.get(), 128);
}
