//! For each group the pools in the order in which they are asked, as far as a fallback is safe.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use crate::{
    matrix::{Group, Reach, TABLE},
    pool,
};

/// A pool's place in the State.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolIndex(pub(super) u16);

impl PoolIndex {
    /// The place as an index.
    pub fn get(self) -> usize {
        self.0.into()
    }
}

/// A pool's identity, from its name: it stays the same when another configuration is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolId(u64);

/// The chains of all groups, one per reach that the group's endpoints have; and what each pool is able to.
#[derive(Debug)]
pub struct Chains {
    chains: Box<[Box<[PoolIndex]>]>,
    able: Box<[Able]>,
    has_mas: bool,
}

/// What a pool's workers can answer besides the groups that it serves.
#[derive(Clone, Copy, Debug)]
struct Able {
    id: PoolId,
    client: bool,
    federation: bool,
}

const REACHES: [Reach; 7] = [
    Reach::AnyWorker,
    Reach::Federation,
    Reach::Writer,
    Reach::Media,
    Reach::OneProcess,
    Reach::Main,
    Reach::Nobody,
];

impl PoolId {
    /// The identity of the pool with this name.
    pub fn new(name: &str) -> Self {
        Self(xxh3_64(name.as_bytes()))
    }
}

impl Chains {
    /// The chains that these pools give; the pool called `main` is the main process.
    pub fn new(pools: &[Arc<pool::Settings>]) -> Self {
        let builder = Builder { pools };
        let chains = Group::ALL
            .iter()
            .flat_map(|&group| REACHES.map(|reach| builder.chain(group, reach)));
        Self {
            chains: chains.collect(),
            able: pools.iter().map(|pool| Able::new(pool)).collect(),
            has_mas: pools
                .iter()
                .any(|pool| pool.serves.contains(&Group::MasCompat)),
        }
    }

    /// The pools for a call of that group and reach, first asked first.
    pub fn of(&self, group: Group, reach: Reach) -> &[PoolIndex] {
        &self.chains[group as usize * REACHES.len() + reach as usize]
    }

    /// True when a pool of MAS answers what belongs to it.
    pub fn has_mas(&self) -> bool {
        self.has_mas
    }

    /// The place of a pool, while it is there.
    pub fn find(&self, id: PoolId) -> Option<PoolIndex> {
        let place = self.able.iter().position(|pool| pool.id == id)?;
        Some(PoolIndex(place as u16))
    }

    /// True when a rule may send a call of that group and reach to a pool: its workers answer it, as far as what they
    /// serve tells.
    pub fn can_answer(&self, pool: PoolIndex, group: Group, reach: Reach) -> bool {
        let able = &self.able[pool.get()];
        match reach {
            Reach::AnyWorker if able.client => true,
            Reach::Federation if able.federation => true,
            _ => self.of(group, reach).contains(&pool),
        }
    }

    /// True when some row of the endpoint table can be answered by that pool only.
    pub fn is_without_fallback(&self, pool: PoolIndex) -> bool {
        TABLE
            .iter()
            .any(|row| *self.of(row.group, row.reach) == [pool])
    }
}

impl Able {
    /// A pool that only rules send to has client workers, unless a rule names another group for it.
    fn new(pool: &pool::Settings) -> Self {
        let serves = |reach| {
            let mut rows = TABLE.iter().filter(|row| row.reach == reach);
            rows.any(|row| pool.serves.contains(&row.group))
        };
        Self {
            id: PoolId::new(&pool.name),
            client: pool.serves.is_empty() || pool.generic || serves(Reach::AnyWorker),
            federation: serves(Reach::Federation),
        }
    }
}

struct Builder<'a> {
    pools: &'a [Arc<pool::Settings>],
}

impl Builder<'_> {
    fn chain(&self, group: Group, reach: Reach) -> Box<[PoolIndex]> {
        let mut chain = Vec::new();
        match reach {
            Reach::Nobody => {}
            // Only its own pool answers for a mount.
            _ if group == Group::Mount => {}
            Reach::Main => {
                if group == Group::MasCompat {
                    self.add_serving(group, &mut chain);
                }
                if chain.is_empty() {
                    self.add_main(&mut chain);
                }
            }
            Reach::Writer | Reach::Media | Reach::OneProcess => {
                self.add_serving(group, &mut chain);
                if chain.is_empty() && group == Group::MediaAdmin {
                    self.add_serving(Group::Media, &mut chain);
                }
                if chain.is_empty() {
                    self.add_main(&mut chain);
                }
            }
            Reach::AnyWorker | Reach::Federation => {
                let next = |group: &Group| next(*group, reach);
                for group in std::iter::successors(Some(group), next) {
                    self.add_serving(group, &mut chain);
                }
                self.add_main(&mut chain);
            }
        }
        chain.into()
    }

    /// The pools that name the group, then those that serve it as one of `generic`.
    fn add_serving(&self, group: Group, chain: &mut Vec<PoolIndex>) {
        self.add(chain, |pool| pool.serves.contains(&group));
        self.add(chain, |pool| pool.generic && is_generic(group));
    }

    fn add_main(&self, chain: &mut Vec<PoolIndex>) {
        self.add(chain, |pool| &*pool.name == "main");
    }

    fn add(&self, chain: &mut Vec<PoolIndex>, wanted: impl Fn(&pool::Settings) -> bool) {
        for (index, _) in self
            .pools
            .iter()
            .enumerate()
            .filter(|(_, pool)| wanted(pool))
        {
            let index = PoolIndex(index as u16);
            if !chain.contains(&index) {
                chain.push(index);
            }
        }
    }
}

/// The group whose pools are asked next where any worker can answer; none before the main process.
fn next(group: Group, reach: Reach) -> Option<Group> {
    match (reach, group) {
        (Reach::Federation, Group::FederationReader) => None,
        (Reach::Federation, _) => Some(Group::FederationReader),
        (_, Group::ClientReader | Group::Main) => None,
        (_, Group::InitialSync | Group::SlidingSync) => Some(Group::Sync),
        (_, Group::InitialSlidingSync) => Some(Group::SlidingSync),
        _ => Some(Group::ClientReader),
    }
}

/// The groups that `serves: [generic]` stands for: every client worker can answer all of their requests.
pub fn is_generic(group: Group) -> bool {
    use Group::*;
    matches!(
        group,
        Sync | InitialSync
            | SlidingSync
            | InitialSlidingSync
            | ClientReader
            | Messages
            | DeviceKeys
            | DeviceLists
            | Login
            | EventCreator
            | Profile
            | DelayedEvents
            | AccountData
            | Presence
            | UserDirectory
            | WellKnown
            | MasApi
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::Source;

    fn pool(name: &str, serves: &[Group]) -> Arc<pool::Settings> {
        let source = Source::Static([].into());
        Arc::new(pool::Settings::new(name, serves, source))
    }

    fn generic(name: &str) -> Arc<pool::Settings> {
        Arc::new((*pool(name, &[])).clone().generic())
    }

    fn names(pools: &[Arc<pool::Settings>], group: Group, reach: Reach) -> Vec<String> {
        let chains = Chains::new(pools);
        let chain = chains.of(group, reach).iter();
        chain
            .map(|pool| pools[pool.get()].name.to_string())
            .collect()
    }

    #[test]
    fn first_syncs_go_down_their_chain() {
        let mut pools = vec![pool("main", &[])];
        let chain = |pools: &[_]| names(pools, Group::InitialSync, Reach::AnyWorker);
        assert_eq!(chain(&pools), ["main"]);
        pools.push(pool("readers", &[Group::ClientReader]));
        assert_eq!(chain(&pools), ["readers", "main"]);
        pools.push(pool("sync", &[Group::Sync, Group::SlidingSync]));
        assert_eq!(chain(&pools), ["sync", "readers", "main"]);
        pools.push(pool("initial", &[Group::InitialSync]));
        assert_eq!(chain(&pools), ["initial", "sync", "readers", "main"]);
        assert_eq!(
            names(&pools, Group::InitialSlidingSync, Reach::AnyWorker),
            ["sync", "readers", "main"]
        );
    }

    #[test]
    fn a_write_never_leaves_its_writer_but_a_read_may() {
        let pools = [
            pool("main", &[]),
            pool("rules", &[Group::PushRules]),
            pool("readers", &[Group::ClientReader]),
        ];
        assert_eq!(names(&pools, Group::PushRules, Reach::Writer), ["rules"]);
        assert_eq!(
            names(&pools, Group::PushRules, Reach::AnyWorker),
            ["rules", "readers", "main"]
        );
        assert_eq!(names(&pools, Group::Typing, Reach::Writer), ["main"]);
    }

    #[test]
    fn media_never_falls_to_a_main_without_media() {
        let pools = [
            pool("main", &[]),
            pool("media", &[Group::Media]),
            generic("any"),
        ];
        assert_eq!(names(&pools, Group::Media, Reach::Media), ["media"]);
        assert_eq!(names(&pools, Group::MediaAdmin, Reach::Media), ["media"]);
        assert_eq!(names(&pools[..1], Group::Media, Reach::Media), ["main"]);
    }

    #[test]
    fn a_pool_that_names_a_group_comes_before_a_generic_one() {
        let pools = [
            pool("main", &[]),
            generic("any"),
            pool("sync", &[Group::Sync]),
        ];
        assert_eq!(
            names(&pools, Group::Sync, Reach::AnyWorker),
            ["sync", "any", "main"]
        );
        assert_eq!(names(&pools, Group::Receipts, Reach::Writer), ["main"]);
        assert_eq!(
            names(&pools, Group::Receipts, Reach::AnyWorker),
            ["any", "main"]
        );
        assert_eq!(
            names(&pools, Group::FederationInbound, Reach::Federation),
            ["main"]
        );
    }

    #[test]
    fn what_belongs_to_mas_goes_nowhere_else() {
        let pools = [pool("main", &[]), pool("mas", &[Group::MasCompat])];
        assert_eq!(names(&pools, Group::MasCompat, Reach::Main), ["mas"]);
        assert_eq!(names(&pools[..1], Group::MasCompat, Reach::Main), ["main"]);
        assert!(Chains::new(&pools).has_mas() && !Chains::new(&pools[..1]).has_mas());
    }

    #[test]
    fn a_pool_is_able_to_what_its_groups_tell() {
        let pools = [
            pool("main", &[]),
            pool("only_rules", &[]),
            pool("federation", &[Group::FederationInbound]),
            pool("media", &[Group::Media]),
            pool("typing", &[Group::Typing]),
            generic("any"),
        ];
        let chains = Chains::new(&pools);
        let able = |group, reach| {
            let all = (0..pools.len() as u16).map(PoolIndex);
            let able = all.filter(|pool| chains.can_answer(*pool, group, reach));
            able.map(PoolIndex::get).collect::<Vec<_>>()
        };
        assert_eq!(able(Group::Sync, Reach::AnyWorker), [0, 1, 5]);
        assert_eq!(able(Group::FederationReader, Reach::Federation), [0, 2]);
        assert_eq!(able(Group::Typing, Reach::Writer), [4]);
        assert_eq!(able(Group::Receipts, Reach::Writer), [0]);
        assert_eq!(able(Group::Media, Reach::Media), [3]);
        assert_eq!(able(Group::Main, Reach::Main), [0]);
        assert_eq!(able(Group::Refused, Reach::Nobody), [0usize; 0]);
        assert_eq!(chains.find(PoolId::new("media")), Some(PoolIndex(3)));
        assert_eq!(chains.find(PoolId::new("gone")), None);
    }

    #[test]
    fn knows_the_pools_that_nothing_replaces() {
        let pools = [
            pool("main", &[]),
            pool("sync", &[Group::Sync]),
            pool("typing", &[Group::Typing]),
        ];
        let chains = Chains::new(&pools);
        let alone = |index| chains.is_without_fallback(PoolIndex(index));
        assert_eq!([alone(0), alone(1), alone(2)], [true, false, true]);
    }
}
