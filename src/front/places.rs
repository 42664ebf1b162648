//! Places for connections: of all clients together, of one listener, and of one client, each within its bound.

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use ahash::{HashMap, HashMapExt};

use crate::proxy::network;

/// How many connections of clients there may be at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Of all clients.
    pub all: usize,
    /// Of one client: an IPv4 address, or an IPv6 /64.
    pub client: usize,
}

/// So many clients at a time are told that there is no room; others are closed without a word.
const TOLD: usize = 100;

/// All places.
#[derive(Debug)]
pub(super) struct Places {
    bounds: Bound,
    all: Count,
    told: Count,
    clients: Mutex<HashMap<IpAddr, usize>>,
}

/// [`Bounds`] that change.
#[derive(Debug)]
struct Bound {
    all: AtomicUsize,
    client: AtomicUsize,
}

/// How many there are.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicUsize);

/// A connection's place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    listener: Arc<Count>,
    client: Option<IpAddr>,
}

/// The place of a client that is told that there is none, until it is dropped.
#[derive(Debug)]
pub(super) struct Told(Arc<Places>);

impl Places {
    /// Room for all, until bounds are set.
    pub(super) fn new() -> Self {
        Self {
            bounds: Bound {
                all: AtomicUsize::new(usize::MAX),
                client: AtomicUsize::new(usize::MAX),
            },
            all: Count::default(),
            told: Count::default(),
            clients: Mutex::new(HashMap::new()),
        }
    }

    /// What holds from now on; who has a place keeps it.
    pub(super) fn set(&self, bounds: Bounds) {
        self.bounds.all.store(bounds.all, Ordering::Relaxed);
        self.bounds.client.store(bounds.client, Ordering::Relaxed);
    }

    /// A place for a connection by that listener, which may have `bound` of them, and of that client where it is known;
    /// none when a bound is reached.
    pub(super) fn take(
        self: &Arc<Self>,
        listener: &Arc<Count>,
        bound: usize,
        client: Option<IpAddr>,
    ) -> Option<Place> {
        if !self.all.take(self.bounds.all.load(Ordering::Relaxed)) {
            return None;
        }
        if !listener.take(bound) {
            self.all.give_back();
            return None;
        }
        let mut place = Place {
            places: self.clone(),
            listener: listener.clone(),
            client: None,
        };
        client
            .is_none_or(|client| place.is_of(client))
            .then_some(place)
    }

    /// Room for telling one client that there is no room.
    pub(super) fn tell(self: &Arc<Self>) -> Option<Told> {
        self.told.take(TOLD).then(|| Told(self.clone()))
    }

    fn take_of(&self, client: IpAddr) -> bool {
        let bound = self.bounds.client.load(Ordering::Relaxed);
        // Nothing in here can be left half done.
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = clients.entry(client).or_default();
        let is_room = *taken < bound;
        *taken += usize::from(is_room);
        is_room
    }

    fn give_back_of(&self, client: IpAddr) {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = clients.get_mut(&client) {
            *taken -= 1;
            if *taken == 0 {
                clients.remove(&client);
            }
        }
    }
}

impl Count {
    /// One more, unless there are `bound` of them.
    fn take(&self, bound: usize) -> bool {
        let more = |taken| (taken < bound).then_some(taken + 1);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok()
    }

    fn give_back(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Place {
    /// Counts it as that client's, who is known once; false when the client has as many as it may.
    pub(super) fn is_of(&mut self, client: IpAddr) -> bool {
        let client = network(client.to_canonical());
        let is_room = self.places.take_of(client);
        self.client = is_room.then_some(client);
        is_room
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.all.give_back();
        self.listener.give_back();
        if let Some(client) = self.client {
            self.places.give_back_of(client);
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.0.told.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(all: usize, client: usize) -> Arc<Places> {
        let places = Arc::new(Places::new());
        places.set(Bounds { all, client });
        places
    }

    fn client(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn each_bound_holds_and_a_place_that_is_dropped_is_free_again() {
        let places = places(5, 3);
        let (few, many) = <(Arc<Count>, Arc<Count>)>::default();
        let one = places.take(&few, 2, client("192.0.2.1"));
        let two = places.take(&few, 2, client("192.0.2.2"));
        assert!(one.is_some() && two.is_some());
        assert!(
            places.take(&few, 2, client("192.0.2.3")).is_none(),
            "listener"
        );
        let more: Vec<_> = (0..2)
            .map_while(|_| places.take(&many, 9, client("192.0.2.1")))
            .collect();
        assert_eq!(more.len(), 2);
        assert!(
            places.take(&many, 9, client("192.0.2.1")).is_none(),
            "client"
        );
        let last = places.take(&many, 9, None);
        assert!(
            last.is_some() && places.take(&many, 9, None).is_none(),
            "all"
        );
        drop((one, last));
        assert!(places.take(&few, 2, client("192.0.2.1")).is_some());
        drop((two, more));
        assert!(places.clients.lock().unwrap().is_empty());
    }

    #[test]
    fn a_network_of_ipv6_and_a_mapped_address_are_one_client() {
        let (places, listener) = (places(9, 1), Arc::default());
        let _one = places.take(&listener, 9, client("2001:db8::1")).unwrap();
        assert!(places.take(&listener, 9, client("2001:db8::2:2")).is_none());
        let _other = places
            .take(&listener, 9, client("2001:db8:0:1::1"))
            .unwrap();
        let _mapped = places
            .take(&listener, 9, client("::ffff:192.0.2.1"))
            .unwrap();
        assert!(places.take(&listener, 9, client("192.0.2.1")).is_none());
    }
}
