//! Pools from the labels of Services, checked as the file is; a fault costs its own Service only.

mod said;

use std::{collections::HashMap, sync::Arc};

use said::Said;

use super::check;
use crate::{
    discovery::{
        Source,
        kubernetes::{self, Cluster, Labelled, ServiceName},
    },
    pool,
};

/// More pools by labels are a mistake, or somebody's ill will.
const MOST: usize = 256;

/// Makes pools of Services; what a Service said soundly stays while it says something faulty.
#[derive(Debug, Default)]
pub struct Composer {
    sound: HashMap<ServiceName, Said>,
}

/// The pools of the file with those of the labels.
#[derive(Debug, Default, PartialEq)]
pub struct Composed {
    /// All pools, `main` first.
    pub pools: Vec<pool::Settings>,
    /// What is wrong with which Service.
    pub faults: Vec<LabelFault>,
}

/// A fault of a Service's labels.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelFault {
    /// Which Service.
    pub about: Labelled,
    /// What is wrong, and the way out.
    pub why: String,
}

/// A pool on the way, and its Services.
struct Draft {
    said: Said,
    eldest: ServiceName,
    services: Vec<kubernetes::Settings>,
}

impl Composer {
    /// The pools that the file names with those that these Services make, the elder ones first.
    pub fn compose(
        &mut self,
        named: &[pool::Settings],
        services: &[&Labelled],
        cluster: &Arc<Cluster>,
    ) -> Composed {
        let mut faults = Vec::new();
        let mut drafts: Vec<Draft> = Vec::new();
        let mut sound = HashMap::new();
        for about in services {
            let mut tell = |why| {
                faults.push(LabelFault {
                    about: (*about).clone(),
                    why,
                })
            };
            let said = said::read(about, cluster).map_or_else(
                |why| {
                    tell(why);
                    self.sound.remove(&about.service)
                },
                Some,
            );
            let Some(said) = said else { continue };
            sound.insert(about.service.clone(), said.clone());
            if let Err(why) = join(named, &mut drafts, &about.service, said) {
                tell(why);
            }
        }
        self.sound = sound;
        let mut pools = named.to_vec();
        pools.extend(drafts.into_iter().map(Draft::into_pool));
        pools.sort_by_key(|pool| &*pool.name != "main");
        Composed { pools, faults }
    }
}

/// Adds what a Service says to the pools on the way, unless it would harm one that is there.
fn join(
    named: &[pool::Settings],
    drafts: &mut Vec<Draft>,
    service: &ServiceName,
    said: Said,
) -> Result<(), String> {
    let name = &said.pool;
    if named.iter().any(|pool| pool.name == *name) {
        return Err(format!(
            "the configuration has a pool `{name}` too, and it wins; rename one of the two, or remove it there"
        ));
    }
    let one_process = said
        .serves
        .iter()
        .find(|group| check::is_one_process(**group));
    if let Some(draft) = drafts.iter_mut().find(|draft| draft.said.pool == *name) {
        return match one_process {
            Some(group) => Err(format!(
                "`{}` lives in one process, and the Service {} is there for it; keep one",
                group.name(),
                draft.eldest
            )),
            None => draft.join(service, said),
        };
    }
    let mut others = named.iter().map(|pool| (&pool.name, &pool.serves)).chain(
        drafts
            .iter()
            .map(|draft| (&draft.said.pool, &draft.said.serves)),
    );
    let taken = one_process.and_then(|group| {
        let (other, _) = others.find(|(_, serves)| serves.contains(group))?;
        Some(format!(
            "`{}` lives in one process, and the pool `{other}` serves it; keep one",
            group.name()
        ))
    });
    match taken {
        Some(why) => Err(why),
        None if drafts.len() >= MOST => Err(format!(
            "there are {MOST} pools by labels already; more are a mistake"
        )),
        None => {
            drafts.push(Draft {
                eldest: service.clone(),
                services: vec![said.source.clone()],
                said,
            });
            Ok(())
        }
    }
}

impl Draft {
    /// A second Service of a pool says the same as the first, from the same namespace: in another one there may be
    /// another homeserver.
    fn join(&mut self, service: &ServiceName, said: Said) -> Result<(), String> {
        let (pool, eldest) = (&said.pool, &self.eldest);
        if service.namespace != eldest.namespace {
            return Err(format!(
                "the pool `{pool}` is that of the Service {eldest}, in another namespace; rename one of the two"
            ));
        }
        if let Some(key) = said.differs(&self.said) {
            return Err(format!(
                "the Service {eldest} says another `thalamus/{key}` for the pool `{pool}`; say the same, or rename one"
            ));
        }
        self.services.push(said.source);
        Ok(())
    }

    fn into_pool(mut self) -> pool::Settings {
        let source = match self.services.len() {
            1 => Source::Kubernetes(self.services.remove(0)),
            _ => Source::Services(self.services.into()),
        };
        let pool = pool::Settings::new(&self.said.pool, self.said.serves, source);
        let pool = match self.said.generic {
            true => pool.generic(),
            false => pool,
        };
        pool::Settings {
            cap: self.said.cap.unwrap_or(pool.cap),
            ..pool
        }
    }
}

#[cfg(test)]
mod tests;
