//! The proxy's snapshot: chains, pools and limits of this moment, loaded once per decision.

use std::{net::IpAddr, sync::Arc};

use super::{Chains, Limits, Mount, Plan, Policy, PoolIndex, Rule, Seen, Synapse};
use crate::{
    discovery::Found,
    identity::{Appservices, Tokens},
    matrix::{Call, Group, Key, Reach},
    pool::{self, Busy, Choice, FirstSyncs, Lease, Tried, View, Waiting, Worker},
};

/// One snapshot. A change makes a new one and swaps the pointer to it.
#[derive(Clone, Debug)]
pub struct State {
    /// Which pools each group is asked of.
    pub chains: Arc<Chains>,
    /// The pools, in the order of the configuration.
    pub pools: Box<[Arc<View>]>,
    /// Deadlines and sizes.
    pub limits: Arc<Limits>,
    /// Who is known by a registration file.
    pub appservices: Arc<Appservices>,
    /// Whose opaque tokens are, as far as it is known; the same in every snapshot.
    pub tokens: Arc<Tokens>,
    /// First syncs that run; the same in every snapshot.
    pub first_syncs: Arc<FirstSyncs>,
    /// Which release of Synapse the table is read for.
    pub synapse: Synapse,
    /// The admin's word over the table.
    pub policy: Arc<Policy>,
    /// True while pools are still to come: there is no telling yet what is missing.
    pub is_partial: bool,
}

impl State {
    /// The first snapshot of a configuration, with the workers that need no search.
    pub fn new(pools: &[pool::Settings], limits: Limits) -> Self {
        Self::build(pools, limits, |pool| pool.source.known(), None)
    }

    /// The snapshot of a configuration, with what the sources have `found`; workers that were there `before` keep their
    /// counts and connections.
    pub fn build(
        pools: &[pool::Settings],
        limits: Limits,
        found: impl Fn(&pool::Settings) -> Found,
        before: Option<&Self>,
    ) -> Self {
        let settings: Vec<_> = pools.iter().cloned().map(Arc::new).collect();
        let view = |pool: &Arc<pool::Settings>| {
            let before = before.and_then(|state| state.pool(&pool.name));
            Arc::new(View::new(
                pool.clone(),
                &found(pool),
                before.map(|view| &**view),
            ))
        };
        Self {
            chains: Arc::new(Chains::new(&settings)),
            pools: settings.iter().map(view).collect(),
            limits: Arc::new(limits),
            appservices: Arc::default(),
            tokens: before.map_or_else(Arc::default, |state| state.tokens.clone()),
            first_syncs: before.map_or_else(Arc::default, |state| state.first_syncs.clone()),
            synapse: before.map_or(Synapse::UNKNOWN, |state| state.synapse),
            policy: Arc::default(),
            is_partial: false,
        }
    }

    /// The same snapshot with these application services.
    #[must_use]
    pub fn with_appservices(self, appservices: Appservices) -> Self {
        Self {
            appservices: Arc::new(appservices),
            ..self
        }
    }

    /// The same snapshot with these tokens.
    #[must_use]
    pub fn with_tokens(self, tokens: Arc<Tokens>) -> Self {
        Self { tokens, ..self }
    }

    /// The same snapshot in front of this Synapse.
    #[must_use]
    pub fn with_synapse(self, synapse: Synapse) -> Self {
        Self { synapse, ..self }
    }

    /// The same snapshot with this word of the admin's.
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Self {
        Self {
            policy: Arc::new(policy),
            ..self
        }
    }

    /// The same snapshot, while pools are still to come or no longer.
    #[must_use]
    pub fn with_partial(self, is_partial: bool) -> Self {
        Self { is_partial, ..self }
    }

    /// The same snapshot with these pools in place of its own, with what the sources have `found`; workers that stay
    /// keep their counts and connections.
    #[must_use]
    pub fn with_pools(
        &self,
        pools: &[pool::Settings],
        found: impl Fn(&pool::Settings) -> Found,
    ) -> Self {
        let Self { chains, pools, .. } = Self::build(pools, Limits::default(), found, Some(self));
        Self {
            chains,
            pools,
            ..self.clone()
        }
    }

    /// The same snapshot with the workers that the source of that pool has found now.
    #[must_use]
    pub fn with_found(&self, pool: &str, found: &Found) -> Self {
        let mut pools = self.pools.clone();
        for view in pools.iter_mut().filter(|view| &*view.settings.name == pool) {
            *view = Arc::new(View::new(view.settings.clone(), found, Some(view)));
        }
        Self {
            pools,
            ..self.clone()
        }
    }

    /// The pool of that name.
    pub fn pool(&self, name: &str) -> Option<&Arc<View>> {
        let mut pools = self.pools.iter();
        pools.find(|view| &*view.settings.name == name)
    }

    /// Gives a call to MAS where it belongs to it, and closes MAS's way to Synapse to everybody else.
    pub fn settle_mas(&self, call: &mut Call<'_>, client: IpAddr) {
        if call.group == Group::MasApi {
            if !self.policy.lets_in_mas(client) {
                call.reach = Reach::Nobody;
            }
        } else if self.chains.has_mas() {
            call.group = Group::MasCompat;
            call.reach = Reach::Main;
        }
    }

    /// The plan for a request, and the rule that decided where one did.
    pub fn plan(&self, seen: &Seen<'_, '_, '_>) -> (Plan, Option<&Rule>) {
        if let Some(mount) = seen.mount {
            return self.plan_for_mount(seen, mount);
        }
        let key = Key::new(seen.call, seen.caller, seen.client);
        let plan = Plan::new(seen.method, seen.call, &key, &self.limits);
        match self.policy.rules.is_empty() {
            true => (plan, None),
            false => self.plan_by_rule(seen, plan),
        }
    }

    /// A rule may answer for a mounted service, and cannot send its requests elsewhere.
    fn plan_for_mount(&self, seen: &Seen<'_, '_, '_>, mount: &Mount) -> (Plan, Option<&Rule>) {
        let mut plan = Plan::for_mount(seen.method, seen.call, mount, &self.limits);
        let rule = self.policy.rules.find_reply(seen);
        if rule.is_some() {
            plan.reach = Reach::Nobody;
        }
        (plan, rule)
    }

    fn plan_by_rule(&self, seen: &Seen<'_, '_, '_>, plan: Plan) -> (Plan, Option<&Rule>) {
        let Some(rule) = self.policy.rules.find(seen, &self.chains) else {
            return (plan, None);
        };
        let mut plan = rule.key.map_or(plan, |kind| {
            let key = Key::of(kind, seen.call, seen.caller, seen.client);
            Plan::new(seen.method, seen.call, &key, &self.limits)
        });
        plan.first = rule.pool();
        if rule.reply().is_some() {
            plan.reach = Reach::Nobody;
        }
        (plan, Some(rule))
    }

    /// The pools of a plan, first asked first. Behind the pool of a rule stand those of the table, except for what only
    /// the main process answers: there the rule knows something that the table does not.
    pub fn chain(&self, plan: &Plan) -> impl Iterator<Item = &Arc<View>> {
        let first = plan.first.and_then(|pool| self.chains.find(pool));
        let table = match (first, plan.reach) {
            (Some(_), Reach::Main) => &[],
            _ => self.chains.of(plan.group, plan.reach),
        };
        let others = table
            .iter()
            .copied()
            .filter(move |pool| Some(*pool) != first);
        let pools = first.into_iter().chain(others);
        pools.map(|pool: PoolIndex| &self.pools[pool.get()])
    }

    /// Leases a worker of the first of the plan's pools that has one which takes new requests and was not tried; the
    /// next pool stands in for a pool without a worker, not for a full one. No worker either when the request has been
    /// to as many as it may.
    ///
    /// # Errors
    /// When it must wait, with the reason.
    pub fn lease(&self, plan: &Plan, tried: &Tried) -> Result<Lease, Busy> {
        if tried.is_full() {
            return Err(Busy::NoWorker);
        }
        let want = plan.want();
        let in_time = self.chain(plan).map(|pool| pool.lease(want, tried));
        let early = self.chain(plan).map(|pool| pool.lease_early(want, tried));
        in_time
            .chain(early)
            .find(|lease| !matches!(lease, Err(Busy::NoWorker)))
            .unwrap_or(Err(Busy::NoWorker))
    }

    /// The slot of a paused request again, at its own worker.
    ///
    /// # Errors
    /// When it must wait, with what for.
    pub fn resume(&self, plan: &Plan, lease: &Lease) -> Result<Lease, Busy> {
        match self.pool(&lease.pool) {
            Some(pool) => pool.resume(lease, plan.want()),
            // Nobody else goes there any more.
            None => Ok(Lease::new(lease.worker().clone())),
        }
    }

    /// Lines up until a worker of the plan's pools may take the request; none when too many wait.
    pub fn wait_for_worker(&self, plan: &Plan, caller: u64) -> Option<Waiting> {
        Waiting::for_worker(self.chain(plan), plan.want(), caller)
    }

    /// Another snapshot has come in this one's place: who waits looks again.
    pub fn stir(&self) {
        self.pools.iter().for_each(|pool| pool.stir());
    }

    /// The worker that a plan is for, beyond all caps.
    pub fn lease_anyway(&self, plan: &Plan) -> Option<Lease> {
        let tried = Tried::default();
        self.chain(plan)
            .find_map(|pool| pool.lease_anyway(plan.choice, &tried))
    }

    /// True when the first pool of a plan has several workers, so that its key matters.
    pub fn is_shared_out(&self, plan: &Plan) -> bool {
        let first = self.chain(plan).next();
        first.is_some_and(|pool| pool.workers.len() > 1)
    }

    /// Leases a worker that can say whose a token is and was not tried: one that reads for clients, else one for
    /// syncs, and the main process only when there is no other.
    pub fn lease_for_whoami(&self, tried: &Tried) -> Option<Lease> {
        let pools = [Group::ClientReader, Group::Sync]
            .into_iter()
            .flat_map(|group| self.chains.of(group, Reach::AnyWorker))
            .map(|pool| &self.pools[pool.get()]);
        let is_main = |pool: &&Arc<View>| &*pool.settings.name == "main";
        let workers = pools.clone().filter(|pool| !is_main(pool));
        workers
            .chain(pools.filter(is_main))
            .find_map(|pool| pool.lease_anyway(Choice::LeastBusy, tried))
    }

    /// The workers that serve other servers' requests, those of the main process too.
    pub fn federation_workers(&self) -> impl Iterator<Item = &Arc<Worker>> {
        let pools = self.chains.of(Group::FederationReader, Reach::Federation);
        pools
            .iter()
            .flat_map(|pool| &self.pools[pool.get()].workers)
    }

    /// True once every pool that nothing replaces has a worker.
    pub fn is_ready(&self) -> bool {
        !self.is_partial
            && self
                .pools_without_fallback()
                .all(|pool| !pool.workers.is_empty())
    }

    /// Every worker of every pool.
    pub fn workers(&self) -> impl Iterator<Item = &Arc<Worker>> {
        self.pools.iter().flat_map(|pool| &pool.workers)
    }

    fn pools_without_fallback(&self) -> impl Iterator<Item = &Arc<View>> {
        let indices = self.pools.iter().enumerate();
        indices
            .filter(|(index, _)| {
                self.chains
                    .is_without_fallback(super::PoolIndex(*index as u16))
            })
            .map(|(_, pool)| pool)
    }
}
