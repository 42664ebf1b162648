//! More clients than there is room for.

use std::num::NonZeroUsize;

use crate::stage::{Stage, field, status};

const GET: &str = "GET /_matrix/client/versions HTTP/1.1\r\nHost: hs\r\n\r\n";

#[tokio::test]
async fn those_beyond_the_bound_are_told_and_those_inside_are_served() {
    let few = |settings: &mut thalamus::config::Settings| {
        settings.limits.connections = NonZeroUsize::new(3);
        settings.limits.connections_per_client = NonZeroUsize::new(3);
    };
    let stage = Stage::with(1, few).await;
    let mut inside = vec![];
    for _ in 0..3 {
        inside.push(stage.client().await);
    }
    // A head that never ends, a body that never comes, an idle one.
    inside[0].send("GET /slow").await;
    inside[1]
        .send("POST /x HTTP/1.1\r\nHost: hs\r\nContent-Length: 9\r\n\r\n")
        .await;
    let mut slow = stage.worker().await;
    slow.head().await;
    let mut told = 0;
    for _ in 0..20 {
        let mut late = stage.client().await;
        late.send(GET).await;
        let head = late.head().await;
        assert_eq!(
            (status(&head), field(&head, "x-thalamus-reason")),
            (503, Some("FULL"))
        );
        assert!(field(&head, "retry-after").is_some(), "{head}");
        told += 1;
    }
    inside[2].send(GET).await;
    let mut worker = stage.worker().await;
    worker.head().await;
    worker.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(status(&inside[2].head().await), 204);
    let counted = stage.running.metrics.turned_away.get();
    println!("3 connections are allowed: {told} more were told so, those inside are served");
    assert_eq!(counted, told);
    // Room again, once somebody has left and his place is seen to be free.
    drop(inside.pop());
    while stage.running.metrics.connections.get() > 2 {
        tokio::task::yield_now().await;
    }
    let mut next = stage.client().await;
    next.send(GET).await;
    worker.head().await;
}
