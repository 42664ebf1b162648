//! Rates: how often one client or one session may ask for a group. On the road of a request, so without a lock, an
//! allocation or a growing table: GCRA over a fixed number of slots, two for each key.

use std::{
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use ahash::RandomState;

use crate::matrix::{Authorization, Group, token};

/// Slots of one rate: 512 KB. Keys share one only when both of theirs are taken by busy others.
const SLOTS: usize = 1 << 16;

/// The rates of all groups.
#[derive(Debug)]
pub struct Rates {
    groups: Box<[GroupRates]>,
}

/// The rates of one group.
#[derive(Debug, Default)]
pub struct GroupRates {
    /// For each client: its address, of IPv6 the /64.
    pub client: Option<Rate>,
    /// For each session: its access token. Not for each user: anyone can write a token with another's name in it.
    pub session: Option<Rate>,
}

/// So many requests in so much time for each key, all of them at once if it likes.
#[derive(Debug)]
pub struct Rate {
    /// Nanoseconds that one request costs.
    cost: u64,
    /// Nanoseconds that a key may be ahead.
    ahead: u64,
    /// When each key is even again, in nanoseconds since `start`.
    even: Box<[AtomicU64]>,
    start: Instant,
    hasher: RandomState,
}

impl Rates {
    /// The rates of the groups that have some.
    pub fn new(named: impl IntoIterator<Item = (Group, GroupRates)>) -> Self {
        let mut groups: Vec<GroupRates> = Vec::new();
        groups.resize_with(Group::COUNT, GroupRates::default);
        for (group, rates) in named {
            groups[group as usize] = rates;
        }
        Self {
            groups: groups.into(),
        }
    }

    /// Counts a request; with how long to wait when it is one too many.
    pub(super) fn take(
        &self,
        group: Group,
        client: IpAddr,
        authorization: Authorization<'_>,
        query: &str,
        now: Instant,
    ) -> Result<(), Duration> {
        let rates = &self.groups[group as usize];
        if let Some(rate) = &rates.client {
            rate.take(network(client), now)?;
        }
        match &rates.session {
            Some(rate) => match token(authorization, query) {
                Some(token) => token.read(|bytes| rate.take(bytes, now)),
                None => Ok(()),
            },
            None => Ok(()),
        }
    }
}

impl Rate {
    /// So many requests in `period`.
    pub fn new(count: u32, period: Duration) -> Self {
        let ahead = period.as_nanos() as u64;
        let mut even = Vec::new();
        even.resize_with(SLOTS, AtomicU64::default);
        Self {
            cost: ahead / u64::from(count.max(1)),
            ahead,
            even: even.into(),
            start: Instant::now(),
            hasher: RandomState::new(),
        }
    }

    fn take(&self, key: impl Hash, now: Instant) -> Result<(), Duration> {
        let now = now.saturating_duration_since(self.start).as_nanos() as u64;
        let hash = self.hasher.hash_one(key);
        let slots = [hash as usize % SLOTS, (hash >> 32) as usize % SLOTS];
        let slots = slots.map(|slot| &self.even[slot]);
        let even = slots.map(|slot| slot.load(Ordering::Relaxed));
        let next = even[0].min(even[1]).max(now) + self.cost;
        if next > now + self.ahead {
            return Err(Duration::from_nanos(next - now - self.ahead));
        }
        for slot in slots {
            slot.fetch_max(next, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Who counts as one client: a household has one IPv4 address, or a /64.
pub fn network(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

/// The seconds that a client is told to wait.
pub(super) fn seconds(wait: Duration) -> u16 {
    u16::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_then_the_rate() {
        let rate = Rate::new(5, 10 * SECOND);
        let start = Instant::now();
        let after = |seconds: u32| rate.take("key", start + seconds * SECOND);
        assert_eq!([0; 5].map(|_| after(0)), [Ok(()); 5]);
        let wait = after(0).unwrap_err();
        assert!(wait > SECOND && wait <= 2 * SECOND, "{wait:?}");
        assert_eq!(seconds(wait), 2);
        assert_eq!((after(3), after(3).is_err()), (Ok(()), true));
        assert_eq!([0; 5].map(|_| after(60)), [Ok(()); 5]);
        assert!(after(60).is_err());
        assert_eq!(rate.take("other", start + 60 * SECOND), Ok(()));
    }

    #[test]
    fn who_shares_a_rate() {
        let of = |client: &str| network(client.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    #[test]
    fn only_what_has_a_rate_is_counted() {
        let one = || Some(Rate::new(1, SECOND));
        let rates = Rates::new([
            (
                Group::Login,
                GroupRates {
                    client: one(),
                    session: None,
                },
            ),
            (
                Group::EventCreator,
                GroupRates {
                    client: None,
                    session: one(),
                },
            ),
        ]);
        let now = Instant::now();
        let take = |group, client: &str, token: &'static str| {
            let authorization = Authorization::One(token.as_bytes());
            let client = client.parse().unwrap();
            rates.take(group, client, authorization, "", now).is_ok()
        };
        assert!(take(Group::Login, "192.0.2.1", "") && !take(Group::Login, "192.0.2.1", ""));
        assert!(take(Group::Login, "192.0.2.2", ""));
        for (token, allowed) in [("Bearer a", true), ("Bearer b", true), ("Bearer a", false)] {
            assert_eq!(take(Group::EventCreator, "192.0.2.1", token), allowed);
        }
        assert!(
            take(Group::EventCreator, "192.0.2.1", "")
                && take(Group::EventCreator, "192.0.2.1", "")
        );
        assert!(take(Group::Sync, "192.0.2.1", "") && take(Group::Sync, "192.0.2.1", ""));
    }

    proptest! {
        /// In any window no more than twice the count: the burst, and what comes back meanwhile.
        #[test]
        fn never_more_than_the_rate(count in 1u32..50, gaps in prop::collection::vec(0u64..300, 1..300)) {
            let rate = Rate::new(count, SECOND);
            let start = Instant::now();
            let (mut at, mut allowed) = (0, vec![]);
            for gap in gaps {
                at += gap;
                if rate.take(0, start + Duration::from_millis(at)).is_ok() {
                    allowed.push(at);
                }
            }
            for from in &allowed {
                let within = allowed.iter().filter(|at| (*from..from + 1000).contains(at)).count();
                prop_assert!(within as u32 <= 2 * count);
            }
        }
    }
}
