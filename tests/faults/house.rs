//! A proxy in front of stand-in workers.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use thalamus::{
    app::{self, Running},
    config::Settings,
    discovery::{Endpoint, Source},
    front,
    matrix::{Group, Release},
    net::Address,
    pool::{self, Condition, Health, Worker},
    route, telemetry,
};
use tokio::time::{sleep, timeout};

use crate::{clients::Client, stand_in::StandIn};

/// Longer than anything here takes.
pub const HANGS: Duration = Duration::from_secs(30);

/// The main process, a writer of typing and three sync workers, behind a proxy.
pub struct House {
    pub main: StandIn,
    pub typing: StandIn,
    pub sync: Vec<StandIn>,
    pub running: Running,
}

impl House {
    pub async fn new() -> Self {
        let main = StandIn::start("main").await;
        let typing = StandIn::start("typing").await;
        let mut sync = vec![];
        for name in ["sync1", "sync2", "sync3"] {
            sync.push(StandIn::start(name).await);
        }
        let pools = pools(&main, &typing, &sync);
        let running = app::start(settings(pools)).await.unwrap();
        Self {
            main,
            typing,
            sync,
            running,
        }
    }

    /// A client of its own connection.
    pub async fn client(&self) -> Client {
        Client::at(&self.running.listeners[0]).await
    }

    /// Loads another configuration: these sync workers only, by their places.
    pub async fn reload(&mut self, sync: &[usize]) {
        self.reload_with(sync, |_| ()).await;
    }

    /// The same, with settings as `change` leaves them.
    pub async fn reload_with(&mut self, sync: &[usize], change: impl FnOnce(&mut Settings)) {
        let mut settings = settings(self.pools(sync));
        change(&mut settings);
        self.running.reload(Ok(settings)).await;
    }

    /// Loads another configuration: listeners at these addresses.
    pub async fn listen(&mut self, addresses: &[&str]) {
        let listeners = addresses.iter().map(|address| listener(address)).collect();
        self.reload_with(&[0, 1, 2], |settings| settings.listeners = listeners)
            .await;
    }

    fn pools(&self, sync: &[usize]) -> Vec<pool::Settings> {
        let sync = sync.iter().map(|index| &self.sync[*index]);
        pools(&self.main, &self.typing, sync)
    }

    /// The condition of a worker.
    pub fn condition(&self, name: &str) -> Condition {
        self.worker(name).condition()
    }

    /// A worker of some pool.
    pub fn worker(&self, name: &str) -> Arc<Worker> {
        let state = self.running.state.load();
        let worker = state.workers().find(|worker| &*worker.name == name);
        worker.unwrap().clone()
    }

    /// Waits until a sync worker is in that condition.
    pub async fn until(&self, name: &str, condition: Condition) {
        let seen = async {
            while self.condition(name) != condition {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(HANGS, seen)
            .await
            .expect("the condition never came");
    }

    /// Waits until so many syncs are parked in all.
    pub async fn parked(&self, count: usize) {
        let seen = async {
            while self.sync.iter().map(StandIn::parked).sum::<usize>() != count {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(HANGS, seen).await.expect("they were never parked");
    }
}

fn pools<'a>(
    main: &'a StandIn,
    typing: &'a StandIn,
    sync: impl IntoIterator<Item = &'a StandIn>,
) -> Vec<pool::Settings> {
    vec![
        pool("main", &[], [main]),
        pool("typing", &[Group::Typing], [typing]),
        pool("sync", &[Group::Sync], sync),
    ]
}

pub fn pool<'a>(
    name: &str,
    serves: &[Group],
    workers: impl IntoIterator<Item = &'a StandIn>,
) -> pool::Settings {
    let endpoint = |worker: &StandIn| Endpoint::new(worker.name, Address::Ip(worker.address));
    let source = Source::Static(workers.into_iter().map(endpoint).collect());
    pool::Settings::new(name, serves, source)
}

fn listener(address: &str) -> front::Settings {
    front::Settings::new(address.parse().unwrap())
}

pub fn settings(pools: Vec<pool::Settings>) -> Settings {
    let quick = Duration::from_millis(200);
    Settings {
        appservices: Default::default(),
        callers: Default::default(),
        threads: NonZeroUsize::new(2).unwrap(),
        listeners: vec![listener("127.0.0.1:0")],
        admin: None,
        cluster: Default::default(),
        labels: None,
        pools,
        limits: route::Limits::default(),
        policy: route::Policy::default(),
        health: Health {
            interval: quick,
            timeout: quick,
            shortest: quick,
            slow_start: quick * 2,
            ..Health::default()
        },
        access_log: telemetry::AccessLog::None,
        shutdown: Default::default(),
        synapse_version: Some(Release::NEWEST),
    }
}
