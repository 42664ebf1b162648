//! The admin's own rules: the first that fits decides, before the endpoint table.

mod matching;
mod regex;
mod share;

use std::sync::Arc;

pub use self::regex::{BadRegex, Regex};
pub use matching::{Match, Seen};
pub use share::Share;

use super::{Chains, PoolId};
use crate::{
    matrix::{KeyKind, Reach},
    telemetry::Reason,
};

/// All rules, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    all: Arc<[Rule]>,
    ask_who: bool,
}

/// What to do with the requests that fit.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The admin's name for it, else its place: `rules[2]`.
    pub name: Box<str>,
    /// Which requests.
    pub when: Match,
    /// What is done with them.
    pub action: Action,
    /// What they are placed by, instead of the table's key.
    pub key: Option<KeyKind>,
}

/// What a rule does.
#[derive(Clone, Debug)]
pub enum Action {
    /// Asks this pool first; a request that its workers cannot answer is left to the rules below.
    Pool(PoolId),
    /// As `Pool`, for a share of the callers.
    Canary(PoolId, Share),
    /// Answers without a worker.
    Reply(Arc<Reply>),
}

/// What a rule answers in the workers' place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// `REFUSED` or `MAINTENANCE`.
    pub reason: Reason,
    /// The status, 400 to 599.
    pub status: u16,
    /// Matrix's code for the error.
    pub errcode: Box<str>,
    /// What the user reads.
    pub message: Box<str>,
    /// Seconds after which a new try helps.
    pub retry_after: Option<u32>,
}

impl Rules {
    /// The first rule that decides about a request.
    pub(super) fn find(&self, seen: &Seen<'_, '_, '_>, chains: &Chains) -> Option<&Rule> {
        // What is never passed on stays where it is, whatever a rule says.
        if seen.call.reach == Reach::Nobody {
            return None;
        }
        self.all
            .iter()
            .find(|rule| rule.when.takes(seen) && rule.applies(seen, chains))
    }

    /// The first rule that answers a request itself.
    pub(super) fn find_reply(&self, seen: &Seen<'_, '_, '_>) -> Option<&Rule> {
        let mut all = self.all.iter();
        all.find(|rule| rule.reply().is_some() && rule.when.takes(seen))
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// True when one looks at who the caller is.
    pub fn ask_who(&self) -> bool {
        self.ask_who
    }

    /// Each rule, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.all.iter()
    }
}

impl FromIterator<Rule> for Rules {
    fn from_iter<I: IntoIterator<Item = Rule>>(rules: I) -> Self {
        let all: Arc<[Rule]> = rules.into_iter().collect();
        let asks =
            |rule: &Rule| !rule.when.users.is_empty() || matches!(rule.action, Action::Canary(..));
        Self {
            ask_who: all.iter().any(asks),
            all,
        }
    }
}

impl Rule {
    /// The pool it sends to.
    pub fn pool(&self) -> Option<PoolId> {
        match self.action {
            Action::Pool(pool) | Action::Canary(pool, _) => Some(pool),
            Action::Reply(_) => None,
        }
    }

    /// What it answers itself.
    pub fn reply(&self) -> Option<&Arc<Reply>> {
        match &self.action {
            Action::Reply(reply) => Some(reply),
            Action::Pool(_) | Action::Canary(..) => None,
        }
    }

    fn applies(&self, seen: &Seen<'_, '_, '_>, chains: &Chains) -> bool {
        match &self.action {
            Action::Reply(_) => true,
            Action::Pool(pool) => self.may_send(*pool, seen, chains),
            Action::Canary(pool, share) => {
                share.contains(seen.caller) && self.may_send(*pool, seen, chains)
            }
        }
    }

    /// True when the pool's workers can answer, as far as we know, or the admin says so: by naming the group, or the
    /// path of something that the table knows nothing of.
    fn may_send(&self, pool: PoolId, seen: &Seen<'_, '_, '_>, chains: &Chains) -> bool {
        let call = seen.call;
        let named = self.when.groups.contains(&call.group)
            || (call.reach == Reach::Main && self.when.path.is_some());
        named
            || chains
                .find(pool)
                .is_some_and(|pool| chains.can_answer(pool, call.group, call.reach))
    }
}
