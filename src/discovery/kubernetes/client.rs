//! The way to the API server.

use std::{error::Error, time::Duration};

use kube::{
    Client, Config,
    config::{InferConfigError, KubeConfigOptions, Kubeconfig, KubeconfigError},
    runtime::watcher,
};

use super::Cluster;

/// Why the API server says nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// No file and no pod says where it is.
    #[error(
        "find the API server: {0}; in a pod this needs its service account's token, elsewhere KUBECONFIG or `kubernetes.kubeconfig`"
    )]
    Nowhere(#[from] InferConfigError),
    /// The file given is no use.
    #[error("find the API server: {0}")]
    Kubeconfig(#[from] KubeconfigError),
    /// It cannot be asked, or refuses.
    #[error("{}", words(.0))]
    Client(#[from] kube::Error),
    /// It was asked, and what came back is no use.
    #[error("{}", watch_words(.0))]
    Watch(#[from] watcher::Error),
    /// It accepts and says nothing.
    #[error("the API server said nothing for {} s", .0.as_secs())]
    Late(Duration),
    /// It ended the conversation.
    #[error("the API server ended the watch")]
    Ended,
}

/// A client made from what the files say now: tokens and certificates may have changed.
pub(super) async fn connect(cluster: &Cluster) -> Result<Client, Fault> {
    let mut config = match &cluster.kubeconfig {
        Some(file) => {
            let file = Kubeconfig::read_from(file)?;
            Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?
        }
        None => Config::infer().await?,
    };
    config.connect_timeout = Some(Duration::from_secs(5));
    Ok(Client::try_from(config)?)
}

fn watch_words(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => words(error),
        watcher::Error::WatchError(status) => status.message.clone(),
        watcher::Error::NoResourceVersion => "an object without a resource version".into(),
    }
}

fn words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if status.code == 401 => {
            format!("the API server does not know our token: {}", status.message)
        }
        kube::Error::Api(status) if status.code == 403 => format!(
            "{}; the account needs get, list and watch of services and endpointslices there",
            status.message
        ),
        kube::Error::Api(status) => {
            format!("the API server says {}: {}", status.code, status.message)
        }
        error => chain(error),
    }
}

/// An error with its causes: the outermost one seldom says what happened.
fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    let mut words: Vec<String> = causes.map(ToString::to_string).collect();
    words.dedup();
    words.join(": ")
}
