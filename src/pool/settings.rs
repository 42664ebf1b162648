//! What the configuration says of a pool.

use std::{num::NonZeroU32, sync::Arc};

use super::Check;
use crate::{discovery::Source, matrix::Group, net::Connector};

/// What the configuration says of a pool.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The pool's name: `main`, or the admin's.
    pub name: Box<str>,
    /// The groups it serves, without doubles.
    pub serves: Vec<Group>,
    /// True when it also serves every group that any client worker can serve.
    pub generic: bool,
    /// Where its workers come from.
    pub source: Source,
    /// Requests that a worker has at a time, from us.
    pub cap: NonZeroU32,
    /// First syncs among them.
    pub first_syncs: NonZeroU32,
    /// Requests that wait for a worker, or for a slot at one.
    pub queue: usize,
    /// A worker with so many times the mean of its pool hands keys to their next candidate; none does by default.
    pub spill: Option<f64>,
    /// How TLS is spoken with its workers; none for plain HTTP.
    pub tls: Option<Arc<Connector>>,
    /// How they are asked for their health.
    pub check: Check,
}

/// What Synapse workers are asked to bear (`matrix.md`, section 4.4): nearly every sync is parked.
const SYNCS: NonZeroU32 = NonZeroU32::new(2000).expect("not 0");

/// A first sync takes seconds to minutes of a worker's time.
const FIRST_SYNCS: NonZeroU32 = NonZeroU32::new(50).expect("not 0");

/// All other requests are short.
const OTHERS: NonZeroU32 = NonZeroU32::new(500).expect("not 0");

/// A request that waits costs a few KB.
const QUEUE: usize = 1000;

impl Settings {
    /// A pool that serves these groups, and bears what such workers bear.
    pub fn new(name: &str, serves: impl Into<Vec<Group>>, source: Source) -> Self {
        let serves = serves.into();
        Self {
            cap: cap(&serves),
            first_syncs: FIRST_SYNCS,
            queue: QUEUE,
            spill: None,
            tls: None,
            check: Check::default(),
            name: name.into(),
            serves,
            generic: false,
            source,
        }
    }

    /// The same pool, which also serves what any client worker can serve, long polls too.
    #[must_use]
    pub fn generic(self) -> Self {
        Self {
            generic: true,
            cap: SYNCS,
            ..self
        }
    }

    /// The part of its caps that each of so many replicas keeps to, at least 1.
    #[must_use]
    pub fn shared_by(self, replicas: NonZeroU32) -> Self {
        let part =
            |cap: NonZeroU32| NonZeroU32::new(cap.get() / replicas).unwrap_or(NonZeroU32::MIN);
        Self {
            cap: part(self.cap),
            first_syncs: part(self.first_syncs),
            ..self
        }
    }
}

/// To a pool that names no groups, such as that of the main process, anything may come; an upgraded connection to another
/// service holds its slot for as long as a poll does.
fn cap(serves: &[Group]) -> NonZeroU32 {
    let is_poll = |group: &Group| matches!(group, Group::Sync | Group::SlidingSync | Group::Mount);
    let is_first = |group: &Group| matches!(group, Group::InitialSync | Group::InitialSlidingSync);
    match serves {
        [] => SYNCS,
        _ if serves.iter().any(is_poll) => SYNCS,
        _ if serves.iter().all(is_first) => FIRST_SYNCS,
        _ => OTHERS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps_suit_what_is_served_and_are_shared_out() {
        let pool = |serves: &[Group]| Settings::new("pool", serves, Source::Static([].into()));
        let caps = |pool: Settings| (pool.cap.get(), pool.first_syncs.get());
        assert_eq!(caps(pool(&[])), (2000, 50));
        assert_eq!(caps(pool(&[Group::InitialSync, Group::Sync])), (2000, 50));
        assert_eq!(caps(pool(&[Group::InitialSync])), (50, 50));
        assert_eq!(caps(pool(&[Group::Typing])), (500, 50));
        assert_eq!(caps(pool(&[Group::Mount])), (2000, 50));
        assert_eq!(caps(pool(&[Group::Typing]).generic()), (2000, 50));
        let replicas = |count| NonZeroU32::new(count).unwrap();
        assert_eq!(caps(pool(&[]).shared_by(replicas(3))), (666, 16));
        assert_eq!(caps(pool(&[]).shared_by(replicas(5000))), (1, 1));
    }
}
