//! The objects of one watch, kept until the next whole list has come.

use std::collections::BTreeMap;

use kube::{ResourceExt, runtime::watcher::Event};

/// Objects by name.
#[derive(Debug)]
pub(super) struct Store<K> {
    objects: BTreeMap<String, K>,
    is_whole: bool,
}

impl<K> Default for Store<K> {
    fn default() -> Self {
        Self {
            objects: BTreeMap::new(),
            is_whole: false,
        }
    }
}

impl<K: ResourceExt> Store<K> {
    /// Takes in what the watch says.
    pub(super) fn take(&mut self, event: Event<K>) {
        match event {
            Event::Init => *self = Self::default(),
            Event::InitApply(object) | Event::Apply(object) => {
                self.objects.insert(object.name_any(), object);
            }
            Event::Delete(object) => {
                self.objects.remove(&object.name_any());
            }
            Event::InitDone => self.is_whole = true,
        }
    }

    /// All objects; none while the list is coming.
    pub(super) fn whole(&self) -> Option<impl Iterator<Item = &K> + Clone> {
        self.is_whole.then(|| self.objects.values())
    }
}
