//! Files of a mounted directory.

use std::{fs, sync::Arc};

use tempfile::TempDir;
use thalamus::route::{Files, Mount, MountTimeouts, Mounts, Place, Service};

use crate::stage::{Stage, Wire, field, status};

/// A proxy with a directory at `/app/`.
async fn house(fallback: Option<&str>) -> (Stage, TempDir) {
    let room = TempDir::new().unwrap();
    fs::create_dir(room.path().join("sub")).unwrap();
    fs::write(room.path().join("index.html"), "<p>home</p>").unwrap();
    fs::write(room.path().join("app.js"), "0123456789").unwrap();
    fs::write(room.path().join("big.wasm"), vec![7; 3 << 20]).unwrap();
    fs::write(room.path().join(".secret"), "no").unwrap();
    let files = Files {
        directory: room.path().into(),
        fallback: fallback.map(Box::from),
        headers: vec![(
            "x-frame-options".parse().unwrap(),
            "SAMEORIGIN".parse().unwrap(),
        )],
    };
    let mount = Mount {
        name: "app".into(),
        service: Service::Files(Arc::new(files)),
        strip: false,
        timeouts: MountTimeouts::default(),
        body: None,
    };
    let stage = Stage::with(1, |settings| {
        let place = Place::new("/app/", None, Arc::new(mount));
        settings.policy.mounts = Mounts::new(vec![place]);
    })
    .await;
    (stage, room)
}

async fn ask(client: &mut Wire, line: &str, fields: &str) -> (String, Vec<u8>) {
    client
        .send(format!("{line} HTTP/1.1\r\nHost: hs\r\n{fields}\r\n"))
        .await;
    let head = client.head().await;
    let length = field(&head, "content-length").map_or(0, |length| length.parse().unwrap());
    let length = if line.starts_with("HEAD") { 0 } else { length };
    (head, client.exactly(length).await)
}

#[tokio::test]
async fn files_have_their_kind_their_length_and_the_admins_fields() {
    let (stage, _room) = house(None).await;
    let mut client = stage.client().await;
    for (target, kind, length) in [
        ("/app/", "text/html", 11),
        ("/app/index.html?v=1", "text/html", 11),
        ("/app/app.js", "text/javascript", 10),
        ("/app/big.wasm", "application/wasm", 3 << 20),
    ] {
        let (head, body) = ask(&mut client, &format!("GET {target}"), "").await;
        assert_eq!((status(&head), body.len()), (200, length), "{target}");
        assert_eq!(field(&head, "content-type"), Some(kind), "{target}");
        assert_eq!(field(&head, "x-frame-options"), Some("SAMEORIGIN"));
        assert!(field(&head, "x-request-id").is_some());
        let (head, _) = ask(&mut client, &format!("HEAD {target}"), "").await;
        let said = field(&head, "content-length").unwrap();
        assert_eq!(
            (status(&head), said),
            (200, &*length.to_string()),
            "{target}"
        );
    }
    assert!(stage.is_quiet().await, "Synapse was asked");
}

#[tokio::test]
async fn who_has_a_file_is_told_so_and_parts_can_be_had() {
    let (stage, room) = house(None).await;
    let mut client = stage.client().await;
    let get = "GET /app/app.js";
    let (head, _) = ask(&mut client, get, "").await;
    let tag = field(&head, "etag").unwrap().to_owned();
    let date = field(&head, "last-modified").unwrap().to_owned();
    for has in [
        format!("If-None-Match: {tag}\r\n"),
        format!("If-Modified-Since: {date}\r\n"),
    ] {
        let (head, _) = ask(&mut client, get, &has).await;
        assert_eq!(
            (status(&head), field(&head, "content-length")),
            (304, None),
            "{has}"
        );
        assert_eq!(field(&head, "etag"), Some(&*tag));
    }
    let (head, body) = ask(&mut client, get, "Range: bytes=2-4\r\n").await;
    assert_eq!((status(&head), &*body), (206, &b"234"[..]));
    assert_eq!(field(&head, "content-range"), Some("bytes 2-4/10"));
    let (head, _) = ask(&mut client, get, "Range: bytes=20-\r\n").await;
    assert_eq!(status(&head), 416);
    let of_another = "Range: bytes=2-4\r\nIf-Range: \"another\"\r\n";
    let (head, body) = ask(&mut client, get, of_another).await;
    assert_eq!((status(&head), body.len()), (200, 10));
    fs::write(room.path().join("app.js"), "changed and longer").unwrap();
    // What the file has grown by does not follow the answer from before.
    let (head, body) = ask(&mut client, get, &format!("If-None-Match: {tag}\r\n")).await;
    assert_eq!((status(&head), &*body), (200, &b"changed and longer"[..]));
}

#[tokio::test]
async fn what_is_not_there_or_not_shown_is_not_found() {
    let (stage, _room) = house(None).await;
    let mut client = stage.client().await;
    for target in [
        "/app/nowhere",
        "/app/.secret",
        "/app/%2esecret",
        "/app/../../etc/passwd",
        "/app/%2e%2e/%2e%2e/etc/passwd",
        "/app/sub/",
    ] {
        let (head, body) = ask(&mut client, &format!("GET {target}"), "").await;
        assert_eq!((status(&head), body.len()), (404, 0), "{target}");
    }
    for (target, to) in [("/app", "/app/"), ("/app/sub?a=b", "/app/sub/")] {
        let (head, _) = ask(&mut client, &format!("GET {target}"), "").await;
        assert_eq!((status(&head), field(&head, "location")), (308, Some(to)));
    }
    for method in ["POST", "DELETE", "OPTIONS"] {
        let (head, _) = ask(&mut client, &format!("{method} /app/app.js"), "").await;
        assert_eq!(
            (status(&head), field(&head, "allow")),
            (405, Some("GET, HEAD"))
        );
    }
}

#[tokio::test]
async fn a_fallback_answers_for_the_pages_of_an_app() {
    let (stage, _room) = house(Some("index.html")).await;
    let mut client = stage.client().await;
    let (head, body) = ask(&mut client, "GET /app/room/42", "").await;
    assert_eq!((status(&head), &*body), (200, &b"<p>home</p>"[..]));
    assert_eq!(field(&head, "content-type"), Some("text/html"));
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_harms_nobody() {
    let (stage, _room) = house(None).await;
    for _ in 0..3 {
        let mut client = stage.client().await;
        client
            .send("GET /app/big.wasm HTTP/1.1\r\nHost: hs\r\n\r\n")
            .await;
        client.head().await;
        client.reset();
    }
    let mut client = stage.client().await;
    let (head, _) = ask(&mut client, "GET /app/", "Connection: close\r\n").await;
    assert_eq!(
        (status(&head), field(&head, "connection")),
        (200, Some("close"))
    );
    client.closed().await;
}
