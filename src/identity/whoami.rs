//! Asks a worker whose an opaque token is: once for all who wait, and no request waits longer than its budget.

use std::{
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ahash::HashMap;
use hyper::{
    StatusCode,
    header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, USER_AGENT},
    http::uri::PathAndQuery,
};
use tokio::{
    runtime::Handle,
    sync::watch,
    time::{Instant, timeout},
};

use super::{
    Secret, Settings, Tokens,
    answer::Answer,
    metrics::Metrics,
    tokens::{Found, Outcome, TokenHash},
};
use crate::{
    ask::{Asker, Limits},
    matrix::Token,
    pool::{Lease, Tried},
};

const TARGET: PathAndQuery = PathAndQuery::from_static("/_matrix/client/v3/account/whoami");

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Questions to workers at the same moment; the next ones wait.
const AT_ONCE: usize = 64;

/// Questions that are asked or wait; beyond them requests go on by the hash of their token.
const MOST: usize = 10_000;

/// An answer is `{"user_id": ..., "device_id": ..., "is_guest": ...}`.
const ANSWER: usize = 16 * 1024;

/// A question goes to so many workers before it is given up.
const TRIES: usize = 2;

/// The worker to ask, of those not tried yet.
type Worker = dyn Fn(&Tried) -> Option<Lease> + Send + Sync;

/// Knows tokens, and asks about those that it does not know.
pub struct Whoami {
    /// What is known.
    pub tokens: Arc<Tokens>,
    metrics: Metrics,
    flights: Mutex<HashMap<TokenHash, Flight>>,
    asker: Asker,
    worker: Box<Worker>,
    runtime: Handle,
    budget: Duration,
}

/// Whose token a request has: what is asked, in the name of its client, as Synapse notes who used a token from where.
#[derive(Clone, Debug)]
pub struct Question {
    token: Secret,
    client: IpAddr,
    user_agent: Option<Box<[u8]>>,
}

/// A question on its way; its sender is dropped when it is over.
#[derive(Clone)]
struct Flight {
    since: Instant,
    over: watch::Receiver<()>,
}

impl Question {
    /// About the token of a request from `client`, with its `User-Agent`.
    pub fn new(token: &Token<'_>, client: IpAddr, user_agent: Option<&[u8]>) -> Self {
        Self {
            token: Secret::from(&*token.bytes()),
            client,
            user_agent: user_agent.map(Into::into),
        }
    }

    /// None when no header can carry the token.
    fn headers(&self) -> Option<HeaderMap> {
        let bearer = [b"Bearer ", self.token.as_bytes()].concat();
        let mut bearer = HeaderValue::from_bytes(&bearer).ok()?;
        bearer.set_sensitive(true);
        let client = HeaderValue::from_str(&self.client.to_string()).ok()?;
        let mut headers = HeaderMap::from_iter([(AUTHORIZATION, bearer), (FORWARDED_FOR, client)]);
        let agent = self
            .user_agent
            .as_deref()
            .and_then(|agent| HeaderValue::from_bytes(agent).ok());
        headers.extend(agent.map(|agent| (USER_AGENT, agent)));
        Some(headers)
    }
}

impl Whoami {
    /// Asks on `runtime`, those that `worker` gives.
    ///
    /// # Errors
    /// When two metrics have one name, which the tests rule out.
    pub fn new(
        settings: &Settings,
        tokens: Arc<Tokens>,
        runtime: Handle,
        worker: impl Fn(&Tried) -> Option<Lease> + Send + Sync + 'static,
    ) -> prometheus::Result<Self> {
        let limits = Limits {
            timeout: settings.timeout,
            at_once: AT_ONCE,
            body: ANSWER,
        };
        Ok(Self {
            metrics: Metrics::new(tokens.clone())?,
            tokens,
            flights: Mutex::default(),
            asker: Asker::new(&limits),
            worker: Box::new(worker),
            runtime,
            budget: settings.budget,
        })
    }

    /// What it counts, for the metrics.
    pub fn collector(&self) -> Box<dyn prometheus::core::Collector> {
        Box::new(self.metrics.clone())
    }

    /// Asks, or joins who asks already, and waits for the answer until the budget is spent. The answer is among the
    /// tokens then, or will be.
    pub async fn ask(self: &Arc<Self>, question: Question) {
        self.metrics.misses.inc();
        let Some(mut flight) = self.flight(question) else {
            return;
        };
        let left = self.budget.saturating_sub(flight.since.elapsed());
        if timeout(left, flight.over.changed()).await.is_err() {
            self.metrics.late.inc();
        }
    }

    /// The question's flight; none when there is nothing to wait for.
    fn flight(self: &Arc<Self>, question: Question) -> Option<Flight> {
        let token = self.tokens.hash(&Token::new(question.token.as_bytes()));
        let mut flights = self.flights();
        // It may have been answered between the decision and now.
        if self.tokens.find(token) != Found::Nothing {
            return None;
        }
        if let Some(flight) = flights.get(&token) {
            return Some(flight.clone());
        }
        let Some(headers) = question.headers().filter(|_| flights.len() < MOST) else {
            self.metrics.shed.inc();
            return None;
        };
        let (landed, over) = watch::channel(());
        let flight = Flight {
            since: Instant::now(),
            over,
        };
        flights.insert(token, flight.clone());
        let this = self.clone();
        self.runtime.spawn(async move {
            let outcome = this.outcome(headers).await;
            this.metrics.count(outcome);
            this.tokens.keep(token, outcome);
            this.flights().remove(&token);
            drop(landed);
        });
        Some(flight)
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<TokenHash, Flight>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn outcome(&self, headers: HeaderMap) -> Outcome {
        let mut tried = Tried::default();
        for _ in 0..TRIES {
            let Some(worker) = (self.worker)(&tried) else {
                break;
            };
            match self.asker.get(&*worker, &TARGET, headers.clone()).await {
                Ok(answer) => return read(answer.status, &answer.body),
                Err(error) => tracing::debug!(worker = &*worker.name, %error, "whoami"),
            }
            tried.add(worker.id);
        }
        Outcome::Failed
    }
}

fn read(status: StatusCode, body: &[u8]) -> Outcome {
    match status {
        StatusCode::OK => Answer::read(body)
            .and_then(|answer| answer.user())
            .map_or(Outcome::Failed, Outcome::User),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Outcome::Nobody,
        _ => Outcome::Failed,
    }
}

impl fmt::Debug for Whoami {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Whoami").finish_non_exhaustive()
    }
}
