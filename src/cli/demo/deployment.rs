//! The deployment that the demo shows: pools of a middling homeserver, and the configuration for it.

use std::fmt::Write;

use crate::matrix::Release;

/// A pool and its workers by name.
#[derive(Debug)]
pub struct Pool {
    /// The pool's name.
    pub name: &'static str,
    /// The groups it serves.
    pub serves: &'static [&'static str],
    /// Its workers.
    pub workers: &'static [&'static str],
}

/// The worker that dies and comes back.
pub const VICTIM: &str = "sync2";

/// All pools, `main` first.
pub const POOLS: &[Pool] = &[
    Pool {
        name: "main",
        serves: &["main"],
        workers: &["main"],
    },
    Pool {
        name: "sync",
        serves: &["sync"],
        workers: &["sync1", "sync2", "sync3"],
    },
    Pool {
        name: "initial",
        serves: &["initial_sync"],
        workers: &["initial1", "initial2"],
    },
    Pool {
        name: "events",
        serves: &["event_creator"],
        workers: &["events1", "events2"],
    },
    Pool {
        name: "readers",
        serves: &["client_reader", "messages", "profile"],
        workers: &["reader1", "reader2"],
    },
    Pool {
        name: "ephemeral",
        serves: &["typing", "to_device"],
        workers: &["ephemeral1"],
    },
    Pool {
        name: "accounts",
        serves: &["receipts", "account_data", "device_lists"],
        workers: &["accounts1"],
    },
    Pool {
        name: "media",
        serves: &["media"],
        workers: &["media1"],
    },
    Pool {
        name: "federation",
        serves: &["federation_inbound", "federation_reader"],
        workers: &["federation1", "federation2"],
    },
];

/// The workers of the pool that parks syncs.
pub fn sync_workers() -> &'static [&'static str] {
    POOLS[1].workers
}

/// The worker of that name.
pub fn worker(name: &str) -> Option<&'static str> {
    let workers = POOLS.iter().flat_map(|pool| pool.workers);
    workers.copied().find(|worker| *worker == name)
}

/// The configuration for these pools, as an admin would write it.
pub fn configuration(listener: u16, admin: u16, port_of: impl Fn(&str) -> u16) -> String {
    let mut yaml = format!(
        "access_log: none\n\
         synapse_version: \"{}\"\n\
         listeners: [{{address: \"127.0.0.1:{listener}\", trusted_proxies: [127.0.0.1]}}]\n\
         admin: {{address: \"127.0.0.1:{admin}\"}}\n\
         pools:\n",
        Release::NEWEST
    );
    for pool in POOLS {
        pool.write(&mut yaml, &port_of);
    }
    yaml
}

impl Pool {
    fn write(&self, yaml: &mut String, port_of: impl Fn(&str) -> u16) {
        let worker = |name| format!("{{name: {name}, address: \"127.0.0.1:{}\"}}", port_of(name));
        let workers: Vec<_> = self.workers.iter().copied().map(worker).collect();
        let serves = match self.name {
            "main" => String::new(),
            _ => format!("serves: [{}], ", self.serves.join(", ")),
        };
        let workers = workers.join(", ");
        writeln!(yaml, "  {}: {{{serves}workers: [{workers}]}}", self.name)
            .expect("a String takes all");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn main_comes_first_and_the_victim_parks_syncs() {
        assert_eq!(POOLS[0].name, "main");
        assert!(sync_workers().contains(&VICTIM));
    }

    #[test]
    fn configuration_is_sound() {
        let settings = config::parse(&configuration(0, 0, |_| 8101), []).unwrap();
        let pools: Vec<_> = settings.pools.iter().map(|pool| &*pool.name).collect();
        assert_eq!(
            pools,
            POOLS.iter().map(|pool| pool.name).collect::<Vec<_>>()
        );
    }

    #[test]
    fn configuration_reads_like_an_admins() {
        let yaml = configuration(8080, 9090, |_| 8101);
        assert!(
            yaml.contains("\n  main: {workers: [{name: main, address: \"127.0.0.1:8101\"}]}\n")
        );
        assert!(yaml.contains("\n  events: {serves: [event_creator], workers: ["));
    }
}
