//! How many requests may be sent again in a while, so that a storm cannot feed itself.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// The time that a budget is for.
const WINDOW: Duration = Duration::from_secs(10);

/// So many may be sent again in any case.
const LEAST: u32 = 100;

/// Each request in flight may be sent again so often: enough for one worker after the other to be restarted.
const TIMES: u32 = 3;

/// The budget of one pool.
#[derive(Debug, Default)]
pub(super) struct Budget(Mutex<Option<Window>>);

#[derive(Debug)]
struct Window {
    end: Instant,
    taken: u32,
}

impl Budget {
    /// Takes one from the budget, which grows with the requests that are in flight now; false when nothing is left.
    pub(super) fn take(&self, now: Instant, in_flight: u32) -> bool {
        // Nothing in here can be left half done.
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let window = match &mut *window {
            Some(window) if now < window.end => window,
            over => over.insert(Window {
                end: now + WINDOW,
                taken: 0,
            }),
        };
        let is_left = window.taken < in_flight.saturating_mul(TIMES).saturating_add(LEAST);
        window.taken += u32::from(is_left);
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_allows_the_least_and_thrice_what_is_in_flight() {
        let (budget, start) = (Budget::default(), Instant::now());
        let taken = |now, in_flight| {
            let tries = 0..1000;
            tries.filter(|_| budget.take(now, in_flight)).count()
        };
        assert_eq!(taken(start, 0), 100);
        assert_eq!(taken(start, 50), 150, "more are in flight now");
        let last = start + WINDOW - Duration::from_millis(1);
        assert_eq!(taken(last, 50), 0);
        assert_eq!(taken(start + WINDOW, 50), 250, "and then anew");
    }
}
