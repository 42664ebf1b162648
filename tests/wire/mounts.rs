//! Other services under the same name: whose requests are whose, and what their workers get.

use std::{sync::Arc, time::Duration};

use thalamus::{
    config::Settings,
    matrix::Group,
    route::{Mount, MountTimeouts, Mounts, Place, PoolId, Service},
};
use tokio::net::TcpListener;

use crate::stage::{Stage, accepted, field, pool_of, status};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

/// A mount with a worker of its own, and its socket; so long it may be silent after an upgrade.
fn mount(
    settings: &mut Settings,
    name: &str,
    strip: bool,
    upgraded: Duration,
) -> (Arc<Mount>, TcpListener) {
    let worker = pool_of(settings, name, &[Group::Mount]);
    let mount = Mount {
        name: name.into(),
        service: Service::Pool(PoolId::new(name)),
        strip,
        timeouts: MountTimeouts {
            upgraded,
            ..MountTimeouts::default()
        },
        body: None,
    };
    (Arc::new(mount), worker)
}

/// A proxy with a mount at these places: each a host, which may be empty, and a prefix.
pub async fn mounted(strip: bool, places: &[(&str, &str)]) -> (Stage, TcpListener) {
    mounted_for(strip, places, Duration::from_secs(3600)).await
}

/// The same, where the worker and its client may be silent for so long after an upgrade.
pub async fn mounted_for(
    strip: bool,
    places: &[(&str, &str)],
    upgraded: Duration,
) -> (Stage, TcpListener) {
    let mut socket = None;
    let stage = Stage::with(1, |settings| {
        let (mount, worker) = mount(settings, "other", strip, upgraded);
        let place = |(host, prefix): &(&str, &str)| {
            let host = Some(*host).filter(|host| !host.is_empty()).map(Box::from);
            Place::new(prefix, host, mount.clone())
        };
        settings.policy.mounts = Mounts::new(places.iter().map(place).collect());
        settings.limits.wait_other = Duration::ZERO;
        socket = Some(worker);
    })
    .await;
    (stage, socket.unwrap())
}

#[tokio::test]
async fn a_mounts_worker_gets_the_request_as_it_came_and_who_asks() {
    let (stage, worker) = mounted(false, &[("", "/hookshot/")]).await;
    let mut client = stage.client().await;
    client
        .send(
            "POST /hookshot/webhook/a%2Fb?c=d HTTP/1.1\r\nHost: hs.example:8448\r\nX-Forwarded-For: 6.6.6.6\r\n\
             X-Forwarded-Host: evil\r\nX-Forwarded-Prefix: /evil\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\n{}",
        )
        .await;
    let mut worker = accepted(&worker).await;
    let head = worker.head().await;
    assert!(
        head.starts_with("POST /hookshot/webhook/a%2Fb?c=d HTTP/1.1\r\n"),
        "{head}"
    );
    for (name, value) in [
        ("host", Some("hs.example:8448")),
        ("x-forwarded-for", Some("127.0.0.1")),
        ("x-forwarded-proto", Some("http")),
        ("x-forwarded-host", Some("hs.example:8448")),
        ("x-forwarded-prefix", None),
        ("upgrade", None),
        ("connection", None),
    ] {
        assert_eq!(field(&head, name), value, "{name}");
    }
    worker.expect("{}").await;
    worker.send(OK).await;
    client.expect(OK).await;
    // A request is counted before its connection's next one is read.
    client
        .send("GET /hookshot/ HTTP/1.1\r\nHost: hs\r\n\r\n")
        .await;
    worker.head().await;
    let metrics = String::from_utf8(stage.running.metrics.render().unwrap()).unwrap();
    let counted = |line: &str| {
        line.starts_with("thalamus_requests_total{")
            && line.contains("\"mount\"")
            && line.ends_with(" 1")
    };
    assert!(metrics.lines().any(counted), "{metrics}");
}

#[tokio::test]
async fn a_prefix_is_taken_off_where_that_is_wanted() {
    let (stage, worker) = mounted(true, &[("", "/hookshot")]).await;
    let mut client = stage.client().await;
    let mut connection = None;
    for (asked, got) in [
        (
            "/hookshot/webhook/a?b=/hookshot/",
            "/webhook/a?b=/hookshot/",
        ),
        ("/hookshot/", "/"),
        ("/hookshot", "/"),
        ("/hookshot?a=b", "/?a=b"),
    ] {
        client
            .send(format!("GET {asked} HTTP/1.1\r\nHost: hs\r\n\r\n"))
            .await;
        if connection.is_none() {
            connection = Some(accepted(&worker).await);
        }
        let worker = connection.as_mut().unwrap();
        let head = worker.head().await;
        assert_eq!(head.split(' ').nth(1), Some(got), "{asked}");
        worker.send(OK).await;
        client.expect(OK).await;
    }
}

#[tokio::test]
async fn the_host_chooses_and_synapse_keeps_what_is_its_own() {
    let (stage, worker) =
        mounted(false, &[("app.example", "/"), ("", "/_synapse/metrics/x")]).await;
    let mut client = stage.client().await;
    client
        .send("OPTIONS /config.json HTTP/1.1\r\nHost: APP.example.:443\r\n\r\n")
        .await;
    let mut other = accepted(&worker).await;
    assert!(other.head().await.starts_with("OPTIONS /config.json "));
    other.send(OK).await;
    client.expect(OK).await;
    for (host, target) in [
        ("app.example", "/_matrix/client/versions"),
        ("hs.example", "/config.json"),
    ] {
        let mut client = stage.client().await;
        client
            .send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
            .await;
        stage.worker().await.head().await;
    }
    for target in ["/_synapse/metrics/x", "/_synapse/admin/v1/users"] {
        client
            .send(format!(
                "GET {target} HTTP/1.1\r\nHost: app.example\r\n\r\n"
            ))
            .await;
        let head = client.head().await;
        assert_eq!(status(&head), 403, "{target}");
        let length = field(&head, "content-length").unwrap().parse().unwrap();
        client.exactly(length).await;
    }
    assert!(other.is_quiet().await);
}

#[tokio::test]
async fn a_listener_that_serves_some_groups_has_no_mounts_but_by_name() {
    for (groups, expected) in [
        (vec![Group::FederationInbound], 404),
        (vec![Group::FederationInbound, Group::Mount], 200),
    ] {
        let mut socket = None;
        let stage = Stage::with(1, |settings| {
            let (mount, worker) = mount(settings, "other", false, Duration::from_secs(3600));
            let place = Place::new("/other/", None, mount);
            settings.policy.mounts = Mounts::new(vec![place]);
            settings.listeners[0].door.serves = groups.into_iter().collect();
            socket = Some(worker);
        })
        .await;
        let mut client = stage.client().await;
        client
            .send("GET /other/ HTTP/1.1\r\nHost: hs\r\n\r\n")
            .await;
        if expected == 200 {
            let mut worker = accepted(socket.as_ref().unwrap()).await;
            worker.head().await;
            worker.send(OK).await;
        }
        assert_eq!(status(&client.head().await), expected);
    }
}

#[tokio::test]
async fn a_mount_without_a_worker_never_falls_to_synapse() {
    let (stage, worker) = mounted(false, &[("", "/other/")]).await;
    drop(worker);
    let mut client = stage.client().await;
    client
        .send("GET /other/x HTTP/1.1\r\nHost: hs\r\n\r\n")
        .await;
    let head = client.head().await;
    assert_eq!(
        (status(&head), field(&head, "x-thalamus-reason")),
        (503, Some("CONNECT"))
    );
    assert!(stage.is_quiet().await);
}
