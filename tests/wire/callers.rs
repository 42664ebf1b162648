//! Whose an opaque token is: asked once, learned for nothing, never in the way.

use std::time::Duration;

use thalamus::{config::Settings, discovery::Source, identity, matrix::Group};

use crate::stage::{Stage, Wire, field, pool, status};

const WHOAMI: &str = "GET /_matrix/client/v3/account/whoami HTTP/1.1\r\n";
const ALICE: &str = r#"{"user_id":"@alice:hs","device_id":"D","is_guest":false}"#;

/// The worker that is asked: it serves `client_reader`.
const READER: usize = 1;

/// A main process, a reader and two workers for syncs; a request waits for ever for what is known of its token.
async fn stage() -> Stage {
    with_budget(Duration::from_secs(1000)).await
}

async fn with_budget(budget: Duration) -> Stage {
    let change = |settings: &mut Settings| {
        let found = settings.pools[0].source.known().endpoints;
        let part = |range: std::ops::Range<usize>| Source::Static(found[range].into());
        settings.pools = vec![
            pool("main", &[], part(0..1)),
            pool("readers", &[Group::ClientReader], part(1..2)),
            pool("sync", &[Group::Sync], part(2..4)),
        ];
        settings.callers = identity::Settings {
            budget,
            timeout: Duration::from_secs(1000),
            ..identity::Settings::default()
        };
    };
    Stage::with(4, change).await
}

/// A client that waits in a sync.
async fn sync(stage: &Stage, token: &str) -> Wire {
    let mut client = stage.client().await;
    let head = format!(
        "GET /_matrix/client/v3/sync?since=s1 HTTP/1.1\r\nHost: hs\r\nUser-Agent: Phone/1\r\n\
         Authorization: Bearer {token}\r\n\r\n"
    );
    client.send(head).await;
    client
}

/// Answers the next request of that client, and says which worker had it.
async fn place(stage: &Stage, client: &mut Wire) -> usize {
    const OK: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
    let (index, mut worker) = stage.any_worker().await;
    let head = worker.head().await;
    assert!(head.starts_with("GET /_matrix/client/v3/sync"), "{head}");
    worker.send(OK).await;
    assert_eq!(status(&client.head().await), 200);
    index
}

/// Where a user with one of Synapse's own tokens is.
async fn place_of_alice(stage: &Stage) -> usize {
    let mut client = sync(stage, "syt_YWxpY2U_QwErTyUiOpAsDfGhJkLz_3gUfi4").await;
    place(stage, &mut client).await
}

async fn answer(reader: &mut Wire, status: &str, body: &str) {
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    reader.send(answer).await;
}

#[tokio::test]
async fn all_tokens_of_a_user_have_one_worker_and_each_is_asked_about_once() {
    let stage = stage().await;
    let home = place_of_alice(&stage).await;
    let mut reader = None;
    for number in 0..8 {
        let token = format!("mat_{number}");
        let mut client = sync(&stage, &token).await;
        if reader.is_none() {
            reader = Some(stage.worker_at(READER).await);
        }
        let reader = reader.as_mut().unwrap();
        let head = reader.head().await;
        assert!(head.starts_with(WHOAMI), "{head}");
        assert_eq!(
            field(&head, "authorization"),
            Some(&*format!("Bearer {token}"))
        );
        assert_eq!(field(&head, "x-forwarded-for"), Some("127.0.0.1"));
        assert_eq!(field(&head, "user-agent"), Some("Phone/1"));
        answer(reader, "200 OK", ALICE).await;
        assert_eq!(place(&stage, &mut client).await, home);
        let mut again = sync(&stage, &token).await;
        assert_eq!(place(&stage, &mut again).await, home);
        assert!(reader.is_quiet().await, "asked again");
    }
}

#[tokio::test]
async fn who_waits_for_the_same_answer_asks_once() {
    let stage = stage().await;
    let home = place_of_alice(&stage).await;
    let mut first = sync(&stage, "mat_1").await;
    let mut reader = stage.worker_at(READER).await;
    assert!(reader.head().await.starts_with(WHOAMI));
    let mut second = sync(&stage, "mat_1").await;
    assert!(
        reader.is_quiet().await && stage.is_quiet().await,
        "asked twice"
    );
    answer(&mut reader, "200 OK", ALICE).await;
    let (one, mut worker) = stage.any_worker().await;
    let (other, mut same) = stage.any_worker().await;
    assert_eq!([one, other], [home, home]);
    for worker in [&mut worker, &mut same] {
        worker.head().await;
        answer(worker, "200 OK", "{}").await;
    }
    for client in [&mut first, &mut second] {
        assert_eq!(status(&client.head().await), 200);
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_holds_nobody_up() {
    let stage = with_budget(Duration::from_millis(1)).await;
    let mut client = sync(&stage, "mat_1").await;
    let mut reader = stage.worker_at(READER).await;
    assert!(reader.head().await.starts_with(WHOAMI));
    let by_token = place(&stage, &mut client).await;
    // The question is still out: nobody waits for it any more, and all go the same way.
    for _ in 0..3 {
        let mut client = sync(&stage, "mat_1").await;
        assert_eq!(place(&stage, &mut client).await, by_token);
    }
    assert!(reader.is_quiet().await, "asked twice");
}

#[tokio::test]
async fn a_token_that_nobody_has_is_not_asked_about_again() {
    let stage = stage().await;
    let mut client = sync(&stage, "mat_1").await;
    let mut reader = stage.worker_at(READER).await;
    reader.head().await;
    answer(
        &mut reader,
        "401 Unauthorized",
        r#"{"errcode":"M_UNKNOWN_TOKEN"}"#,
    )
    .await;
    let by_token = place(&stage, &mut client).await;
    let mut again = sync(&stage, "mat_1").await;
    assert_eq!(place(&stage, &mut again).await, by_token);
    assert!(reader.is_quiet().await, "asked again");
}

#[tokio::test]
async fn nothing_is_asked_where_the_user_places_nothing_or_the_token_is_junk() {
    let stage = stage().await;
    let mut client = stage.client().await;
    client
        .send("GET /_matrix/client/v3/joined_rooms HTTP/1.1\r\nHost: hs\r\nAuthorization: Bearer mat_1\r\n\r\n")
        .await;
    let mut reader = stage.worker_at(READER).await;
    let head = reader.head().await;
    assert!(
        head.starts_with("GET /_matrix/client/v3/joined_rooms"),
        "{head}"
    );
    answer(&mut reader, "200 OK", "{}").await;
    let mut junk = sync(&stage, "syt_YWxpY2U_QwErTyUiOpAsDfGhJkLz_3gUfi5").await;
    assert_ne!(place(&stage, &mut junk).await, READER);
}

#[tokio::test]
async fn a_login_that_passes_by_is_learned_from() {
    let stage = stage().await;
    let home = place_of_alice(&stage).await;
    let mut client = stage.client().await;
    let mut reader = None;
    for number in 0..8 {
        client
            .send(
                "POST /_matrix/client/v3/login HTTP/1.1\r\nHost: hs\r\nContent-Length: 2\r\n\r\n{}",
            )
            .await;
        if reader.is_none() {
            reader = Some(stage.worker_at(READER).await);
        }
        let reader = reader.as_mut().unwrap();
        assert!(
            reader
                .head()
                .await
                .starts_with("POST /_matrix/client/v3/login")
        );
        reader.expect("{}").await;
        let (start, end) = (
            r#"{"user_id":"@alice:hs","#,
            format!(r#""access_token":"mct_{number}"}}"#),
        );
        reader
            .send(format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{start}\r\n",
                start.len()
            ))
            .await;
        let first = format!("{:x}\r\n{start}\r\n", start.len());
        client.head().await;
        client.expect(&first).await;
        let last = format!("{:x}\r\n{end}\r\n0\r\n\r\n", end.len());
        reader.send(&last).await;
        client.expect(&last).await;
        let mut device = sync(&stage, &format!("mct_{number}")).await;
        assert_eq!(place(&stage, &mut device).await, home);
    }
    assert!(
        reader.unwrap().is_quiet().await,
        "asked about what was known"
    );
}
