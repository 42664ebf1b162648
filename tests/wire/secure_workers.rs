//! TLS between us and the workers.

use std::{fs, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;
use thalamus::{config::Settings, net::Connector, pool::Health};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        HandshakeKind, ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    },
    server::TlsStream,
};

use crate::stage::{Stage, Wire, field, status};

const HANGS: Duration = Duration::from_secs(60);
const GET: &str = "GET /_matrix/client/versions HTTP/1.1\r\nHost: hs\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/// A proxy in front of one worker that speaks TLS.
struct House {
    stage: Stage,
    worker: TcpListener,
    acceptor: TlsAcceptor,
    _room: TempDir,
}

/// A certificate for a name, in a room of its own.
fn certified(name: &str) -> (TempDir, PathBuf, ServerConfig) {
    let room = TempDir::new().unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap();
    let certificate = certificate.self_signed(&key).unwrap();
    let path = room.path().join("ca.crt");
    fs::write(&path, certificate.pem()).unwrap();
    let chain = vec![CertificateDer::from_pem_file(&path).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    (room, path, config)
}

impl House {
    /// Whose worker has a certificate for `has`, while we look for `wanted` and believe the authority of that worker.
    async fn new(has: &str, wanted: Option<&str>) -> Self {
        Self::with(has, wanted, |_| ()).await
    }

    async fn with(has: &str, wanted: Option<&str>, change: impl FnOnce(&mut Settings)) -> Self {
        let (room, ca, config) = certified(has);
        let name = wanted.map(|name| ServerName::try_from(name.to_owned()).unwrap());
        let connector = Connector::read(Some(&ca), name).unwrap();
        Self::believing(room, connector, config, change).await
    }

    async fn believing(
        room: TempDir,
        connector: Connector,
        config: ServerConfig,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let worker = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = worker.local_addr().unwrap();
        let stage = Stage::with(1, |settings| {
            settings.pools = vec![of(address, connector)];
            settings.limits.wait_other = Duration::ZERO;
            change(settings);
        })
        .await;
        Self {
            stage,
            worker,
            acceptor: TlsAcceptor::from(Arc::new(config)),
            _room: room,
        }
    }

    /// Takes the next connection to the worker.
    async fn worker(&self) -> TlsStream<TcpStream> {
        let accept = async {
            let (socket, _) = self.worker.accept().await.unwrap();
            self.acceptor.accept(socket).await.unwrap()
        };
        timeout(HANGS, accept).await.expect("no connection")
    }

    /// Takes a connection whose handshake fails, and gives what the worker hears of it.
    async fn refused(&self) -> String {
        let accept = async {
            let (socket, _) = self.worker.accept().await.unwrap();
            self.acceptor.accept(socket).await.unwrap_err().to_string()
        };
        timeout(HANGS, accept).await.expect("no connection")
    }
}

/// The main pool with this worker.
fn of(address: SocketAddr, connector: Connector) -> thalamus::pool::Settings {
    use thalamus::discovery::{Endpoint, Source};
    let endpoint = Endpoint::new("main0", thalamus::net::Address::Ip(address));
    let source = Source::Static([endpoint].into());
    thalamus::pool::Settings {
        tls: Some(Arc::new(connector)),
        ..thalamus::pool::Settings::new("main", vec![], source)
    }
}

async fn head(worker: &mut TlsStream<TcpStream>) -> String {
    let mut head = Vec::new();
    let read = async {
        while !head.ends_with(b"\r\n\r\n") {
            head.push(worker.read_u8().await.unwrap());
        }
    };
    timeout(HANGS, read).await.expect("no head");
    String::from_utf8(head).unwrap()
}

async fn say(worker: &mut TlsStream<TcpStream>, bytes: impl AsRef<[u8]>) {
    worker.write_all(bytes.as_ref()).await.unwrap();
    worker.flush().await.unwrap();
}

#[tokio::test]
async fn requests_share_a_connection_that_is_kept() {
    let house = House::new("127.0.0.1", None).await;
    let mut client = house.stage.client().await;
    client.send(GET).await;
    let mut worker = house.worker().await;
    assert_eq!(worker.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    for round in 0..3 {
        if round > 0 {
            client.send(GET).await;
        }
        assert!(
            head(&mut worker)
                .await
                .starts_with("GET /_matrix/client/versions HTTP/1.1\r\n")
        );
        say(&mut worker, OK).await;
        client.expect(OK).await;
    }
}

#[tokio::test]
async fn large_bodies_stream_both_ways() {
    let house = House::new("hs.internal", Some("hs.internal")).await;
    let mut client = house.stage.client().await;
    let body: Vec<u8> = (0..4 << 20).map(|n: u32| (n % 251) as u8).collect();
    let length = body.len();
    let ask = format!(
        "POST /_matrix/media/v3/upload HTTP/1.1\r\nHost: hs\r\nContent-Length: {length}\r\n\r\n"
    );
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
    let talk = async {
        client.send(&ask).await;
        client.send(&body).await;
        client.expect(&answer).await;
        assert!(client.exactly(length).await == body);
    };
    let work = async {
        let mut worker = house.worker().await;
        head(&mut worker).await;
        let mut read = vec![0; length];
        worker.read_exact(&mut read).await.unwrap();
        assert!(read == body);
        say(&mut worker, &answer).await;
        say(&mut worker, &body).await;
    };
    timeout(HANGS, async { tokio::join!(talk, work) })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_believed() {
    let house = House::new("other.internal", Some("hs.internal")).await;
    let mut client = house.stage.client().await;
    client.send(GET.replace("GET", "DELETE")).await;
    let heard = house.refused().await;
    assert!(heard.to_lowercase().contains("certificate"), "{heard}");
    let answer = client.head().await;
    assert_eq!(status(&answer), 503);
    assert_eq!(field(&answer, "x-thalamus-reason"), Some("CONNECT"));
}

#[tokio::test]
async fn an_authority_that_is_not_ours_is_not_believed() {
    let (room, ca, _) = certified("127.0.0.1");
    let (_, _, config) = certified("127.0.0.1");
    let connector = Connector::read(Some(&ca), None).unwrap();
    let house = House::believing(room, connector, config, |_| ()).await;
    let mut client = house.stage.client().await;
    client.send(GET).await;
    let heard = house.refused().await;
    // Both authorities have one name: what the other has signed is no signature of ours.
    assert!(
        ["UnknownCA", "DecryptError"]
            .iter()
            .any(|alert| heard.contains(alert)),
        "{heard}"
    );
    assert_eq!(status(&client.head().await), 503);
}

#[tokio::test]
async fn the_next_connection_takes_the_session_up_again() {
    let house = House::new("127.0.0.1", None).await;
    for round in 0..3 {
        let mut client = house.stage.client().await;
        client.send(GET).await;
        let mut worker = house.worker().await;
        head(&mut worker).await;
        say(
            &mut worker,
            OK.replace("OK\r\n", "OK\r\nConnection: close\r\n"),
        )
        .await;
        client.head().await;
        let resumed = worker.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
        assert_eq!(resumed, round > 0, "connection {round}");
    }
}

#[tokio::test]
async fn a_worker_that_closes_early_is_asked_anew_or_told_of() {
    let house = House::new("127.0.0.1", None).await;
    let mut client = house.stage.client().await;
    client.send(GET).await;
    let mut worker = house.worker().await;
    head(&mut worker).await;
    say(&mut worker, OK).await;
    client.expect(OK).await;
    // While idle: the next request finds out.
    worker.shutdown().await.unwrap();
    drop(worker);
    client.send(GET).await;
    let mut worker = house.worker().await;
    head(&mut worker).await;
    // In the middle of an answer: the client learns that it is not whole.
    say(
        &mut worker,
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
    )
    .await;
    worker.shutdown().await.unwrap();
    client.head().await;
    client.expect("half").await;
    client.closed().await;
}

#[tokio::test]
async fn a_cut_is_no_end_of_an_answer() {
    let house = House::new("127.0.0.1", None).await;
    let mut client = house.stage.client().await;
    client.send(GET).await;
    let mut worker = house.worker().await;
    head(&mut worker).await;
    say(&mut worker, "HTTP/1.1 200 OK\r\n\r\nall that came").await;
    client.head().await;
    client.expect("all that came").await;
    // Without a goodbye.
    drop(worker.into_inner().0);
    client.closed().await;
    let reasons = String::from_utf8(house.stage.running.metrics.render().unwrap()).unwrap();
    assert!(reasons.contains("reason=\"CUT_SHORT\"} 1"), "{reasons}");
}

#[tokio::test]
async fn a_handshake_that_hangs_or_ends_is_a_worker_that_cannot_be_reached() {
    let house = House::with("127.0.0.1", None, |settings| {
        settings.limits.connect = Duration::from_millis(300);
    })
    .await;
    for hangs in [true, false] {
        let mut client = house.stage.client().await;
        client.send(GET).await;
        let (socket, _) = timeout(HANGS, house.worker.accept())
            .await
            .unwrap()
            .unwrap();
        let mut socket = Wire::new(socket);
        assert_eq!(socket.exactly(1).await, [0x16], "a handshake");
        let kept = hangs.then_some(socket);
        assert_eq!(status(&client.head().await), 503, "{hangs}");
        drop(kept);
    }
}

#[tokio::test]
async fn health_is_asked_over_tls() {
    let house = House::with("127.0.0.1", None, |settings| {
        settings.health = Health {
            interval: Duration::from_millis(50),
            timeout: HANGS,
            ..Health::default()
        };
    })
    .await;
    for _ in 0..2 {
        let mut worker = house.worker().await;
        assert!(
            head(&mut worker)
                .await
                .starts_with("GET /health HTTP/1.1\r\n")
        );
        say(&mut worker, OK).await;
    }
}
