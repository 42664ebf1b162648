//! What a client sees of the admin's own rules and of MAS.

use thalamus::{
    matrix::Group,
    route::{Action, Match, PoolId, Reply, Rule, Share},
    telemetry::Reason,
};

use crate::stage::{Stage, Wire, accepted, field, pool_of, status};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

fn rule(when: Match, action: Action) -> Rule {
    Rule {
        name: "test".into(),
        when,
        action,
        key: None,
    }
}

fn reply(reason: Reason, status: u16, retry_after: Option<u32>) -> Action {
    Action::Reply(
        Reply {
            reason,
            status,
            errcode: "M_TEST".into(),
            message: "Not \"now\"".into(),
            retry_after,
        }
        .into(),
    )
}

fn request(method: &str, target: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: hs\r\n\r\n")
}

/// Reads an answer with a body of known length.
async fn answer(client: &mut Wire) -> (String, serde_json::Value) {
    let head = client.head().await;
    let length = field(&head, "content-length").unwrap().parse().unwrap();
    let body = client.exactly(length).await;
    (head, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn a_refusal_is_the_admins_words_and_the_connection_stays() {
    let refuse = rule(
        Match {
            groups: vec![Group::ClientReader],
            ..Match::default()
        },
        reply(Reason::Refused, 451, None),
    );
    let stage = Stage::with(1, |settings| {
        settings.policy.rules = [refuse].into_iter().collect();
    })
    .await;
    let mut client = stage.client().await;
    client
        .send(request("GET", "/_matrix/client/versions"))
        .await;
    let (head, body) = answer(&mut client).await;
    assert!(
        head.starts_with("HTTP/1.1 451 Unavailable For Legal Reasons\r\n"),
        "{head}"
    );
    assert_eq!(field(&head, "access-control-allow-origin"), Some("*"));
    assert_eq!(field(&head, "x-thalamus-reason"), Some("REFUSED"));
    assert_eq!(field(&head, "retry-after"), None);
    assert_eq!(
        body,
        serde_json::json!({"errcode": "M_TEST", "error": "Not \"now\""})
    );
    client
        .send(request("GET", "/_matrix/client/v3/account/password"))
        .await;
    let mut worker = stage.worker().await;
    worker.head().await;
    worker.send(OK).await;
    client.expect(OK).await;
}

#[tokio::test]
async fn maintenance_says_when_to_come_back_and_lets_browsers_read_it() {
    let all = rule(Match::default(), reply(Reason::Maintenance, 503, Some(600)));
    let stage = Stage::with(1, |settings| {
        settings.policy.rules = [all].into_iter().collect();
    })
    .await;
    let mut client = stage.client().await;
    client
        .send(request("OPTIONS", "/_matrix/client/v3/sync"))
        .await;
    let head = client.head().await;
    assert_eq!(status(&head), 204);
    assert_eq!(field(&head, "access-control-allow-origin"), Some("*"));
    client.send(request("GET", "/_matrix/client/v3/sync")).await;
    let (head, body) = answer(&mut client).await;
    assert_eq!(
        (status(&head), field(&head, "retry-after")),
        (503, Some("600"))
    );
    assert_eq!(field(&head, "x-thalamus-reason"), Some("MAINTENANCE"));
    assert_eq!(body["retry_after_ms"], 600_000);
    assert!(stage.is_quiet().await, "no worker is asked");
}

#[tokio::test]
async fn a_body_behind_a_refusal_ends_the_connection() {
    let all = rule(Match::default(), reply(Reason::Refused, 403, None));
    let stage = Stage::with(1, |settings| {
        settings.policy.rules = [all].into_iter().collect();
    })
    .await;
    let mut client = stage.client().await;
    client
        .send("POST /_matrix/client/v3/search HTTP/1.1\r\nHost: hs\r\nContent-Length: 9\r\n\r\n{")
        .await;
    let (head, _) = answer(&mut client).await;
    assert_eq!(field(&head, "connection"), Some("close"));
    client.closed().await;
}

#[tokio::test]
async fn a_canary_gets_its_users_and_nobody_elses() {
    let mut worker = None;
    let canary = rule(
        Match::default(),
        Action::Canary(PoolId::new("next"), Share::new(100.0).unwrap()),
    );
    let stage = Stage::with(1, |settings| {
        settings.policy.rules = [canary].into_iter().collect();
        worker = Some(pool_of(settings, "next", &[]));
    })
    .await;
    let next = worker.unwrap();
    let mut client = stage.client().await;
    let target = "/_matrix/client/v3/joined_rooms";
    client
        .send(format!(
            "GET {target} HTTP/1.1\r\nHost: hs\r\nAuthorization: Bearer syt_YWxpY2U_QwErTyUiOpAsDfGhJkLz_3gUfi4\r\n\r\n"
        ))
        .await;
    let mut worker = accepted(&next).await;
    assert!(
        worker
            .head()
            .await
            .starts_with("GET /_matrix/client/v3/joined_rooms ")
    );
    worker.send(OK).await;
    client.expect(OK).await;
    client.send(request("GET", target)).await;
    let mut main = stage.worker().await;
    main.head().await;
    main.send(OK).await;
    client.expect(OK).await;
}

#[tokio::test]
async fn mas_gets_logins_and_nobody_from_afar_gets_what_it_calls() {
    let mut worker = None;
    let stage = Stage::with(1, |settings| {
        settings.policy.mas_allow = vec!["192.0.2.0/24".parse().unwrap()];
        worker = Some(pool_of(settings, "mas", &[Group::MasCompat]));
    })
    .await;
    let mas = worker.unwrap();
    let mut client = stage.client().await;
    client
        .send(request("GET", "/_matrix/client/v3/login"))
        .await;
    let mut worker = accepted(&mas).await;
    assert!(
        worker
            .head()
            .await
            .starts_with("GET /_matrix/client/v3/login ")
    );
    worker.send(OK).await;
    client.expect(OK).await;
    client
        .send(request("GET", "/_synapse/mas/query_user?localpart=a"))
        .await;
    let (head, body) = answer(&mut client).await;
    assert_eq!(
        (status(&head), body["errcode"].as_str()),
        (403, Some("M_FORBIDDEN"))
    );
    client
        .send(request("POST", "/_matrix/client/v1/login/get_token"))
        .await;
    let mut main = stage.worker().await;
    assert!(
        main.head()
            .await
            .starts_with("POST /_matrix/client/v1/login/get_token ")
    );
}
