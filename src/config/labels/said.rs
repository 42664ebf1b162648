//! What one Service says in its label and annotations.

use std::{num::NonZeroU32, sync::Arc};

use crate::{
    config::{check, fault::suggest},
    discovery::kubernetes::{self, Cluster, Labelled, Naming},
    matrix::Group,
};

/// What may follow `thalamus/` in an annotation.
const KEYS: [&str; 4] = ["serves", "port", "cap", "weight"];

/// What one Service says, in our words.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Said {
    pub(super) pool: Box<str>,
    pub(super) serves: Vec<Group>,
    pub(super) generic: bool,
    pub(super) cap: Option<NonZeroU32>,
    pub(super) source: kubernetes::Settings,
}

impl Said {
    /// What all Services of a pool say alike, and these two do not.
    pub(super) fn differs(&self, other: &Self) -> Option<&'static str> {
        if (&self.serves, self.generic) != (&other.serves, other.generic) {
            return Some("serves");
        }
        (self.cap != other.cap).then_some("cap")
    }
}

/// What a Service says, or everything that is wrong with it.
pub(super) fn read(about: &Labelled, cluster: &Arc<Cluster>) -> Result<Said, String> {
    let mut wrong = Wrong::default();
    if let Err(why) = check::check_name(&about.pool) {
        wrong.note("pool", format!("`{}`: {why}", about.pool));
    }
    for key in about.says.keys().filter(|key| !KEYS.contains(&&***key)) {
        wrong.note(key, format!("unknown; {}", suggest(key, &KEYS)));
    }
    let (serves, generic) = wrong.serves(about);
    let said = Said {
        pool: about.pool.clone(),
        serves,
        generic,
        source: kubernetes::Settings {
            service: about.service.name.clone(),
            namespace: Some(about.service.namespace.clone()),
            port: wrong.value(about, "port", check::port_of),
            naming: Naming::Pod,
            weight: wrong.value(about, "weight", weight).unwrap_or(1.0),
            cluster: cluster.clone(),
        },
        cap: wrong.value(about, "cap", check::cap_of),
    };
    match wrong.0.is_empty() {
        true => Ok(said),
        false => Err(wrong.0.join("; ")),
    }
}

/// All that is wrong with a Service.
#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn note(&mut self, key: &str, why: String) {
        self.0.push(format!("thalamus/{key}: {why}"));
    }

    /// The groups, the pool's name being one by itself; true for `generic`.
    fn serves(&mut self, about: &Labelled) -> (Vec<Group>, bool) {
        let is_main = &*about.pool == "main";
        let default = if is_main { "" } else { &*about.pool };
        let text = about.says.get("serves").map_or(default, |text| text.trim());
        check::words_of(text, is_main).unwrap_or_else(|why| {
            self.note("serves", why);
            Default::default()
        })
    }

    /// What an annotation says, if it is there and sound.
    fn value<T, E: std::fmt::Display>(
        &mut self,
        about: &Labelled,
        key: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = about.says.get(key)?.trim();
        read(text)
            .map_err(|why| self.note(key, format!("`{text}`: {why}")))
            .ok()
    }
}

fn weight(text: &str) -> Result<f64, &'static str> {
    let weight = text.parse().ok();
    weight
        .filter(|weight| *weight > 0.0 && *weight <= 1000.0)
        .ok_or("expected a weight above 0, at most 1000; 1 is usual")
}
