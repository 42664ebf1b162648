//! TLS in front of the same conversation.

use std::{fs, path::Path, sync::Arc, time::Duration};

use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;
use thalamus::{config::Settings, front::CertificateFiles, route::Limits};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, HandshakeKind, RootCertStore, SupportedProtocolVersion,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
        version::{TLS12, TLS13},
    },
};

use crate::stage::{Stage, Wire, field, status};

const HANGS: Duration = Duration::from_secs(60);
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
const GET: &str = "GET /_matrix/client/versions HTTP/1.1\r\nHost: hs\r\n\r\n";

/// A proxy that speaks TLS, and the room its certificates are in.
struct House {
    stage: Stage,
    room: TempDir,
}

impl House {
    async fn new(names: &[&str], change: impl FnOnce(&mut Settings)) -> Self {
        let room = TempDir::new().unwrap();
        for name in names {
            certify(room.path(), name);
        }
        let files = names.iter().map(|name| CertificateFiles {
            certificate: room.path().join(format!("{name}.crt")),
            key: room.path().join(format!("{name}.key")),
        });
        let files = files.collect();
        let stage = Stage::with(1, |settings| {
            settings.listeners[0].tls = files;
            change(settings);
        })
        .await;
        Self { stage, room }
    }

    /// A client's settings that trust all certificates of the room.
    fn client(&self, version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        for entry in fs::read_dir(self.room.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|kind| kind == "crt") {
                roots
                    .add(CertificateDer::from_pem_file(path).unwrap())
                    .unwrap();
            }
        }
        let config = ClientConfig::builder_with_protocol_versions(&[version]);
        Arc::new(config.with_root_certificates(roots).with_no_client_auth())
    }

    async fn connect(&self, config: &Arc<ClientConfig>, name: &str) -> TlsStream<TcpStream> {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let tcp = TcpStream::connect(self.stage.proxy).await.unwrap();
        let connected = TlsConnector::from(config.clone()).connect(name, tcp);
        timeout(HANGS, connected).await.unwrap().unwrap()
    }
}

/// Writes a new certificate for a name.
fn certify(room: &Path, name: &str) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap();
    let certificate = certificate.self_signed(&key).unwrap();
    fs::write(room.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    fs::write(room.join(format!("{name}.crt")), certificate.pem()).unwrap();
}

async fn expect(client: &mut TlsStream<TcpStream>, bytes: &[u8]) {
    let mut read = vec![0; bytes.len()];
    timeout(HANGS, client.read_exact(&mut read))
        .await
        .unwrap()
        .unwrap();
    assert!(read == bytes, "{:?}", String::from_utf8_lossy(&read));
}

/// The first certificate that the proxy shows for a name.
async fn shown(house: &House, name: &str) -> Vec<u8> {
    let client = house.connect(&house.client(&TLS13), name).await;
    client.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

fn on_disk(house: &House, name: &str) -> Vec<u8> {
    let path = house.room.path().join(format!("{name}.crt"));
    CertificateDer::from_pem_file(path).unwrap().to_vec()
}

#[tokio::test]
async fn requests_and_answers_pass_in_both_versions() {
    for version in [&TLS12, &TLS13] {
        let house = House::new(&["hs.example"], |_| ()).await;
        let mut client = house.connect(&house.client(version), "hs.example").await;
        let mut worker = None;
        for _ in 0..3 {
            client.write_all(GET.as_bytes()).await.unwrap();
            if worker.is_none() {
                worker = Some(house.stage.worker().await);
            }
            let worker: &mut Wire = worker.as_mut().unwrap();
            let head = worker.head().await;
            assert_eq!(field(&head, "x-forwarded-proto"), Some("https"));
            worker.send(OK).await;
            expect(&mut client, OK.as_bytes()).await;
        }
        assert_eq!(house.stage.running.metrics.tls_accepted.get(), 1);
    }
}

#[tokio::test]
async fn http_2_is_agreed_on_where_both_have_it() {
    for (has, agreed) in [(true, "h2"), (false, "http/1.1")] {
        let house = House::new(&["hs.example"], |settings| {
            settings.listeners[0].door.http2 = has;
        })
        .await;
        let mut config = ClientConfig::clone(&house.client(&TLS13));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let client = house.connect(&Arc::new(config), "hs.example").await;
        let protocol = client.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        assert_eq!(protocol.as_deref(), Some(agreed.as_bytes()));
        if has {
            ask_by_http_2(&house, client).await;
        }
    }
}

async fn ask_by_http_2(house: &House, client: TlsStream<TcpStream>) {
    let (mut requests, connection) = h2::client::handshake(client).await.unwrap();
    tokio::spawn(connection);
    let request = hyper::Request::get("https://hs.example/_matrix/client/versions");
    let (answer, _) = requests
        .send_request(request.body(()).unwrap(), true)
        .unwrap();
    let mut worker = house.stage.worker().await;
    let head = worker.head().await;
    assert_eq!(field(&head, "x-forwarded-proto"), Some("https"));
    assert_eq!(field(&head, "host"), Some("hs.example"));
    let body = "x".repeat(40_000);
    worker
        .send(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n{body}"
        ))
        .await;
    let mut body = answer_of(answer).await;
    let mut read = 0;
    while let Some(data) = timeout(HANGS, body.data()).await.unwrap() {
        read += data.unwrap().len();
    }
    assert_eq!(read, 40_000);
}

async fn answer_of(answer: h2::client::ResponseFuture) -> h2::RecvStream {
    let answer = timeout(HANGS, answer).await.unwrap().unwrap();
    assert_eq!(answer.status(), 200);
    answer.into_body()
}

#[tokio::test]
async fn large_bodies_stream_both_ways_past_slow_readers() {
    for version in [&TLS12, &TLS13] {
        let house = House::new(&["hs.example"], |_| ()).await;
        let mut client = house.connect(&house.client(version), "hs.example").await;
        let body: Vec<u8> = (0..8 << 20).map(|n: u32| (n % 251) as u8).collect();
        let length = body.len();
        let head = format!(
            "POST /_matrix/media/v3/upload HTTP/1.1\r\nHost: hs\r\nContent-Length: {length}\r\n\r\n"
        );
        let upload = async {
            client.write_all(head.as_bytes()).await.unwrap();
            client.write_all(&body).await.unwrap();
            client.flush().await.unwrap();
        };
        let take = async {
            let mut worker = house.stage.worker().await;
            worker.head().await;
            assert!(worker.exactly(length).await == body);
            worker
        };
        let (_, mut worker) = tokio::join!(upload, take);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        let answer = async {
            worker.send(&head).await;
            worker.send(&body).await;
        };
        let read = async {
            expect(&mut client, head.as_bytes()).await;
            // The reader lets everything before it fill up first.
            for _ in 0..1000 {
                tokio::task::yield_now().await;
            }
            expect(&mut client, &body).await;
        };
        tokio::join!(answer, read);
    }
}

#[tokio::test]
async fn the_certificate_is_chosen_by_name_and_the_first_is_the_default() {
    let house = House::new(&["one.example", "two.example"], |_| ()).await;
    for name in ["two.example", "one.example"] {
        assert!(shown(&house, name).await == on_disk(&house, name), "{name}");
    }
    let mut client = House::client(&house, &TLS13).as_ref().clone();
    client.enable_sni = false;
    house.connect(&Arc::new(client), "one.example").await;
}

#[tokio::test]
async fn a_session_is_taken_up_again_on_any_thread() {
    for version in [&TLS12, &TLS13] {
        let house = House::new(&["hs.example"], |settings| {
            settings.threads = 4.try_into().unwrap();
        })
        .await;
        let config = house.client(version);
        let mut open = vec![];
        for round in 0..4 {
            let mut client = house.connect(&config, "hs.example").await;
            // The tickets of TLS 1.3 come with the first answer.
            client
                .write_all(b"OPTIONS / HTTP/1.1\r\nHost: hs\r\n\r\n")
                .await
                .unwrap();
            expect(&mut client, b"HTTP/1.1 204").await;
            let resumed = client.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
            assert_eq!(resumed, round > 0, "{version:?}, connection {round}");
            open.push(client);
        }
    }
}

#[tokio::test]
async fn new_files_are_shown_to_new_connections_and_old_ones_go_on() {
    let house = House::new(&["hs.example"], |_| ()).await;
    let mut old = house.connect(&house.client(&TLS13), "hs.example").await;
    certify(house.room.path(), "hs.example");
    let new = on_disk(&house, "hs.example");
    let changed = async {
        loop {
            let tcp = TcpStream::connect(house.stage.proxy).await.unwrap();
            let name = ServerName::try_from("hs.example").unwrap();
            // Only the new certificate is trusted: until it is shown the handshake fails.
            let connector = TlsConnector::from(house.client(&TLS13));
            if let Ok(client) = connector.connect(name, tcp).await {
                break client.get_ref().1.peer_certificates().unwrap()[0].to_vec();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(timeout(HANGS, changed).await.unwrap() == new);
    old.write_all(GET.as_bytes()).await.unwrap();
    let mut worker = house.stage.worker().await;
    worker.head().await;
    worker.send(OK).await;
    expect(&mut old, OK.as_bytes()).await;
}

#[tokio::test]
async fn the_end_of_an_answer_is_told_from_a_cut() {
    let house = House::new(&["hs.example"], |_| ()).await;
    let mut client = house.connect(&house.client(&TLS13), "hs.example").await;
    client.write_all(GET.as_bytes()).await.unwrap();
    let mut worker = house.stage.worker().await;
    worker.head().await;
    worker.send("HTTP/1.1 200 OK\r\n\r\nall of it").await;
    drop(worker);
    let mut answer = String::new();
    timeout(HANGS, client.read_to_string(&mut answer))
        .await
        .unwrap()
        .expect("an end without close_notify is an error");
    assert!(answer.ends_with("all of it"), "{answer}");
}

#[tokio::test]
async fn what_is_not_tls_is_closed_and_counted() {
    for sent in [GET.as_bytes(), &[0x16, 3, 1, 0xff, 0xff, 1], &[0; 20]] {
        let house = House::new(&["hs.example"], |_| ()).await;
        let mut client = house.stage.client().await;
        client.send(sent).await;
        client.send(vec![0; 70_000]).await;
        client.rest().await;
        assert_eq!(house.stage.running.metrics.tls_failed.get(), 1);
        assert!(house.stage.is_quiet().await);
    }
}

#[tokio::test]
async fn a_handshake_has_a_deadline() {
    let house = House::new(&["hs.example"], |settings| {
        settings.limits = Limits {
            head: Duration::from_millis(300),
            ..Limits::default()
        };
    })
    .await;
    let mut client = house.stage.client().await;
    client.send([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc]).await;
    client.closed().await;
}

#[tokio::test]
async fn refusals_can_be_read() {
    let house = House::new(&["hs.example"], |_| ()).await;
    let mut client = house.connect(&house.client(&TLS13), "hs.example").await;
    client.write_all(b"GET / HTTP/3.7\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    timeout(HANGS, client.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(status(&answer), 400);
}
