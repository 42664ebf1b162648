//! One connection to the proxy, as a client holds it.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use http_body_util::{BodyExt, Full};
use hyper::{
    Response, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{Duration, timeout},
};

use super::{ask::Ask, deployment, stand_in::WORKER};

/// A request without an answer by then has failed.
const PATIENCE: Duration = Duration::from_secs(45);

/// A client that asks one thing at a time on one connection, which it renews when it has closed.
#[derive(Debug)]
pub struct Client {
    proxy: SocketAddr,
    authorization: Box<str>,
    connection: Option<SendRequest<Full<Bytes>>>,
    driver: JoinSet<()>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The worker that says it answered.
    pub worker: Option<&'static str>,
    /// The body.
    pub body: Bytes,
}

impl Client {
    /// A client of the proxy that asks in the name of who `authorization` says.
    pub fn new(proxy: SocketAddr, authorization: String) -> Self {
        Self {
            proxy,
            authorization: authorization.into(),
            connection: None,
            driver: JoinSet::new(),
        }
    }

    /// Asks, and reads the whole answer; anything but 200 is an error that tells why.
    pub async fn ask(&mut self, ask: &Ask) -> anyhow::Result<Answer> {
        let answered = timeout(PATIENCE, self.try_ask(ask)).await;
        let answered =
            answered.unwrap_or_else(|_| bail!("no answer within {} s", PATIENCE.as_secs()));
        if answered.is_err() {
            self.connection = None;
        }
        answered
    }

    async fn try_ask(&mut self, ask: &Ask) -> anyhow::Result<Answer> {
        let request = ask.request(&self.authorization);
        let response = self.connection().await?.send_request(request).await;
        read(response.context("no answer")?).await
    }

    async fn connection(&mut self) -> anyhow::Result<&mut SendRequest<Full<Bytes>>> {
        let usable = match &mut self.connection {
            Some(connection) => connection.ready().await.is_ok(),
            None => false,
        };
        if !usable {
            self.connection = Some(self.connect().await?);
        }
        Ok(self.connection.as_mut().expect("set just now"))
    }

    async fn connect(&mut self) -> anyhow::Result<SendRequest<Full<Bytes>>> {
        let connecting = async {
            let stream = TcpStream::connect(self.proxy).await?;
            stream.set_nodelay(true)?;
            anyhow::Ok(http1::handshake(TokioIo::new(stream)).await?)
        };
        let (sender, connection) = connecting
            .await
            .with_context(|| format!("connect to {}", self.proxy))?;
        self.driver = JoinSet::new();
        self.driver.spawn(async move {
            // The sender sees the same error.
            let _ = connection.await;
        });
        Ok(sender)
    }
}

async fn read(response: Response<Incoming>) -> anyhow::Result<Answer> {
    let status = response.status();
    let name = response
        .headers()
        .get(WORKER)
        .and_then(|name| name.to_str().ok());
    let worker = name.and_then(deployment::worker);
    let body = response
        .into_body()
        .collect()
        .await
        .context("the answer broke off")?;
    let body = body.to_bytes();
    if status != StatusCode::OK {
        let text = String::from_utf8_lossy(&body);
        bail!(
            "{} from {}: {text}",
            status.as_u16(),
            worker.unwrap_or("the proxy")
        );
    }
    Ok(Answer { worker, body })
}
