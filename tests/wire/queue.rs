//! More requests than a worker may have: they wait in turn, or are refused.

use std::{num::NonZeroU32, time::Duration};

use thalamus::config::Settings;

use crate::stage::{Stage, Wire, field, status};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
const GET: &str = "GET /_matrix/client/versions HTTP/1.1\r\nHost: hs\r\n\r\n";

/// One worker that has one request at a time.
async fn narrow(queue: usize, change: impl FnOnce(&mut Settings)) -> Stage {
    Stage::with(1, |settings| {
        settings.pools[0].cap = NonZeroU32::MIN;
        settings.pools[0].queue = queue;
        change(settings);
    })
    .await
}

/// A client whose request waits, as so many do then.
async fn waiting(stage: &Stage, request: &str, count: usize) -> Wire {
    let mut client = stage.client().await;
    client.send(request).await;
    until_waiting(stage, count).await;
    client
}

async fn until_waiting(stage: &Stage, count: usize) {
    let seen = async {
        while stage.running.state.load().pools[0].waiting() != count {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), seen)
        .await
        .expect("they never waited");
}

#[tokio::test]
async fn who_waits_gets_the_slot_that_is_given_back() {
    let stage = narrow(10, |_| ()).await;
    let mut first = stage.client().await;
    first.send(GET).await;
    let mut worker = stage.worker().await;
    worker.head().await;
    let mut second = waiting(&stage, GET, 1).await;
    assert!(
        stage.is_quiet().await,
        "a second connection to a full worker"
    );
    worker.send(OK).await;
    first.expect(OK).await;
    worker.head().await;
    worker.send(OK).await;
    second.expect(OK).await;
    until_waiting(&stage, 0).await;
}

#[tokio::test]
async fn callers_take_turns() {
    let stage = narrow(10, |_| ()).await;
    let request = |user: &str| {
        format!(
            "GET /_matrix/client/versions HTTP/1.1\r\nHost: hs\r\nAuthorization: Bearer {user}\r\n\r\n"
        )
    };
    let mut first = stage.client().await;
    first.send(GET).await;
    let mut worker = stage.worker().await;
    worker.head().await;
    let mut clients = vec![];
    for (place, user) in ["mat_a", "mat_a", "mat_a", "mat_b"].into_iter().enumerate() {
        clients.push(waiting(&stage, &request(user), place + 1).await);
    }
    let mut served = vec![];
    for _ in 0..4 {
        worker.send(OK).await;
        let head = worker.head().await;
        served.push(field(&head, "authorization").unwrap()[7..].to_owned());
    }
    assert_eq!(served, ["mat_a", "mat_b", "mat_a", "mat_a"]);
}

#[tokio::test]
async fn a_full_queue_says_when_to_come_again() {
    let stage = narrow(1, |_| ()).await;
    let mut first = stage.client().await;
    first.send(GET).await;
    let mut worker = stage.worker().await;
    worker.head().await;
    let mut second = waiting(&stage, GET, 1).await;
    let mut third = stage.client().await;
    third.send(GET).await;
    let head = third.head().await;
    assert_eq!(
        (
            status(&head),
            field(&head, "retry-after"),
            field(&head, "x-thalamus-reason")
        ),
        (429, Some("5"), Some("QUEUE_FULL"))
    );
    let length = field(&head, "content-length").unwrap().parse().unwrap();
    let body = String::from_utf8(third.exactly(length).await).unwrap();
    assert!(
        body.contains("M_LIMIT_EXCEEDED") && body.contains("\"retry_after_ms\":5000"),
        "{body}"
    );
    worker.send(OK).await;
    first.expect(OK).await;
    worker.head().await;
    worker.send(OK).await;
    second.expect(OK).await;
    third.send(GET).await;
    worker.head().await;
}

#[tokio::test]
async fn who_leaves_while_waiting_leaves_the_queue() {
    let stage = narrow(1, |_| ()).await;
    let mut first = stage.client().await;
    first.send(GET).await;
    let mut worker = stage.worker().await;
    worker.head().await;
    drop(waiting(&stage, GET, 1).await);
    until_waiting(&stage, 0).await;
    let mut third = waiting(&stage, GET, 1).await;
    worker.send(OK).await;
    worker.head().await;
    worker.send(OK).await;
    third.expect(OK).await;
}

#[tokio::test]
async fn a_wait_that_runs_out_is_503() {
    let short = Duration::from_millis(200);
    let stage = narrow(1, |settings| settings.limits.wait_other = short).await;
    let mut first = stage.client().await;
    first.send(GET).await;
    let mut worker = stage.worker().await;
    worker.head().await;
    let mut second = waiting(&stage, GET, 1).await;
    let head = second.head().await;
    assert_eq!(
        (
            status(&head),
            field(&head, "retry-after"),
            field(&head, "x-thalamus-reason")
        ),
        (503, Some("5"), Some("BUSY"))
    );
    until_waiting(&stage, 0).await;
}
