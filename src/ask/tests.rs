use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UnixListener},
};

use super::*;

const TARGET: PathAndQuery = PathAndQuery::from_static("/who?a=b");

fn asker(at_once: usize) -> Asker {
    Asker::new(&Limits {
        timeout: Duration::from_secs(60),
        at_once,
        body: 64,
    })
}

/// Reads one head from `worker`, sends `answer`, returns the head.
async fn answer(worker: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin), answer: &str) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(worker.read_u8().await.unwrap());
    }
    worker.write_all(answer.as_bytes()).await.unwrap();
    String::from_utf8(head).unwrap()
}

async fn tcp() -> (TcpListener, Address) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address::Ip(listener.local_addr().unwrap());
    (listener, address)
}

#[tokio::test]
async fn asks_twice_on_one_connection() {
    let (listener, address) = tcp().await;
    let worker = tokio::spawn(async move {
        let (mut worker, _) = listener.accept().await.unwrap();
        let first = answer(
            &mut worker,
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        )
        .await;
        let chunked = "HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        (first, answer(&mut worker, chunked).await)
    });
    let asker = asker(1);
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer x"));
    let known = asker.get(&address, &TARGET, headers).await.unwrap();
    assert_eq!((known.status.as_u16(), &*known.body), (200, &b"hi"[..]));
    let unknown = asker
        .get(&address, &TARGET, HeaderMap::new())
        .await
        .unwrap();
    assert_eq!(
        (unknown.status.as_u16(), &*unknown.body),
        (401, &b"abc"[..])
    );
    let (first, second) = worker.await.unwrap();
    assert!(first.starts_with("GET /who?a=b HTTP/1.1\r\n"), "{first}");
    assert!(first.contains("authorization: Bearer x\r\n"), "{first}");
    assert!(first.contains("host: thalamus\r\n"), "{first}");
    assert!(!second.contains("Bearer"), "{second}");
}

#[tokio::test]
async fn asks_over_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("main.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        let (mut worker, _) = listener.accept().await.unwrap();
        answer(&mut worker, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    });
    let address = Address::Unix(path);
    let answer = asker(1).get(&address, &TARGET, HeaderMap::new()).await;
    assert_eq!(answer.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn says_who_did_not_answer_and_why() {
    let (listener, address) = tcp().await;
    let too_long = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 65\r\n\r\n{:065}",
        0
    );
    let worker = tokio::spawn(async move {
        let (mut first, _) = listener.accept().await.unwrap();
        answer(&mut first, &too_long).await;
        let (mut second, _) = listener.accept().await.unwrap();
        answer(&mut second, "").await;
    });
    let asker = asker(1);
    for fault in ["length limit exceeded", "connection"] {
        let error = asker.get(&address, &TARGET, HeaderMap::new()).await;
        let error = error.unwrap_err().to_string();
        assert!(error.starts_with(&format!("ask {address}: ")), "{error}");
        assert!(error.contains(fault), "{error}");
    }
    worker.await.unwrap();
    let error = asker.get(&address, &TARGET, HeaderMap::new()).await;
    let error = error.unwrap_err().to_string();
    assert!(error.to_lowercase().contains("refused"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn gives_up_in_time() {
    let (_listener, address) = tcp().await;
    let error = asker(1).get(&address, &TARGET, HeaderMap::new()).await;
    assert_eq!(
        error.unwrap_err().to_string(),
        format!("ask {address}: no answer within 60s")
    );
}

#[tokio::test]
async fn no_more_at_once_than_allowed() {
    let (listener, address) = tcp().await;
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let seen = most.clone();
    tokio::spawn(async move {
        loop {
            let (mut worker, _) = listener.accept().await.unwrap();
            let (now, most) = (now.clone(), most.clone());
            tokio::spawn(async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                }
                now.fetch_sub(1, Ordering::SeqCst);
                let close = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
                answer(&mut worker, close).await;
            });
        }
    });
    let asker = asker(2);
    let mut questions = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (asker, address) = (asker.clone(), address.clone());
        questions.spawn(async move { asker.get(&address, &TARGET, HeaderMap::new()).await });
    }
    for answer in questions.join_all().await {
        assert_eq!(answer.unwrap().status, StatusCode::OK);
    }
    assert!(seen.load(Ordering::SeqCst) <= 2);
}

#[tokio::test]
async fn asks_twice_on_one_connection_with_tls() {
    use tokio_rustls::{
        TlsAcceptor,
        rustls::{
            ServerConfig,
            pki_types::{PrivateKeyDer, pem::PemObject},
        },
    };
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = certificate.self_signed(&key).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), certificate.pem()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let (listener, address) = tcp().await;
    let worker = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let mut worker = acceptor.accept(socket).await.unwrap();
        let hi = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
        answer(&mut worker, hi).await;
        answer(&mut worker, hi).await;
    });
    let connector = Arc::new(Connector::read(Some(file.path()), None).unwrap());
    let at = At {
        address: &address,
        tls: Some(&connector),
    };
    let asker = asker(1);
    for _ in 0..2 {
        let known = asker.get(at, &TARGET, HeaderMap::new()).await.unwrap();
        assert_eq!(&*known.body, b"hi");
    }
    worker.await.unwrap();
    drop(connector);
}
