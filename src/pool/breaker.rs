//! When a worker gets requests and when not: plain transitions, no clock and no socket.

use std::time::Duration;

use tokio::time::Instant;

use super::Condition;

/// Thresholds of health, with the defaults that suit Synapse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Between two checks of one worker.
    pub interval: Duration,
    /// For the answer to a check.
    pub timeout: Duration,
    /// So many checks in a row fail before a worker is ejected.
    pub checks: u32,
    /// So many requests in a row fail before a worker is ejected; a refused connection counts as all of them.
    pub requests: u32,
    /// The first time out; doubles with each ejection that follows, up to `longest`.
    pub shortest: Duration,
    /// The longest time out.
    pub longest: Duration,
    /// How long a worker that is well again takes to get all of its keys back.
    pub slow_start: Duration,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(2),
            timeout: Duration::from_secs(2),
            checks: 2,
            requests: 3,
            shortest: Duration::from_secs(1),
            longest: Duration::from_secs(60),
            slow_start: Duration::from_secs(10),
        }
    }
}

/// What has been seen of a worker since the last step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Signs {
    /// Checks that failed in a row.
    pub(super) checks: u32,
    /// Requests that failed in a row.
    pub(super) requests: u32,
    /// It has answered a request since it was let in again.
    pub(super) answered: bool,
}

/// The state of one worker's health.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Breaker {
    Serving,
    /// Out until then, for the time that is doubled if it fails again.
    Ejected {
        until: Instant,
        backoff: Duration,
    },
    /// One request decides.
    Probing {
        backoff: Duration,
    },
    /// Well again since then; keeps its backoff until it has all of its keys.
    Starting {
        since: Instant,
        backoff: Duration,
    },
}

impl Breaker {
    /// The state after `signs`; `spared` when so many others are sick that nobody is ejected.
    pub(super) fn step(self, signs: Signs, spared: bool, health: &Health, now: Instant) -> Self {
        let sick = health.is_sick(signs);
        match self {
            _ if spared => Self::Serving,
            Self::Serving if sick => Self::eject(health.shortest, now),
            Self::Starting { backoff, .. } if sick => Self::again(backoff, health, now),
            Self::Probing { backoff } if sick || signs.requests > 0 => {
                Self::again(backoff, health, now)
            }
            Self::Ejected { until, backoff } if now >= until && signs.checks == 0 => {
                Self::Probing { backoff }
            }
            Self::Probing { backoff } if signs.answered => Self::Starting {
                since: now,
                backoff,
            },
            Self::Starting { since, .. } if now - since >= health.slow_start => Self::Serving,
            same => same,
        }
    }

    /// Out for twice as long as the last time.
    fn again(backoff: Duration, health: &Health, now: Instant) -> Self {
        Self::eject((backoff * 2).min(health.longest), now)
    }

    fn eject(backoff: Duration, now: Instant) -> Self {
        Self::Ejected {
            until: now + backoff,
            backoff,
        }
    }

    /// True while it gets no requests, or one.
    pub(super) fn is_out(self) -> bool {
        matches!(self, Self::Ejected { .. } | Self::Probing { .. })
    }

    /// What the requests see.
    pub(super) fn condition(self) -> Condition {
        match self {
            Self::Serving => Condition::Serving,
            Self::Ejected { .. } => Condition::Ejected,
            Self::Probing { .. } => Condition::Probing,
            Self::Starting { .. } => Condition::Starting,
        }
    }

    /// The part of its keys that a worker gets, in thousandths.
    pub(super) fn share(self, health: &Health, now: Instant) -> u32 {
        match self {
            Self::Starting { since, .. } => {
                let part = (now - since).as_secs_f64() / health.slow_start.as_secs_f64().max(0.001);
                (part * 1000.0).clamp(10.0, 1000.0) as u32
            }
            _ => 1000,
        }
    }
}

/// Whether the workers of one pool are spared, as the fault is elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sparing {
    until: Option<Instant>,
}

impl Sparing {
    /// True while most are sick, and after that for as long as it takes to see that one is: with each that goes out
    /// while the others are barely well its work falls on them, and they would take turns.
    pub(super) fn step(&mut self, most_are_sick: bool, health: &Health, now: Instant) -> bool {
        if most_are_sick {
            self.until = Some(now + health.to_see());
        }
        self.until.is_some_and(|until| now < until)
    }
}

impl Health {
    /// How long it takes at most to see that a worker does not answer.
    fn to_see(&self) -> Duration {
        (self.interval + self.timeout) * self.checks
    }

    /// True when a worker with such signs should be out.
    pub(super) fn is_sick(&self, signs: Signs) -> bool {
        signs.checks >= self.checks || signs.requests >= self.requests
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: Signs = Signs {
        checks: 0,
        requests: 0,
        answered: false,
    };
    const SILENT: Signs = Signs {
        checks: 2,
        requests: 0,
        answered: false,
    };
    const FAILING: Signs = Signs {
        checks: 0,
        requests: 3,
        answered: false,
    };
    const ANSWERED: Signs = Signs {
        checks: 0,
        requests: 0,
        answered: true,
    };

    struct Case {
        breaker: Breaker,
        now: Instant,
        health: Health,
    }

    impl Case {
        fn new() -> Self {
            Self {
                breaker: Breaker::Serving,
                now: Instant::now(),
                health: Health::default(),
            }
        }

        fn after(&mut self, seconds: u64, signs: Signs) -> Condition {
            self.now += Duration::from_secs(seconds);
            self.breaker = self.breaker.step(signs, false, &self.health, self.now);
            self.breaker.condition()
        }
    }

    #[test]
    fn a_worker_goes_out_and_comes_back_in_steps() {
        let mut case = Case::new();
        assert_eq!(case.after(0, WELL), Condition::Serving);
        assert_eq!(case.after(0, FAILING), Condition::Ejected);
        assert_eq!(case.after(0, WELL), Condition::Ejected);
        assert_eq!(
            case.after(1, SILENT),
            Condition::Ejected,
            "a check must succeed first"
        );
        assert_eq!(case.after(0, WELL), Condition::Probing);
        assert_eq!(
            case.after(5, WELL),
            Condition::Probing,
            "one request decides"
        );
        assert_eq!(case.after(0, ANSWERED), Condition::Starting);
        assert_eq!(case.after(9, ANSWERED), Condition::Starting);
        assert_eq!(case.after(1, ANSWERED), Condition::Serving);
    }

    #[test]
    fn the_time_out_doubles_up_to_its_bound() {
        let mut case = Case::new();
        case.after(0, SILENT);
        let mut backoffs = vec![];
        for _ in 0..8 {
            assert_eq!(case.after(60, WELL), Condition::Probing);
            assert_eq!(case.after(0, FAILING), Condition::Ejected);
            if let Breaker::Ejected { backoff, .. } = case.breaker {
                backoffs.push(backoff.as_secs());
            }
        }
        assert_eq!(backoffs, [2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn nobody_is_ejected_while_most_are_sick() {
        let (case, now) = (Case::new(), Instant::now());
        let spared = |breaker: Breaker| breaker.step(SILENT, true, &case.health, now).condition();
        assert_eq!(spared(Breaker::Serving), Condition::Serving);
        assert_eq!(
            spared(Breaker::eject(Duration::from_secs(9), now)),
            Condition::Serving
        );
    }

    #[test]
    fn they_stay_spared_until_it_was_seen_who_is_well() {
        let (health, began) = (Health::default(), Instant::now());
        let mut sparing = Sparing::default();
        let mut after = |seconds, most_are_sick| {
            sparing.step(most_are_sick, &health, began + Duration::from_secs(seconds))
        };
        assert!(!after(0, false));
        assert!(after(1, true));
        assert!(after(8, false), "one check may still be out");
        assert!(!after(9, false));
        assert!(after(20, true));
        assert!(after(25, true), "sick again");
        assert!(after(32, false));
        assert!(!after(33, false));
    }

    #[test]
    fn keys_come_back_little_by_little() {
        let (case, since) = (Case::new(), Instant::now());
        let starting = Breaker::Starting {
            since,
            backoff: Duration::ZERO,
        };
        let share = |seconds| starting.share(&case.health, since + Duration::from_secs(seconds));
        assert_eq!([share(0), share(5), share(10)], [10, 500, 1000]);
        assert_eq!(Breaker::Serving.share(&case.health, since), 1000);
    }
}
