//! Follows which release Synapse runs: asks its processes, and reads the table for the oldest of them.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use hyper::http::{HeaderMap, uri::PathAndQuery};
use serde::Deserialize;
use tokio::{task::JoinSet, time::sleep};

use crate::{
    ask::{Answer, Asker, Limits},
    matrix::Release,
    pool::Worker,
    route::{State, Synapse},
};

/// How long after the answers the next questions go out.
pub(super) const EVERY: Duration = Duration::from_secs(20);

/// The same while nobody has answered yet.
const AGAIN: Duration = Duration::from_secs(2);

const TARGET: PathAndQuery = PathAndQuery::from_static("/_matrix/federation/v1/version");

/// Asks `every` so often, for ever; nobody while the configuration fixes the release.
pub(super) async fn follow(state: Arc<ArcSwap<State>>, every: Duration) {
    let asker = Asker::new(&Limits {
        timeout: Duration::from_secs(5),
        at_once: 8,
        body: 4096,
    });
    loop {
        if !matches!(state.load().synapse, Synapse::Configured(_))
            && let Some(release) = oldest(&asker, &state.load_full()).await
        {
            tell(&state, release);
        }
        let is_unknown = matches!(state.load().synapse, Synapse::Assumed(_));
        sleep(if is_unknown { AGAIN.min(every) } else { every }).await;
    }
}

/// The oldest release among the processes that say theirs: what it serves, all of them serve.
async fn oldest(asker: &Asker, state: &State) -> Option<Release> {
    let mut questions = JoinSet::new();
    for worker in state.federation_workers() {
        questions.spawn(ask(asker.clone(), worker.clone()));
    }
    questions.join_all().await.into_iter().flatten().min()
}

async fn ask(asker: Asker, worker: Arc<Worker>) -> Option<Release> {
    let answer = asker.get(&*worker, &TARGET, HeaderMap::new()).await;
    answer
        .inspect_err(|error| tracing::debug!("which release of Synapse: {error}"))
        .ok()
        .and_then(|answer| release(&answer))
}

/// What Synapse answers (`synapse/federation/transport/server/federation.py`).
#[derive(Deserialize)]
struct Version {
    server: Server,
}

#[derive(Deserialize)]
struct Server {
    name: String,
    version: String,
}

fn release(answer: &Answer) -> Option<Release> {
    let version: Version = serde_json::from_slice(&answer.body).ok()?;
    let is_synapse = answer.status.is_success() && version.server.name == "Synapse";
    is_synapse.then(|| version.server.version.parse().ok())?
}

fn tell(state: &ArcSwap<State>, release: Release) {
    let told = Synapse::Told(release);
    let before = state.rcu(|state| match state.synapse {
        Synapse::Configured(_) => state.clone(),
        known if known == told => state.clone(),
        _ => Arc::new(State::clone(state).with_synapse(told)),
    });
    if matches!(before.synapse, Synapse::Configured(_)) || before.synapse == told {
        return;
    }
    tracing::info!("Synapse runs {release}");
    if release < Release::OLDEST {
        tracing::warn!(
            "the endpoint table begins with Synapse {}: what was added since {release} may be sent to workers that do \
             not serve it",
            Release::OLDEST
        );
    }
}

#[cfg(test)]
mod tests {
    use hyper::{StatusCode, body::Bytes};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        time::timeout,
    };

    use super::*;
    use crate::{
        discovery::{Endpoint, Source},
        matrix::Group,
        net::Address,
        pool,
        route::Limits as Deadlines,
    };

    fn said(status: u16, body: &'static str) -> Option<Release> {
        release(&Answer {
            status: StatusCode::from_u16(status).unwrap(),
            body: Bytes::from_static(body.as_bytes()),
        })
    }

    #[test]
    fn only_synapse_says_its_release() {
        let synapse = r#"{"server":{"name":"Synapse","version":"1.163.2 (b=main,4f2a1c)"}}"#;
        assert_eq!(said(200, synapse), Some(Release::new(1, 163)));
        assert_eq!(said(500, synapse), None);
        for other in [
            r#"{"server":{"name":"Conduit","version":"1.163.2"}}"#,
            r#"{"server":{"name":"Synapse","version":"unknown"}}"#,
            r#"{"errcode":"M_UNRECOGNIZED"}"#,
            "<html>",
        ] {
            assert_eq!(said(200, other), None, "{other}");
        }
    }

    /// A process that says this release, until another is stored.
    async fn process(version: &Arc<ArcSwap<&'static str>>) -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::Ip(listener.local_addr().unwrap());
        let version = version.clone();
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(socket.read_u8().await.unwrap());
                }
                let body = format!(
                    r#"{{"server":{{"name":"Synapse","version":"{}"}}}}"#,
                    version.load()
                );
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
                );
                socket.write_all((head + &body).as_bytes()).await.unwrap();
            }
        });
        Endpoint::new(address.to_string(), address)
    }

    fn pool(name: &str, serves: &[Group], worker: Endpoint) -> pool::Settings {
        pool::Settings::new(name, serves, Source::Static([worker].into()))
    }

    #[tokio::test]
    async fn the_oldest_wins_until_all_agree() {
        let version = |text| Arc::new(ArcSwap::from_pointee(text));
        let (main, reader) = (version("1.163.2"), version("1.160.0rc1"));
        let pools = [
            pool("main", &[], process(&main).await),
            pool("reader", &[Group::FederationReader], process(&reader).await),
        ];
        let state = Arc::new(ArcSwap::from_pointee(State::new(
            &pools,
            Deadlines::default(),
        )));
        let follower = tokio::spawn(follow(state.clone(), Duration::from_millis(1)));
        let becomes = async |release| {
            let told = Synapse::Told(release);
            let until = async {
                while state.load().synapse != told {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            timeout(Duration::from_secs(60), until)
                .await
                .expect("never told");
        };
        becomes(Release::new(1, 160)).await;
        reader.store(Arc::new("1.163.2"));
        becomes(Release::new(1, 163)).await;
        main.store(Arc::new("1.161.0"));
        becomes(Release::new(1, 161)).await;
        let fixed = Synapse::Configured(Release::NEWEST);
        state.rcu(|state| State::clone(state).with_synapse(fixed));
        tell(&state, Release::OLDEST);
        assert_eq!(state.load().synapse, fixed);
        follower.abort();
    }
}
