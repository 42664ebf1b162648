//! A simulated user's device: starts, syncs for ever, and now and then says or reads something.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use serde::Deserialize;
use tokio::time::sleep;

use super::{
    ask::{Ask, localpart},
    client::{Answer, Client},
    dice::Dice,
    house::rooms_of,
    ledger::Ledger,
    token::access_token,
};

/// How long a device only syncs between two things it does, in milliseconds.
const QUIET: std::ops::Range<u64> = 1_000..40_000;

/// One device of a user.
#[derive(Debug)]
pub struct Device {
    user: usize,
    client: Client,
    ledger: Arc<Ledger>,
    dice: Dice,
    /// How far the news were told; none before the initial sync.
    position: Option<u64>,
    messages: u64,
}

#[derive(Deserialize)]
struct Synced<'a> {
    next_batch: &'a str,
}

impl Device {
    /// Device number `device` of a user, on a connection of its own.
    pub fn new(user: usize, device: usize, proxy: SocketAddr, ledger: Arc<Ledger>) -> Self {
        let token = access_token(&localpart(user), device);
        Self {
            user,
            client: Client::new(proxy, format!("Bearer {token}")),
            ledger,
            dice: Dice::new(user * 1000 + device),
            position: None,
            messages: 0,
        }
    }

    /// Comes online some time within `ramp`, then lives until it is dropped.
    pub async fn live(mut self, ramp: Duration) {
        sleep(self.dice.millis(0..ramp.as_millis() as u64 + 1)).await;
        self.ask(Ask::Versions).await;
        self.ask(Ask::Keys).await;
        self.ask(Ask::Pushers).await;
        // One in ten comes online because there is something to do.
        if self.dice.pick(0..10) == 0 {
            self.act().await;
        }
        loop {
            let quiet_until = Instant::now() + self.dice.millis(QUIET);
            while Instant::now() < quiet_until {
                self.sync().await;
            }
            self.act().await;
        }
    }

    async fn sync(&mut self) {
        let ask = match self.position {
            None => Ask::InitialSync,
            Some(since) => Ask::Sync { since },
        };
        self.ask(ask).await;
    }

    async fn act(&mut self) {
        let room = rooms_of(self.user)[self.dice.pick(0..2) as usize];
        match self.dice.pick(0..10) {
            0..4 => self.write(room).await,
            4..8 => self.read(room).await,
            8 => self.upload().await,
            _ => self.look().await,
        }
    }

    async fn write(&mut self, room: usize) {
        let user = self.user;
        self.ask(Ask::Typing { room, user }).await;
        self.messages += 1;
        let transaction = self.messages;
        self.ask(Ask::Send { room, transaction }).await;
    }

    async fn read(&mut self, room: usize) {
        self.ask(Ask::Messages { room }).await;
        self.ask(Ask::Receipt { room }).await;
    }

    async fn upload(&mut self) {
        let bytes = self.dice.pick(1_000..60_000) as usize;
        self.ask(Ask::Upload { bytes }).await;
    }

    async fn look(&mut self) {
        let user = self.user;
        self.ask(Ask::Profile { user }).await;
        let media = self.dice.pick(0..100);
        self.ask(Ask::Download { media }).await;
    }

    /// Asks, enters the answer in the books, and waits a moment after a failure, as clients do.
    async fn ask(&mut self, ask: Ask) {
        let asked = Instant::now();
        let answered = self.client.ask(&ask).await;
        let answered = answered.and_then(|answer| self.learn(&ask, answer));
        self.ledger.enter(self.user, &ask, asked, &answered);
        if answered.is_err() {
            sleep(self.dice.millis(500..1500)).await;
        }
    }

    fn learn(&mut self, ask: &Ask, answer: Answer) -> anyhow::Result<Answer> {
        if matches!(ask, Ask::InitialSync | Ask::Sync { .. }) {
            self.position = Some(position(&answer.body)?);
        }
        Ok(answer)
    }
}

/// The position up to which an answer told the news.
fn position(body: &[u8]) -> anyhow::Result<u64> {
    let synced: Synced<'_> = serde_json::from_slice(body)?;
    let position = synced
        .next_batch
        .strip_prefix('s')
        .context("not our position")?;
    Ok(position.parse()?)
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;
    use crate::cli::demo::{
        deployment::{POOLS, Pool},
        house::{self, House},
        workers::Worker,
    };

    /// One worker that serves all there is, or only some of it.
    fn worker(serves: &'static [&'static str]) -> Worker {
        let pool = Pool {
            name: "sync",
            serves,
            workers: &["sync1"],
        };
        Worker::start("sync1", &pool, &Arc::new(House::new(1))).unwrap()
    }

    /// Lets a device live until its books say so.
    async fn live(worker: &Worker, until: fn(&Ledger) -> bool) -> Arc<Ledger> {
        let ledger = Arc::new(Ledger::new(1, house::ROOMS, 1));
        let mut devices = JoinSet::new();
        devices.spawn(Device::new(0, 0, worker.address(), ledger.clone()).live(Duration::ZERO));
        while !until(&ledger) {
            sleep(Duration::from_millis(5)).await;
        }
        ledger
    }

    #[tokio::test]
    async fn a_device_starts_and_syncs() {
        let all = POOLS.iter().flat_map(|pool| pool.serves).copied();
        let worker = worker(all.collect::<Vec<_>>().leak());
        let ledger = live(&worker, |ledger| ledger.users.counts().placed == 1).await;
        assert_eq!(ledger.failures(), Vec::<String>::new());
        let groups = ledger.groups();
        for group in [
            "client_reader",
            "device_lists",
            "main",
            "initial_sync",
            "sync",
        ] {
            assert_eq!(groups[group].requests, 1, "{group}");
        }
    }

    #[tokio::test]
    async fn a_request_on_the_wrong_worker_fails() {
        let worker = worker(&["initial_sync"]);
        let ledger = live(&worker, |ledger| ledger.total().failed > 0).await;
        let told = &ledger.failures()[0];
        assert!(
            told.starts_with("client_reader by client 0: 404 from sync1: "),
            "{told}"
        );
    }
}
