//! A plain proxy of hyper's server and hyper's client, with no routing.

use std::net::SocketAddr;

use anyhow::Result;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::listen::listen;

type WorkerClient = Client<HttpConnector, Incoming>;

/// Relays requests taken at `address` to `worker`, for ever.
pub fn run(address: SocketAddr, worker: SocketAddr) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async move {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client: WorkerClient = Client::builder(TokioExecutor::new()).build(connector);
        let listener = listen(address)?;
        loop {
            let (stream, peer) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(serve(stream, peer, worker, client.clone()));
        }
    })
}

async fn serve(stream: TcpStream, peer: SocketAddr, worker: SocketAddr, client: WorkerClient) {
    let forward = service_fn(move |request| forward(request, peer, worker, client.clone()));
    let connection = hyper::server::conn::http1::Builder::new();
    // A connection that breaks ends its own task and nothing else.
    let _ = connection
        .serve_connection(TokioIo::new(stream), forward)
        .await;
}

async fn forward(
    mut request: Request<Incoming>,
    peer: SocketAddr,
    worker: SocketAddr,
    client: WorkerClient,
) -> Result<Response<Incoming>> {
    let target = request
        .uri()
        .path_and_query()
        .map_or("/", |target| target.as_str());
    *request.uri_mut() = format!("http://{worker}{target}").parse::<Uri>()?;
    let headers = request.headers_mut();
    headers.remove(CONNECTION);
    headers.insert(
        "x-forwarded-for",
        HeaderValue::try_from(peer.ip().to_string())?,
    );
    headers.insert("x-forwarded-proto", HeaderValue::from_static("http"));
    Ok(client.request(request).await?)
}
