//! The whole endpoint table as one configuration sees it.

use std::fmt;

use serde::Serialize;

use crate::{
    matrix::{Row, When, rows},
    route::State,
};

/// A row of the table, and where its requests go.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overview {
    /// The row's name.
    pub row: &'static str,
    /// The class of endpoint.
    pub group: &'static str,
    /// Its methods; `*` for all.
    pub methods: Vec<&'static str>,
    /// The raw path: `V1` is `(api/v1|r0|v3|unstable)`, `V2` is `(r0|v3|unstable)`.
    pub pattern: &'static str,
    /// What the query must say; none for anything.
    pub when: Option<&'static str>,
    /// The pools in the order in which they are asked; none when nobody is.
    pub pools: Vec<String>,
    /// The kind of key.
    pub key: &'static str,
}

/// Every row that holds for the Synapse of `state`, in the table's order; where a path fits several, the one that says
/// most about it takes the request, and of those the first.
pub fn overview(state: &State) -> impl Iterator<Item = Overview> {
    rows(state.synapse.release()).map(|row| Overview::new(state, row))
}

impl Overview {
    fn new(state: &State, row: &'static Row) -> Self {
        let pools = state.chains.of(row.group, row.reach).iter();
        Self {
            row: row.id,
            group: row.group.name(),
            methods: row.methods.names(),
            pattern: row.pattern,
            when: match row.when {
                When::Always => None,
                When::NoSince => Some("no since, or full_state=true"),
                When::NoFrom => Some("no from"),
                When::NoPos => Some("no pos"),
                When::InBody => Some("pos in the body, else a first poll"),
            },
            pools: pools
                .map(|pool| state.pools[pool.get()].settings.name.to_string())
                .collect(),
            key: row.key.name(),
        }
    }
}

/// One line, the pattern last.
impl fmt::Display for Overview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (methods, pools) = (self.methods.join(","), self.pools.join(" > "));
        let pools = if pools.is_empty() { "-" } else { &pools };
        write!(
            f,
            "{:<4} {:<26} {methods:<15} {:<7} {pools:<32} {}",
            self.row, self.group, self.key, self.pattern
        )?;
        match self.when {
            Some(when) => write!(f, " with {when}"),
            None => Ok(()),
        }
    }
}
