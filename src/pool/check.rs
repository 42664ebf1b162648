//! One question about a worker's health.

use std::{fmt, future::poll_fn, io, pin::Pin, sync::Arc, time::Duration};

use tokio::time::timeout;

use super::Worker;
use crate::net::Stream;

/// How a worker is asked for its health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// A GET of this path must be answered with a success or a redirect.
    Path(Box<str>),
    /// A connection is enough.
    Connection,
    /// Not at all: only what requests meet counts.
    Nothing,
}

/// Synapse's own: it tells that the process turns, and no more (measured, 1.163.2).
impl Default for Check {
    fn default() -> Self {
        Self::Path("/health".into())
    }
}

/// A question that is out.
pub(super) type Asked = Pin<Box<dyn Future<Output = Result<(), Ill>> + Send>>;

/// What a check found wrong.
pub(super) enum Ill {
    /// No answer within that time, to nobody: the worker is frozen, or answers late.
    Silent(Duration, Asked),
    /// The wrong answer, or none that could come.
    Wrong(String),
}

impl fmt::Display for Ill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent(limit, _) => write!(f, "no answer to the health check within {limit:?}"),
            Self::Wrong(what) => f.write_str(what),
        }
    }
}

impl From<io::Error> for Ill {
    fn from(error: io::Error) -> Self {
        Self::Wrong(error.to_string())
    }
}

impl Check {
    /// Asks a worker. One that is late and answers requests meanwhile has much to do: it would help nobody to give
    /// its work to the others, so it is well.
    ///
    /// # Errors
    /// With what is wrong with it.
    pub(super) async fn ask(self, worker: Arc<Worker>, limit: Duration) -> Result<(), Ill> {
        let before = worker.served();
        let mut asked: Asked = Box::pin(self.question(worker.clone()));
        match timeout(limit, &mut asked).await {
            Ok(found) => found,
            Err(_) if worker.served() > before => Ok(()),
            Err(_) => Err(Ill::Silent(limit, asked)),
        }
    }

    async fn question(self, worker: Arc<Worker>) -> Result<(), Ill> {
        match self {
            Self::Path(path) => judge(&path, ask(&worker, &path).await?),
            Self::Connection => connect(&worker).await.map(drop).map_err(Ill::from),
            Self::Nothing => Ok(()),
        }
    }
}

fn judge(path: &str, status: u16) -> Result<(), Ill> {
    match status {
        200..400 => Ok(()),
        _ => Err(Ill::Wrong(format!("answers {status} to GET {path}"))),
    }
}

async fn connect(worker: &Worker) -> io::Result<Stream> {
    Stream::connect(&worker.address, worker.tls.as_deref()).await
}

/// The status of the answer; 0 for what is no HTTP.
async fn ask(worker: &Worker, path: &str) -> io::Result<u16> {
    let question = format!("GET {path} HTTP/1.1\r\nHost: thalamus\r\nConnection: close\r\n\r\n");
    let mut worker = connect(worker).await?;
    let answer = exchange(&mut worker, question.as_bytes()).await?;
    let status = std::str::from_utf8(&answer[9..]).ok();
    Ok(status.and_then(|status| status.parse().ok()).unwrap_or(0))
}

/// The first bytes of the answer, as far as its status.
async fn exchange(worker: &mut Stream, question: &[u8]) -> io::Result<[u8; 12]> {
    let mut sent = 0;
    while sent < question.len() {
        sent += poll_fn(|cx| worker.poll_write(cx, &question[sent..])).await?;
    }
    let (mut answer, mut got) = ([0; 12], 0);
    while got < answer.len() {
        match poll_fn(|cx| worker.poll_read(cx, &mut answer[got..])).await? {
            0 => break,
            count => got += count,
        }
    }
    Ok(answer)
}
