//! Questions of our own to workers: who is this token's user, which release do you run. Beside the road of a request.

mod connect;
mod wire;

use std::{sync::Arc, time::Duration};

use hyper::{
    Request, StatusCode, Uri,
    body::Bytes,
    http::{HeaderMap, HeaderValue, header, uri::PathAndQuery},
};
use tower::{
    ServiceBuilder, ServiceExt,
    limit::ConcurrencyLimit,
    timeout::{Timeout, error::Elapsed},
};

use crate::net::{Address, Connector};
use connect::Connect;
use wire::Wire;

/// How much the questions of one kind may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For the whole answer, once there is a place for the question.
    pub timeout: Duration,
    /// Questions on their way at the same moment; the next ones wait.
    pub at_once: usize,
    /// Bytes of an answer's body.
    pub body: usize,
}

/// Asks workers; keeps its connections for the next questions. Its clones share places and connections.
#[derive(Clone, Debug)]
pub struct Asker {
    service: ConcurrencyLimit<Timeout<Wire>>,
    connect: Connect,
    timeout: Duration,
}

/// Whom to ask.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    /// Where it listens.
    pub address: &'a Address,
    /// How TLS is spoken with it; none for plain HTTP.
    pub tls: Option<&'a Arc<Connector>>,
}

impl<'a> From<&'a Address> for At<'a> {
    fn from(address: &'a Address) -> Self {
        Self { address, tls: None }
    }
}

/// What a worker answered, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// It did not come in time.
    #[error("ask {0}: no answer within {1:?}")]
    Timeout(Address, Duration),
    /// Nobody listens, the connection broke, it was no HTTP, or the body was too long.
    #[error("ask {0}: {1}")]
    Broken(Address, #[source] tower::BoxError),
}

impl Asker {
    /// One kind of question with these limits. Its connections live on the runtime that asks first.
    pub fn new(limits: &Limits) -> Self {
        let connect = Connect::default();
        let service = ServiceBuilder::new()
            .concurrency_limit(limits.at_once)
            .timeout(limits.timeout)
            .service(Wire::new(connect.clone(), limits.body));
        Self {
            service,
            connect,
            timeout: limits.timeout,
        }
    }

    /// Sends a GET to a worker. Dropping the future gives the question up.
    ///
    /// # Errors
    /// When no whole answer came. An answer of any status is one.
    pub async fn get(
        &self,
        at: impl Into<At<'_>>,
        target: &PathAndQuery,
        headers: HeaderMap,
    ) -> Result<Answer, AskError> {
        let At { address, tls } = at.into();
        let question = question(self.connect.uri(address, tls, target), headers);
        let answer = self.service.clone().oneshot(question).await;
        answer.map_err(|error| match error.is::<Elapsed>() {
            true => AskError::Timeout(address.clone(), self.timeout),
            false => AskError::Broken(address.clone(), error),
        })
    }
}

fn question(uri: Uri, headers: HeaderMap) -> Request<wire::Nothing> {
    let mut question = Request::new(wire::Nothing::new());
    *question.uri_mut() = uri;
    *question.headers_mut() = headers;
    question
        .headers_mut()
        .insert(header::HOST, HeaderValue::from_static("thalamus"));
    question
}

#[cfg(test)]
mod tests;
