//! Watches the workers that get no new requests; after a time it cuts what still runs there.

use std::{sync::Arc, time::Duration};

use ahash::{HashMap, HashMapExt};
use arc_swap::ArcSwap;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{View, Worker, WorkerId};

/// How often it is looked at who drains.
const STEP: Duration = Duration::from_millis(250);

/// Workers that have left their source and still run requests; for the admin pages.
pub type Leaving = ArcSwap<Vec<Arc<Worker>>>;

/// The watch over all workers that drain.
pub struct Drain {
    known: HashMap<WorkerId, Record>,
    leaving: Arc<Leaving>,
}

/// One worker that is or was in a pool.
#[derive(Debug)]
struct Record {
    worker: Arc<Worker>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// In its pool.
    Stays,
    /// Drains since then.
    Drains(Instant),
    /// What ran there was cut.
    Cut,
}

impl Drain {
    /// Tells `leaving` of each worker that is in no pool any more and not idle yet.
    pub fn new(leaving: Arc<Leaving>) -> Self {
        Self {
            known: HashMap::new(),
            leaving,
        }
    }

    /// Watches the pools that `pools` gives at each step, with the time that a worker has, for ever; has `cut` end what
    /// still runs at a worker when its time is over.
    pub async fn run(
        mut self,
        pools: impl Fn() -> (Vec<Arc<View>>, Duration),
        cut: impl Fn(WorkerId),
    ) {
        let mut steps = interval(STEP);
        steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let now = steps.tick().await;
            let (pools, time) = pools();
            self.step(&pools, time, now, &cut);
        }
    }

    fn step(&mut self, pools: &[Arc<View>], time: Duration, now: Instant, cut: &impl Fn(WorkerId)) {
        let here: HashMap<WorkerId, &Arc<Worker>> = pools
            .iter()
            .flat_map(|pool| &pool.workers)
            .map(|worker| (worker.id, worker))
            .collect();
        for (id, worker) in &here {
            self.known.entry(*id).or_insert_with(|| Record {
                worker: (*worker).clone(),
                stage: Stage::Stays,
            });
        }
        self.known.retain(|id, record| {
            let is_here = here.contains_key(id);
            record.step(is_here, time, now, cut);
            is_here || !record.worker.is_idle()
        });
        self.publish(|id| !here.contains_key(&id));
    }

    fn publish(&self, is_gone: impl Fn(WorkerId) -> bool) {
        let gone = self
            .known
            .values()
            .filter(|record| is_gone(record.worker.id));
        let leaving: Vec<_> = gone.map(|record| record.worker.clone()).collect();
        if !leaving.is_empty() || !self.leaving.load().is_empty() {
            self.leaving.store(Arc::new(leaving));
        }
    }
}

impl Record {
    fn step(&mut self, is_here: bool, time: Duration, now: Instant, cut: &impl Fn(WorkerId)) {
        if !is_here {
            self.worker.drain(true);
        }
        self.stage = match self.stage {
            _ if !self.worker.drains() => Stage::Stays,
            Stage::Stays => Stage::Drains(now),
            Stage::Drains(since) if now - since >= time => {
                self.cut(cut);
                Stage::Cut
            }
            stage => stage,
        };
    }

    fn cut(&self, cut: &impl Fn(WorkerId)) {
        let (pool, worker) = (&*self.worker.pool, &*self.worker.name);
        if !self.worker.is_idle() {
            let (in_flight, paused) = (self.worker.in_flight(), self.worker.paused());
            tracing::warn!(pool, worker, in_flight, paused, "drained for too long: cut");
            cut(self.worker.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::{
        discovery::{Endpoint, Source},
        pool::{Condition, Lease, Settings},
    };

    const MINUTE: Duration = Duration::from_secs(60);

    fn view(names: &[&str], before: Option<&View>) -> Arc<View> {
        let endpoint = |name: &&str| Endpoint::new(*name, "127.0.0.1:1".parse().unwrap());
        let endpoints: Arc<[_]> = names.iter().map(endpoint).collect();
        let settings = Settings::new("sync", [], Source::Static(endpoints.clone()));
        Arc::new(View::new(Arc::new(settings), &endpoints.into(), before))
    }

    struct Case {
        drain: Drain,
        leaving: Arc<Leaving>,
        now: Instant,
        cut: RefCell<Vec<WorkerId>>,
    }

    impl Case {
        fn new() -> Self {
            let leaving = Arc::<Leaving>::default();
            Self {
                drain: Drain::new(leaving.clone()),
                leaving,
                now: Instant::now(),
                cut: RefCell::default(),
            }
        }

        fn after(&mut self, seconds: u64, view: &Arc<View>) {
            self.now += Duration::from_secs(seconds);
            let cut = |id| self.cut.borrow_mut().push(id);
            self.drain
                .step(std::slice::from_ref(view), MINUTE, self.now, &cut);
        }
    }

    #[test]
    fn a_worker_that_left_ends_by_itself_or_is_cut_once() {
        let mut case = Case::new();
        let both = view(&["one", "two"], None);
        let (quick, slow) = (both.workers[0].clone(), both.workers[1].clone());
        let lease = [Lease::new(quick.clone()), Lease::new(slow.clone())];
        case.after(0, &both);
        let none = view(&["three"], Some(&both));
        case.after(1, &none);
        assert_eq!(case.leaving.load().len(), 2);
        assert_eq!(quick.condition(), Condition::Draining);
        let [quick_lease, slow_lease] = lease;
        drop(quick_lease);
        case.after(59, &none);
        assert_eq!(case.leaving.load()[0], slow);
        assert!(case.cut.borrow().is_empty(), "its time is not over");
        case.after(1, &none);
        case.after(60, &none);
        assert_eq!(case.cut.borrow()[..], [slow.id]);
        drop(slow_lease);
        case.after(1, &none);
        assert!(case.leaving.load().is_empty());
    }

    #[test]
    fn a_mark_is_kept_undone_and_set_again() {
        let mut case = Case::new();
        let here = view(&["one"], None);
        let worker = here.workers[0].clone();
        let _lease = Lease::new(worker.clone());
        worker.drain(true);
        case.after(0, &here);
        case.after(59, &here);
        worker.drain(false);
        case.after(59, &here);
        assert_eq!(worker.condition(), Condition::Serving);
        worker.drain(true);
        case.after(0, &here);
        case.after(59, &here);
        assert!(case.cut.borrow().is_empty(), "the time begins anew");
        case.after(1, &here);
        assert_eq!(case.cut.borrow()[..], [worker.id]);
        assert!(case.leaving.load().is_empty(), "it is still in its pool");
    }
}
