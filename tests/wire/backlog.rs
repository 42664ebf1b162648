//! A worker that takes its request slowly, or not to its end.

use crate::stage::{Stage, narrow, status};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
const GET: &str = "GET /_matrix/client/versions HTTP/1.1\r\nHost: hs\r\n\r\n";

#[tokio::test]
async fn an_early_answer_leaves_no_rest_of_its_request_to_the_next_one() {
    let (narrow, takes) = narrow();
    // More than the worker's socket takes, and little enough for the proxy to hold what is left of it.
    let length = takes + 30_000;
    let stage = Stage::on(vec![narrow], |_| ()).await;
    let mut client = stage.client().await;
    client
        .send(format!(
            "POST /x HTTP/1.1\r\nHost: hs\r\nContent-Length: {length}\r\n\r\n"
        ))
        .await;
    let mut worker = stage.worker().await;
    worker.head().await;
    client.send(vec![b'x'; length]).await;
    worker.exactly(1).await;
    worker.send(OK).await;
    assert_eq!(status(&client.head().await), 200);
    client.expect("{}").await;
    let mut other = stage.client().await;
    other.send(GET).await;
    let mut second = stage.worker().await;
    assert!(second.head().await.starts_with("GET "));
}
