//! One question over HTTP/1.1: hyper's client, and the whole body up to its limit.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, body::Bytes};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};
use tower::{BoxError, Service};

use super::{Answer, connect::Connect};

/// The body of a GET.
pub(super) type Nothing = Empty<Bytes>;

/// Sends questions and reads whole answers.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    client: Client<Connect, Nothing>,
    body: usize,
}

impl Wire {
    pub(super) fn new(connect: Connect, body: usize) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .build(connect);
        Self { client, body }
    }
}

impl Service<Request<Nothing>> for Wire {
    type Response = Answer;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, question: Request<Nothing>) -> Self::Future {
        let (answer, limit) = (self.client.request(question), self.body);
        Box::pin(async move {
            let (head, body) = answer.await.map_err(innermost)?.into_parts();
            let body = Limited::new(body, limit).collect().await?.to_bytes();
            Ok(Answer {
                status: head.status,
                body,
            })
        })
    }
}

/// hyper's client says only `client error (Connect)`; what the system said stands beneath.
fn innermost(error: hyper_util::client::legacy::Error) -> BoxError {
    let mut cause: &(dyn std::error::Error + 'static) = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string().into()
}
