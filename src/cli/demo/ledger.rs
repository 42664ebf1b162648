//! What the simulated clients saw: requests by group, failures, and who was answered by which worker.

use std::{collections::BTreeMap, sync::Mutex, time::Instant};

use super::{ask::Ask, client::Answer, places::Places};

/// Failures told word by word; the rest is only counted.
const TOLD: usize = 5;

/// The clients' books.
#[derive(Debug)]
pub struct Ledger {
    /// Users on sync workers.
    pub users: Places,
    /// Rooms on event creators.
    pub rooms: Places,
    /// Other homeservers on federation workers.
    pub servers: Places,
    groups: Mutex<BTreeMap<&'static str, Row>>,
    failures: Mutex<Vec<String>>,
}

/// The requests of one group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// All of them.
    pub requests: u64,
    /// Those without a good answer.
    pub failed: u64,
}

impl Ledger {
    /// Empty books for that many users, rooms and servers.
    pub fn new(users: usize, rooms: usize, servers: usize) -> Self {
        Self {
            users: Places::new(users),
            rooms: Places::new(rooms),
            servers: Places::new(servers),
            groups: Mutex::default(),
            failures: Mutex::default(),
        }
    }

    /// Enters what client number `who` asked at `asked`, and how it was answered.
    pub fn enter(&self, who: usize, ask: &Ask, asked: Instant, answered: &anyhow::Result<Answer>) {
        self.count(ask.group(), answered.is_err());
        match answered {
            Ok(answer) => self.place(who, ask, asked, answer),
            Err(error) => self.tell(format!("{} by client {who}: {error:#}", ask.group())),
        }
    }

    /// All groups that were asked for, by name.
    pub fn groups(&self) -> BTreeMap<&'static str, Row> {
        self.groups
            .lock()
            .expect("nobody panics while holding it")
            .clone()
    }

    /// All groups together.
    pub fn total(&self) -> Row {
        self.groups().values().fold(Row::default(), |sum, row| Row {
            requests: sum.requests + row.requests,
            failed: sum.failed + row.failed,
        })
    }

    /// The first failures, word by word.
    pub fn failures(&self) -> Vec<String> {
        self.failures
            .lock()
            .expect("nobody panics while holding it")
            .clone()
    }

    fn count(&self, group: &'static str, failed: bool) {
        let mut groups = self.groups.lock().expect("nobody panics while holding it");
        let row = groups.entry(group).or_default();
        row.requests += 1;
        row.failed += u64::from(failed);
    }

    fn place(&self, who: usize, ask: &Ask, asked: Instant, answer: &Answer) {
        let Some(worker) = answer.worker else {
            return;
        };
        match ask {
            Ask::Sync { .. } => self.users.seen(who, worker, asked),
            Ask::Send { room, .. } => self.rooms.seen(*room, worker, asked),
            Ask::Transaction { .. } => self.servers.seen(who, worker, asked),
            _ => {}
        }
    }

    fn tell(&self, failure: String) {
        let mut failures = self
            .failures
            .lock()
            .expect("nobody panics while holding it");
        if failures.len() < TOLD {
            failures.push(failure);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_group_and_tells_the_first_failures() {
        let ledger = Ledger::new(1, 1, 1);
        let answer = |worker| {
            Ok(Answer {
                worker: Some(worker),
                body: Default::default(),
            })
        };
        ledger.enter(0, &Ask::Sync { since: 1 }, Instant::now(), &answer("sync1"));
        for _ in 0..=TOLD {
            ledger.enter(
                0,
                &Ask::Versions,
                Instant::now(),
                &Err(anyhow::anyhow!("404 from media1")),
            );
        }
        assert_eq!(
            ledger.total(),
            Row {
                requests: 7,
                failed: 6
            }
        );
        assert_eq!(
            ledger.groups()["sync"],
            Row {
                requests: 1,
                failed: 0
            }
        );
        assert_eq!(ledger.failures().len(), TOLD);
        assert_eq!(
            ledger.failures()[0],
            "client_reader by client 0: 404 from media1"
        );
        assert_eq!(ledger.users.counts().placed, 1);
    }
}
