//! What a listener lets in, and what it answers itself.

use std::{sync::Arc, time::Duration};

use thalamus::{
    config::Settings,
    matrix::Group,
    proxy::{Door, GroupRates, Instead, Rate, Rates, WellKnown},
};

use crate::stage::{Stage, Wire, field, status};

async fn behind(change: impl FnOnce(&mut Door)) -> Stage {
    Stage::with(1, |settings: &mut Settings| {
        change(&mut settings.listeners[0].door);
    })
    .await
}

/// The head and body of the answer to a request without a body.
async fn ask(client: &mut Wire, line: &str, host: &str) -> (String, String) {
    client
        .send(format!("{line} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
        .await;
    let head = client.head().await;
    let length = field(&head, "content-length").map_or(0, |length| length.parse().unwrap());
    let length = if line.starts_with("HEAD") { 0 } else { length };
    let body = client.exactly(length).await;
    (head, String::from_utf8(body).unwrap())
}

#[tokio::test]
async fn the_admin_api_is_closed_until_it_is_opened() {
    let closed = Stage::new().await;
    let mut client = closed.client().await;
    for target in ["/_synapse/admin/v2/users", "/_synapse/%61dmin/v1/register"] {
        let (head, body) = ask(&mut client, &format!("GET {target}"), "hs").await;
        assert_eq!(status(&head), 403, "{target}");
        assert!(body.contains("\"M_FORBIDDEN\""), "{body}");
        assert_eq!(field(&head, "access-control-allow-origin"), Some("*"));
    }
    assert!(closed.is_quiet().await);
    let open = behind(|door| door.admin_api = vec!["127.0.0.0/8".parse().unwrap()]).await;
    let mut client = open.client().await;
    client
        .send("GET /_synapse/admin/v2/users HTTP/1.1\r\nHost: hs\r\n\r\n")
        .await;
    open.worker().await.head().await;
}

#[tokio::test]
async fn a_trusted_proxys_client_is_the_one_who_must_be_allowed() {
    let stage = behind(|door| {
        door.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        door.admin_api = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let mut client = stage.client().await;
    let get =
        "GET /_synapse/admin/v2/users HTTP/1.1\r\nHost: hs\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n";
    client.send(get).await;
    assert_eq!(status(&client.head().await), 403);
    assert!(stage.is_quiet().await);
}

#[tokio::test]
async fn a_listener_serves_the_groups_it_is_told_to() {
    let stage = behind(|door| {
        door.serves = [Group::FederationInbound].into_iter().collect();
    })
    .await;
    let mut client = stage.client().await;
    let (head, body) = ask(&mut client, "GET /_matrix/client/v3/sync", "hs").await;
    assert_eq!(status(&head), 404);
    assert!(body.contains("\"M_UNRECOGNIZED\""), "{body}");
    assert_eq!(field(&head, "x-thalamus-reason"), Some("NOT_SERVED"));
    client
        .send(
            "PUT /_matrix/federation/v1/send/1 HTTP/1.1\r\nHost: hs\r\nContent-Length: 2\r\n\r\n{}",
        )
        .await;
    stage.worker().await.head().await;
}

#[tokio::test]
async fn preflights_never_reach_a_worker() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    for (target, allowed) in [
        (
            "/_matrix/client/v3/sync",
            "X-Requested-With, Content-Type, Authorization, Date",
        ),
        (
            "/_matrix/client/unstable/org.matrix.msc4108/rendezvous",
            "Content-Type, If-Match, If-None-Match",
        ),
        (
            "/_synapse/client/rendezvous/abc",
            "Content-Type, If-Match, If-None-Match",
        ),
    ] {
        let (head, _) = ask(&mut client, &format!("OPTIONS {target}"), "hs").await;
        assert_eq!(
            (status(&head), field(&head, "content-length")),
            (204, None),
            "{target}"
        );
        assert_eq!(field(&head, "access-control-allow-headers"), Some(allowed));
        assert_eq!(
            field(&head, "access-control-allow-methods"),
            Some("GET, HEAD, POST, PUT, DELETE, OPTIONS")
        );
        assert_eq!(field(&head, "access-control-max-age"), Some("86400"));
    }
    assert!(stage.is_quiet().await);
}

#[tokio::test]
async fn a_preflight_with_a_body_ends_the_connection() {
    let stage = Stage::new().await;
    let mut client = stage.client().await;
    client
        .send("OPTIONS /x HTTP/1.1\r\nHost: hs\r\nContent-Length: 9\r\n\r\n")
        .await;
    let head = client.head().await;
    assert_eq!(
        (status(&head), field(&head, "connection")),
        (204, Some("close"))
    );
    client.closed().await;
}

#[tokio::test]
async fn documents_of_the_configuration_are_answered_here() {
    let text = r#"{"m.server":"hs.example:443"}"#;
    let stage = behind(|door| {
        door.well_known = WellKnown {
            server: Some(text.into()),
            ..WellKnown::default()
        };
    })
    .await;
    let mut client = stage.client().await;
    let get = "GET /.well-known/matrix/server";
    let (head, body) = ask(&mut client, get, "hs").await;
    assert_eq!((status(&head), body.as_str()), (200, text));
    assert_eq!(field(&head, "access-control-allow-origin"), Some("*"));
    assert_eq!(field(&head, "content-type"), Some("application/json"));
    let (head, _) = ask(&mut client, &get.replace("GET", "HEAD"), "hs").await;
    assert_eq!(field(&head, "content-length"), Some("29"));
    assert!(stage.is_quiet().await);
    client
        .send("GET /.well-known/matrix/client HTTP/1.1\r\nHost: hs\r\n\r\n")
        .await;
    stage.worker().await.head().await;
}

#[tokio::test]
async fn unknown_hosts_and_the_root_are_answered_as_configured() {
    let stage = behind(|door| {
        door.hosts = vec!["hs.example".into()];
        door.root = Some(Instead::Redirect("https://app.example/".into()));
    })
    .await;
    let mut client = stage.client().await;
    let (head, _) = ask(&mut client, "GET /_matrix/client/versions", "other.example").await;
    assert_eq!(status(&head), 421);
    let (head, _) = ask(&mut client, "GET /", "HS.example:8448").await;
    assert_eq!(
        (status(&head), field(&head, "location")),
        (302, Some("https://app.example/"))
    );
    assert!(stage.is_quiet().await);
}

#[tokio::test]
async fn unknown_hosts_may_be_sent_elsewhere_and_the_root_refused() {
    let stage = behind(|door| {
        door.hosts = vec!["hs.example".into()];
        door.unknown_host = Instead::Redirect("https://example/".into());
        door.root = Some(Instead::Refuse);
    })
    .await;
    let mut client = stage.client().await;
    for method in ["GET", "HEAD", "POST"] {
        let line = format!("{method} /_matrix/client/v3/sync?access_token=syt_secret");
        let (head, body) = ask(&mut client, &line, "other.example").await;
        assert_eq!(
            (status(&head), field(&head, "location"), &*body),
            (302, Some("https://example/"), "")
        );
    }
    let (head, body) = ask(&mut client, "GET /", "hs.example").await;
    assert_eq!(
        (status(&head), field(&head, "x-thalamus-reason")),
        (404, Some("NOT_SERVED"))
    );
    assert!(body.contains("\"M_UNRECOGNIZED\""), "{body}");
    // A body of which no byte has come ends the connection, and the client still reads the answer.
    let post = "POST /x HTTP/1.1\r\nHost: other.example\r\nContent-Length: 9\r\n\r\n";
    client.send(post).await;
    let head = client.head().await;
    assert_eq!(
        (status(&head), field(&head, "connection")),
        (302, Some("close"))
    );
    client.closed().await;
    assert!(stage.is_quiet().await);
}

#[tokio::test]
async fn a_redirecting_listener_sends_all_to_https() {
    let stage = behind(|door| door.to_https = true).await;
    let mut client = stage.client().await;
    let (head, _) = ask(
        &mut client,
        "GET /_matrix/client/v3/sync?since=s1",
        "hs.example:8080",
    )
    .await;
    assert_eq!(
        (status(&head), field(&head, "location")),
        (
            308,
            Some("https://hs.example/_matrix/client/v3/sync?since=s1")
        )
    );
    assert!(stage.is_quiet().await);
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_again() {
    let stage = behind(|door| {
        let client = Some(Rate::new(2, Duration::from_secs(3600)));
        let login = GroupRates {
            client,
            session: None,
        };
        door.rates = Some(Arc::new(Rates::new([(Group::Login, login)])));
        door.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    let (mut client, mut worker) = (stage.client().await, None);
    let login = |address: &str| {
        format!(
            "GET /_matrix/client/v3/login HTTP/1.1\r\nHost: hs\r\nX-Forwarded-For: {address}\r\n\r\n"
        )
    };
    for address in ["2001:db8::1", "2001:db8::2", "192.0.2.1"] {
        client.send(login(address)).await;
        if worker.is_none() {
            worker = Some(stage.worker().await);
        }
        let worker: &mut Wire = worker.as_mut().unwrap();
        worker.head().await;
        worker.send("HTTP/1.1 204 No Content\r\n\r\n").await;
        client.head().await;
    }
    client.send(login("2001:db8::3")).await;
    let head = client.head().await;
    assert_eq!(status(&head), 429);
    let wait: u32 = field(&head, "retry-after").unwrap().parse().unwrap();
    assert!((1700..=1800).contains(&wait), "{wait}");
    let length = field(&head, "content-length").unwrap().parse().unwrap();
    let body: serde_json::Value = serde_json::from_slice(&client.exactly(length).await).unwrap();
    assert_eq!(body["errcode"], "M_LIMIT_EXCEEDED");
    assert_eq!(body["retry_after_ms"], wait * 1000);
    let (head, _) = ask(&mut client, "OPTIONS /_matrix/client/v3/login", "hs").await;
    assert_eq!(status(&head), 204);
    assert!(worker.unwrap().is_quiet().await, "a worker was asked");
}
