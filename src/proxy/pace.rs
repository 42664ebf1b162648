//! How fast the bodies of an exchange move, and whether its request has its slot: not while its client is what everybody
//! waits for.

use std::time::Duration;

use crate::lifecycle::Deadline;

/// A client must move so many bytes of a body in each period, or it is too slow.
const CRAWL: u32 = 4096;

/// When it is the client that has been waited for this long, its request gives its slot back.
const PATIENCE: Duration = Duration::from_secs(1);

/// The pace of one exchange.
#[derive(Debug)]
pub(super) struct Pace {
    turn: Turn,
    /// Bytes moved both ways in the current period.
    moved: u32,
}

/// Whether a request has its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Has,
    /// It has; soon it is seen whether its client is what it waits for.
    Watched,
    /// It has none; the worker gets all of the body but its end.
    Paused,
    /// It waits for one, and holds the end of the body back.
    Waits,
}

impl Pace {
    /// For a request that has its slot.
    pub(super) fn new() -> Self {
        Self {
            turn: Turn::Has,
            moved: 0,
        }
    }

    /// For one that has given it back.
    pub(super) fn paused() -> Self {
        Self {
            turn: Turn::Paused,
            ..Self::new()
        }
    }

    /// Counts bytes that moved.
    pub(super) fn count(&mut self, bytes: usize) {
        self.moved = self.moved.saturating_add(bytes as u32);
    }

    /// True when the worker may get the end of the body.
    pub(super) fn has_slot(&self) -> bool {
        matches!(self.turn, Turn::Has | Turn::Watched)
    }

    pub(super) fn is_paused(&self) -> bool {
        self.turn == Turn::Paused
    }

    pub(super) fn is_watched(&self) -> bool {
        self.turn == Turn::Watched
    }

    pub(super) fn waits(&self) -> bool {
        self.turn == Turn::Waits
    }

    /// It has a slot, or has one again, and its client need not be watched.
    pub(super) fn go_on(&mut self) {
        self.turn = Turn::Has;
    }

    /// It waits for a slot.
    pub(super) fn wait(&mut self) {
        self.turn = Turn::Waits;
    }

    /// A period of `idle` begins: at its end a body must have moved.
    pub(super) fn begin(&mut self, deadline: &Deadline, idle: Duration) {
        self.moved = 0;
        deadline.set(match self.turn {
            Turn::Watched => idle.min(PATIENCE),
            _ => idle,
        });
    }

    /// The client is waited for: a period begins, at whose start it is watched.
    pub(super) fn watch(&mut self, deadline: &Deadline, idle: Duration) {
        if self.turn == Turn::Has {
            self.turn = Turn::Watched;
            self.begin(deadline, idle);
        }
    }

    /// The client was watched for a while; the period goes on without a slot if it `stalls`.
    pub(super) fn look(&mut self, stalls: bool, deadline: &Deadline, idle: Duration) {
        if stalls {
            self.turn = Turn::Paused;
            deadline.set(idle.saturating_sub(PATIENCE));
        } else {
            self.turn = Turn::Has;
            self.begin(deadline, idle);
        }
    }

    /// True when too little moved in this period.
    pub(super) fn crawls(&self, client_is_slow: bool) -> bool {
        self.moved < if client_is_slow { CRAWL } else { 1 }
    }
}
