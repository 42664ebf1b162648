//! What is known of tokens, bounded in bytes: what was not used for longest goes first.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hashbrown::HashTable;

use super::TokenHash;
use crate::matrix::UserHash;

/// So many that two threads rarely meet at one lock; a power of two.
const SHARDS: usize = 64;

/// Ends a list of slots.
const NONE: u32 = u32::MAX;

/// What is known of one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// Its user.
    User(UserHash),
    /// Nobody said whose it is; asked again at this second.
    Unknown(u32),
}

/// All that is known. Each lock is held for one look-up and never across an await.
#[derive(Debug)]
pub(super) struct Cache(Box<[Mutex<Shard>]>);

#[derive(Debug)]
struct Shard {
    index: HashTable<u32>,
    slots: Vec<Slot>,
    /// The ends of the list from the last used to the one not used for longest.
    newest: u32,
    oldest: u32,
    most: usize,
    hits: u64,
}

/// 32 bytes: neither token nor name.
#[derive(Debug)]
struct Slot {
    token: u64,
    user: u64,
    /// 0 for a user; else the second when it is asked about again.
    again: u32,
    newer: u32,
    older: u32,
}

/// What the cache holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) entries: usize,
    pub(super) bytes: usize,
    /// Look-ups that found a user, since the start.
    pub(super) hits: u64,
}

impl Cache {
    /// A cache that never takes more than `bytes`, less what the locks themselves need.
    pub(super) fn new(bytes: usize) -> Self {
        let most = most(bytes / SHARDS);
        let shard = || Mutex::new(Shard::new(most));
        Self(std::iter::repeat_with(shard).take(SHARDS).collect())
    }

    /// What is known of a token, which counts as a use of it.
    pub(super) fn find(&self, token: TokenHash) -> Option<Entry> {
        self.shard(token).find(token.0)
    }

    /// Keeps what is known of a token now.
    pub(super) fn put(&self, token: TokenHash, entry: Entry) {
        self.shard(token).put(token.0, entry);
    }

    /// How much it holds now.
    pub(super) fn size(&self) -> Size {
        self.0.iter().fold(Size::default(), |size, shard| {
            let shard = locked(shard);
            Size {
                entries: size.entries + shard.slots.len(),
                bytes: size.bytes + shard.bytes(),
                hits: size.hits + shard.hits,
            }
        })
    }

    /// Neither the lowest nor the highest bits, which the index uses.
    fn shard(&self, token: TokenHash) -> MutexGuard<'_, Shard> {
        locked(&self.0[(token.0 >> 40) as usize % SHARDS])
    }
}

/// Nothing panics under the lock; were it so, a wrong hint would do no harm.
fn locked(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Slots that fit into so many bytes, with an index that has grown once more than it needs.
fn most(bytes: usize) -> usize {
    let index = |slots: usize| 2 * (slots * 8 / 7 + 1).next_power_of_two() * 5 + 16;
    let mut slots = bytes / size_of::<Slot>();
    while slots > 1 && slots * size_of::<Slot>() + index(slots) > bytes {
        slots -= 1 + slots / 64;
    }
    slots.clamp(1, NONE as usize - 1)
}

impl Shard {
    fn new(most: usize) -> Self {
        Self {
            index: HashTable::new(),
            slots: Vec::new(),
            newest: NONE,
            oldest: NONE,
            most,
            hits: 0,
        }
    }

    fn find(&mut self, token: u64) -> Option<Entry> {
        let slot = self.place(token)?;
        self.use_now(slot);
        let entry = self.slots[slot as usize].entry();
        self.hits += u64::from(matches!(entry, Entry::User(_)));
        Some(entry)
    }

    fn put(&mut self, token: u64, entry: Entry) {
        let slot = self.place(token).unwrap_or_else(|| self.room(token));
        self.slots[slot as usize].set(entry);
        self.use_now(slot);
    }

    fn place(&self, token: u64) -> Option<u32> {
        let is_it = |slot: &u32| self.slots[*slot as usize].token == token;
        self.index.find(token, is_it).copied()
    }

    /// A slot for a token that has none yet.
    fn room(&mut self, token: u64) -> u32 {
        let slot = match self.slots.len() < self.most {
            true => self.grow(),
            false => self.forget_oldest(),
        };
        self.slots[slot as usize].token = token;
        let slots = &self.slots;
        self.index
            .insert_unique(token, slot, |slot| slots[*slot as usize].token);
        slot
    }

    /// By an eighth, so that the memory follows the number of tokens closely.
    fn grow(&mut self) -> u32 {
        let count = self.slots.len();
        if count == self.slots.capacity() {
            self.slots
                .reserve_exact((count / 8 + 8).min(self.most - count));
        }
        self.slots.push(Slot {
            token: 0,
            user: 0,
            again: 0,
            newer: NONE,
            older: NONE,
        });
        count as u32
    }

    fn forget_oldest(&mut self) -> u32 {
        let slot = self.oldest;
        let token = self.slots[slot as usize].token;
        if let Ok(found) = self.index.find_entry(token, |other| *other == slot) {
            found.remove();
        }
        slot
    }

    fn use_now(&mut self, slot: u32) {
        if slot != self.newest {
            self.unlink(slot);
            self.link(slot);
        }
    }

    fn unlink(&mut self, slot: u32) {
        let Slot { newer, older, .. } = self.slots[slot as usize];
        if newer != NONE {
            self.slots[newer as usize].older = older;
        }
        if older != NONE {
            self.slots[older as usize].newer = newer;
        }
        if slot == self.oldest {
            self.oldest = newer;
        }
    }

    fn link(&mut self, slot: u32) {
        let before = std::mem::replace(&mut self.newest, slot);
        let this = &mut self.slots[slot as usize];
        (this.newer, this.older) = (NONE, before);
        match before {
            NONE => self.oldest = slot,
            _ => self.slots[before as usize].newer = slot,
        }
    }

    fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>() + self.index.allocation_size()
    }
}

impl Slot {
    fn entry(&self) -> Entry {
        match self.again {
            0 => Entry::User(UserHash::new(self.user)),
            again => Entry::Unknown(again),
        }
    }

    fn set(&mut self, entry: Entry) {
        (self.user, self.again) = match entry {
            Entry::User(user) => (user.get(), 0),
            Entry::Unknown(again) => (0, again.max(1)),
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn user(number: u64) -> Entry {
        Entry::User(UserHash::new(number))
    }

    /// All tokens of a test in one shard.
    fn shard(most: usize) -> Shard {
        Shard::new(most)
    }

    #[test]
    fn the_one_not_used_for_longest_goes_first() {
        let mut shard = shard(3);
        for token in 1..=3 {
            shard.put(token, user(token));
        }
        assert_eq!(shard.find(1), Some(user(1)));
        shard.put(4, user(4));
        let known: Vec<_> = (1..=4).map(|token| shard.find(token)).collect();
        assert_eq!(known, [Some(user(1)), None, Some(user(3)), Some(user(4))]);
        shard.put(3, Entry::Unknown(7));
        assert_eq!(shard.find(3), Some(Entry::Unknown(7)));
        assert_eq!((shard.slots.len(), shard.hits), (3, 4));
    }

    #[test]
    fn a_million_tokens_fit_and_a_small_cache_stays_small() {
        let spread = |number: u64| TokenHash(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (large, small) = (Cache::new(64 << 20), Cache::new(1 << 20));
        for number in 0..1_000_000 {
            large.put(spread(number), user(number));
            small.put(spread(number), user(number));
        }
        let known =
            (0..1_000_000).filter(|&number| large.find(spread(number)) == Some(user(number)));
        assert_eq!(known.count(), 1_000_000);
        assert_eq!(large.size().entries, 1_000_000);
        assert!(large.size().bytes <= 64 << 20, "{:?}", large.size());
        assert!(small.size().bytes <= 1 << 20, "{:?}", small.size());
        assert!(small.size().entries > 15_000, "{:?}", small.size());
    }

    /// The plainest one there is: a list, the last used in front.
    #[derive(Default)]
    struct Model(Vec<(u64, u64)>);

    impl Model {
        fn find(&mut self, token: u64) -> Option<u64> {
            let at = self.0.iter().position(|(known, _)| *known == token)?;
            let found = self.0.remove(at);
            self.0.insert(0, found);
            Some(found.1)
        }

        fn put(&mut self, token: u64, user: u64, most: usize) {
            self.0.retain(|(known, _)| *known != token);
            self.0.insert(0, (token, user));
            self.0.truncate(most);
        }
    }

    proptest! {
        #[test]
        fn it_is_a_list_with_the_last_used_in_front(
            most in 1usize..9,
            steps in prop::collection::vec((0u64..14, prop::option::of(0u64..9)), 0..200),
        ) {
            let (mut shard, mut model) = (shard(most), Model::default());
            for (token, put) in steps {
                match put {
                    Some(number) => {
                        shard.put(token, user(number));
                        model.put(token, number, most);
                    }
                    None => prop_assert_eq!(shard.find(token), model.find(token).map(user)),
                }
            }
        }
    }
}
