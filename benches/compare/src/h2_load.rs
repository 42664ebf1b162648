//! The load over HTTP/2: a few connections with many streams each, every answer checked.

use std::iter;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use http::Request;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::standin::SYNC_BODY;
use crate::tls;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(40);

/// What a browser lets a server send unasked, on a stream and on a connection.
const STREAM_WINDOW: u32 = 128 * 1024;
const WINDOW: u32 = 12 * 1024 * 1024;

/// Open connections to one proxy; one thread keeps them going, also while nobody waits.
#[derive(Debug)]
pub struct H2Load {
    runtime: Runtime,
    connections: Vec<SendRequest<Bytes>>,
    sent: Vec<JoinHandle<Result<()>>>,
}

impl H2Load {
    /// Opens `count` connections to `proxy`.
    pub fn connect(proxy: SocketAddr, count: usize, tls: &Arc<ClientConfig>) -> Result<H2Load> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .context("start the load's thread")?;
        let connections = (0..count)
            .map(|_| runtime.block_on(connect(proxy, Arc::clone(tls))))
            .collect::<Result<_>>()?;
        Ok(H2Load {
            runtime,
            connections,
            sent: Vec::new(),
        })
    }

    /// Sends `total` of `requests` in turn, `streams` at a time on each connection; returns how long it took.
    pub fn run(
        &self,
        requests: &Arc<[Request<()>]>,
        total: usize,
        streams: usize,
    ) -> Result<Duration> {
        let begun = Instant::now();
        let next = Arc::new(AtomicUsize::new(0));
        let lanes = self
            .connections
            .iter()
            .flat_map(|one| iter::repeat_n(one, streams));
        let lanes: Vec<_> = lanes
            .map(|connection| {
                let (requests, next) = (Arc::clone(requests), Arc::clone(&next));
                self.runtime
                    .spawn(lane(connection.clone(), requests, next, total))
            })
            .collect();
        self.wait(lanes)?;
        Ok(begun.elapsed())
    }

    /// Sends `requests` on one connection and does not wait for their answers.
    pub fn send(&mut self, connection: usize, requests: Vec<Request<()>>) {
        for request in requests {
            let mut connection = self.connections[connection].clone();
            let asked = async move { ask(&mut connection, &request).await };
            self.sent.push(self.runtime.spawn(asked));
        }
    }

    /// Waits for the answers to [`H2Load::send`].
    pub fn receive_all(&mut self) -> Result<()> {
        let sent = std::mem::take(&mut self.sent);
        self.wait(sent)
    }

    fn wait(&self, tasks: Vec<JoinHandle<Result<()>>>) -> Result<()> {
        let all = async {
            for task in tasks {
                task.await??;
            }
            Ok::<_, anyhow::Error>(())
        };
        let all = async { timeout(PATIENCE, all).await };
        self.runtime.block_on(all).context("answers are missing")?
    }
}

async fn connect(proxy: SocketAddr, client: Arc<ClientConfig>) -> Result<SendRequest<Bytes>> {
    let stream = TcpStream::connect(proxy)
        .await
        .context("connect to the proxy")?;
    stream.set_nodelay(true)?;
    let stream = TlsConnector::from(Arc::clone(&client))
        .connect(tls::name(), stream)
        .await
        .context("TLS handshake")?;
    tls::check(&client, stream.get_ref().1)?;
    let (connection, driven) = Builder::new()
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(WINDOW)
        .handshake(stream)
        .await?;
    // Who waits for an answer hears when the connection ends early.
    tokio::spawn(driven);
    Ok(connection)
}

/// One request after another, until `total` have been sent by all.
async fn lane(
    mut connection: SendRequest<Bytes>,
    requests: Arc<[Request<()>]>,
    next: Arc<AtomicUsize>,
    total: usize,
) -> Result<()> {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= total {
            return Ok(());
        }
        ask(&mut connection, &requests[number % requests.len()]).await?;
    }
}

/// Sends a request and checks its answer.
async fn ask(connection: &mut SendRequest<Bytes>, request: &Request<()>) -> Result<()> {
    let mut ready = connection.clone().ready().await?;
    let (answer, _) = ready.send_request(request.clone(), true)?;
    let answer = answer.await.context("receive an answer")?;
    ensure!(answer.status() == 200, "status {}", answer.status());
    let mut body = answer.into_body();
    let mut missing = SYNC_BODY.as_bytes();
    while let Some(piece) = body.data().await {
        let piece = piece?;
        body.flow_control().release_capacity(piece.len())?;
        missing = missing.strip_prefix(&*piece).context("wrong body")?;
    }
    ensure!(
        missing.is_empty(),
        "{} bytes of the body missing",
        missing.len()
    );
    Ok(())
}
