//! Which groups a pool serves.

use crate::{
    config::{
        Fault,
        fault::suggest,
        node::{Node, Table},
    },
    matrix::{Group, Groups},
    pool,
};

/// The word that stands for every group that any client worker can serve.
const GENERIC: &str = "generic";

/// `serves`: the groups named, and whether `generic` was.
pub(super) fn read(
    table: &mut Table,
    is_main: bool,
    faults: &mut Vec<Fault>,
) -> (Vec<Group>, bool) {
    let node = match is_main {
        true => table.take("serves"),
        false => table.require(
            "serves",
            "name the groups, such as `serves: [sync]`, or `[generic]`",
            faults,
        ),
    };
    let Some(node) = node else {
        return Default::default();
    };
    let nodes = node.list(faults).unwrap_or_default();
    named(nodes, is_main, faults)
}

/// A group that lives in one process must have one pool, or half of its requests would go wrong.
pub(super) fn refuse_second_writers(pools: &[pool::Settings], faults: &mut Vec<Fault>) {
    for (index, pool) in pools.iter().enumerate() {
        for group in pool.serves.iter().filter(|group| is_one_process(**group)) {
            if let Some(first) = pools[..index]
                .iter()
                .find(|other| other.serves.contains(group))
            {
                let (group, first) = (group.name(), &first.name);
                let message = format!(
                    "`{group}` lives in one process, and the pool `{first}` serves it; keep one"
                );
                faults.push(Fault::new(format!("pools.{}.serves", pool.name), message));
            }
        }
    }
}

/// True for what Synapse lets one process write (`stream_writers` with one name) or keeps in one process's memory.
pub(in crate::config) fn is_one_process(group: Group) -> bool {
    use Group::*;
    matches!(
        group,
        Typing | ToDevice | AccountData | Presence | PushRules | Sso | Rendezvous
    )
}

/// The groups of a listener's `serves`; all when it has none.
pub(super) fn of_listener(table: &mut Table, faults: &mut Vec<Fault>) -> Groups {
    let Some(node) = table.take("serves") else {
        return Groups::ALL;
    };
    let empty = node.fault("no group; name one, such as `federation_inbound`, or leave it out");
    let nodes = node.list(faults).unwrap_or_default();
    if nodes.is_empty() {
        faults.push(empty);
    }
    let named = nodes
        .into_iter()
        .filter_map(|node| node.parse(group, faults));
    named.collect()
}

/// Any group but the one whose requests are refused.
pub(super) fn group(text: &str) -> Result<Group, String> {
    match text.parse() {
        Ok(Group::Refused) => Err("these requests are always refused".into()),
        Ok(group) => Ok(group),
        Err(_) => Err(format!("no such group; {}", suggest(text, &words()))),
    }
}

fn named(nodes: Vec<Node>, is_main: bool, faults: &mut Vec<Fault>) -> (Vec<Group>, bool) {
    let (mut groups, mut generic) = (Vec::new(), false);
    for node in nodes {
        let twice = node.fault("named twice; remove one");
        match node.parse(|text| word(text, is_main), faults) {
            Some(None) => generic = true,
            Some(Some(group)) if groups.contains(&group) => faults.push(twice),
            Some(Some(group)) => groups.push(group),
            None => {}
        }
    }
    (groups, generic)
}

/// A list in one text, its words between commas or spaces.
pub(in crate::config) fn words_of(text: &str, is_main: bool) -> Result<(Vec<Group>, bool), String> {
    let (mut groups, mut generic) = (Vec::new(), false);
    let words = text.split([',', ' ', '\n']).filter(|word| !word.is_empty());
    for one in words {
        match word(one, is_main).map_err(|why| format!("`{one}`: {why}"))? {
            None => generic = true,
            Some(group) if groups.contains(&group) => {}
            Some(group) => groups.push(group),
        }
    }
    match groups.is_empty() && !generic && !is_main {
        true => Err("no group; name one, such as sync".into()),
        false => Ok((groups, generic)),
    }
}

/// One word of `serves`; none for `generic`.
fn word(text: &str, is_main: bool) -> Result<Option<Group>, String> {
    match text.parse() {
        Ok(Group::Refused) => Err("no pool serves this group: these requests are refused".into()),
        Ok(Group::Mount) => Err("what is mounted has its own workers; see `mounts`".into()),
        Ok(Group::Main) if !is_main => Err("only the pool `main` serves this group".into()),
        Ok(group) => Ok(Some(group)),
        Err(_) if text == GENERIC => Ok(None),
        Err(_) => Err(format!("no such group; {}", suggest(text, &words()))),
    }
}

fn words() -> Vec<&'static str> {
    let groups = Group::ALL.iter().map(|group| group.name());
    groups
        .filter(|name| *name != "refused")
        .chain([GENERIC])
        .collect()
}
