//! Workers that DNS names: asked again as their time to live says, within bounds.

mod answer;
mod ask;

use std::{fmt, net::SocketAddr, time::Duration};

use tokio::time::sleep;

use super::Publisher;
use answer::Answer;
use ask::{Asker, Fault};

/// What is asked, whom, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What is asked.
    pub query: Query,
    /// Who is asked; empty for the system's resolver configuration.
    pub servers: Box<[SocketAddr]>,
    /// The shortest time between two questions, however short the records live.
    pub shortest: Duration,
    /// The longest time between two questions: Docker's records live 600 s and tell nobody when they change.
    pub longest: Duration,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// A name's A records, else its AAAA records: each address is a worker at that port.
    Address(Box<str>, u16),
    /// A service's SRV records: each target is a worker, called by the target's name.
    Service(Box<str>),
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(name, _) => write!(f, "addresses of {name}"),
            Self::Service(name) => write!(f, "SRV records of {name}"),
        }
    }
}

/// Asks for as long as somebody wants to know.
pub(super) async fn follow(settings: Settings, publisher: Publisher) {
    tokio::select! {
        () = publisher.closed() => {}
        never = ask_again_and_again(&settings, &publisher) => match never {},
    }
}

async fn ask_again_and_again(
    settings: &Settings,
    publisher: &Publisher,
) -> std::convert::Infallible {
    loop {
        let wait = match ask(settings).await {
            Ok(answer) => {
                publisher.saw(answer.endpoints);
                answer.lives.clamp(settings.shortest, settings.longest)
            }
            Err(fault) => {
                publisher.lost(format!("ask DNS for {}: {fault}", settings.query));
                settings.shortest
            }
        };
        sleep(wait).await;
    }
}

/// Nothing is kept from one time to the next: the system's configuration may have changed, and a TCP connection may
/// lead to what knows nothing new, such as the process that dnsmasq leaves behind for each.
async fn ask(settings: &Settings) -> Result<Answer, Fault> {
    Asker::new(settings)?.ask(&settings.query).await
}
