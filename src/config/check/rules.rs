//! The admin's own rules.

use std::{str::FromStr, sync::Arc};

use ipnet::IpNet;

use super::{listeners, pools::Pools};
use crate::{
    config::{
        Fault,
        fault::suggest,
        node::{Node, Table},
    },
    matrix::{Group, KeyKind, Localpart, Method, UserHash},
    pool,
    route::{Action, Match, PoolId, Regex, Reply, Rule, Rules, Share},
    telemetry::Reason,
};

const ACTIONS: &str =
    "`pool: NAME`, `refuse: {}`, `maintenance: {}` or `canary: {pool: NAME, percent: 5}`";

/// All `rules`, which may send to these pools.
pub(super) fn read(top: &mut Table, pools: &Pools, faults: &mut Vec<Fault>) -> Rules {
    let nodes = top.take("rules").and_then(|node| node.list(faults));
    let mut rules: Vec<Rule> = Vec::new();
    for node in nodes.unwrap_or_default() {
        let twice = node.fault("");
        let Some(rule) = rule(node, pools, faults) else {
            continue;
        };
        if rules.iter().any(|other| other.name == rule.name) {
            let message = format!(
                "a second rule named `{}`; give each its own name",
                rule.name
            );
            faults.push(Fault { message, ..twice });
        }
        rules.push(rule);
    }
    rules.into_iter().collect()
}

/// A pool without a group is there for rules; without those, for nothing.
pub(super) fn refuse_idle(pools: &[pool::Settings], rules: &Rules, faults: &mut Vec<Fault>) {
    for pool in pools {
        let path = format!("pools.{}.serves", pool.name);
        let id = Some(PoolId::new(&pool.name));
        let is_used = &*pool.name == "main"
            || pool.generic
            || !pool.serves.is_empty()
            || rules.iter().any(|rule| rule.pool() == id);
        if !is_used && !faults.iter().any(|fault| fault.path.starts_with(&path)) {
            let message =
                "no group, and no rule sends here; name a group such as `sync`, or remove the pool";
            faults.push(Fault::new(path, message));
        }
    }
}

fn rule(node: Node, pools: &Pools, faults: &mut Vec<Fault>) -> Option<Rule> {
    let mut table = node.table(faults)?;
    let name = table.take("name").and_then(|node| node.parse(name, faults));
    let when = matching(&mut table, faults);
    let key = table.take("key");
    let key_fault = key
        .as_ref()
        .map(|node| node.fault("only a rule that sends to a pool has a key; remove it"));
    let key = key.and_then(|node| node.parse(key_kind, faults));
    let action = action(&mut table, pools, faults);
    let name = name.unwrap_or_else(|| table.path.as_str().into());
    table.finish(faults);
    let action = action?;
    if matches!(action, Action::Reply(_)) {
        faults.extend(key_fault);
    }
    Some(Rule {
        name,
        when,
        action,
        key,
    })
}

fn matching(table: &mut Table, faults: &mut Vec<Fault>) -> Match {
    let path = table.take("path");
    Match {
        path: path.and_then(|node| node.parse(Regex::new, faults)),
        methods: several(table, "method", method, faults),
        groups: several(table, "group", group, faults),
        rooms: several(table, "room", room, faults),
        users: several(table, "user", user, faults),
        servers: several(table, "server", server, faults),
        clients: several(table, "client", network, faults),
        headers: headers(table.take("header"), faults),
    }
}

/// One value, or a list of them.
fn several<T, E: std::fmt::Display>(
    table: &mut Table,
    key: &'static str,
    read: impl Fn(&str) -> Result<T, E>,
    faults: &mut Vec<Fault>,
) -> Vec<T> {
    let Some(node) = table.take(key) else {
        return Vec::new();
    };
    let none = node.fault("an empty list fits no request; name one, or remove the key");
    let nodes = node.items();
    if nodes.is_empty() {
        faults.push(none);
    }
    let values = nodes
        .into_iter()
        .filter_map(|node| node.parse(&read, faults));
    values.collect()
}

fn headers(node: Option<Node>, faults: &mut Vec<Fault>) -> Vec<(Box<str>, Regex)> {
    let table = node.and_then(|node| node.table(faults));
    let entries = table.map(Table::into_entries).unwrap_or_default();
    let mut headers = Vec::new();
    for (name, node) in entries {
        if let Err(message) = header_name(&name) {
            faults.push(node.fault(message));
        }
        if let Some(value) = node.parse(Regex::new, faults) {
            headers.push((name.into(), value));
        }
    }
    headers
}

fn action(table: &mut Table, pools: &Pools, faults: &mut Vec<Fault>) -> Option<Action> {
    let before = faults.len();
    let actions = [
        table
            .take("pool")
            .and_then(|node| pool_named(node, pools, faults))
            .map(Action::Pool),
        table
            .take("refuse")
            .and_then(|node| refuse(node, faults))
            .map(|reply| Action::Reply(Arc::new(reply))),
        table
            .take("maintenance")
            .and_then(|node| maintenance(node, faults))
            .map(|reply| Action::Reply(Arc::new(reply))),
        table
            .take("canary")
            .and_then(|node| canary(node, pools, faults)),
    ];
    let mut actions = actions.into_iter().flatten();
    match (actions.next(), actions.next()) {
        (Some(action), None) => return Some(action),
        (Some(_), Some(_)) => faults.push(Fault::new(
            &table.path,
            format!("does two things; keep one of {ACTIONS}"),
        )),
        (None, _) if faults.len() == before => faults.push(Fault::new(
            &table.path,
            format!("does nothing; add {ACTIONS}"),
        )),
        (None, _) => {}
    }
    None
}

fn pool_named(node: Node, pools: &Pools, faults: &mut Vec<Fault>) -> Option<PoolId> {
    let names: Vec<&str> = pools.named.iter().map(|pool| &*pool.name).collect();
    let known = |text: &str| match pools.may_have(text) {
        true => Ok(PoolId::new(text)),
        false => Err(format!("no such pool; {}", suggest(text, &names))),
    };
    node.parse(known, faults)
}

fn canary(node: Node, pools: &Pools, faults: &mut Vec<Fault>) -> Option<Action> {
    let mut table = node.table(faults)?;
    let pool = table.require("pool", "name the pool to try", faults);
    let pool = pool.and_then(|node| pool_named(node, pools, faults));
    let percent = table.require("percent", "such as 5", faults);
    let share = percent.and_then(|node| share(node, faults));
    table.finish(faults);
    Some(Action::Canary(pool?, share?))
}

fn share(node: Node, faults: &mut Vec<Fault>) -> Option<Share> {
    let fault = node.fault("expected a share above 0, at most 100");
    let share = Share::new(node.number(faults)?);
    if share.is_none() {
        faults.push(fault);
    }
    share
}

fn refuse(node: Node, faults: &mut Vec<Fault>) -> Option<Reply> {
    let mut table = node.table(faults)?;
    let status = table.take("status").and_then(|node| status(node, faults));
    let errcode = table
        .take("errcode")
        .and_then(|node| node.parse(errcode, faults));
    let message = table.take("message").and_then(|node| node.text(faults));
    table.finish(faults);
    Some(Reply {
        reason: Reason::Refused,
        status: status.unwrap_or(403),
        errcode: errcode.unwrap_or_else(|| "M_FORBIDDEN".into()),
        message: message.map_or_else(|| "This is not allowed here".into(), Into::into),
        retry_after: None,
    })
}

fn maintenance(node: Node, faults: &mut Vec<Fault>) -> Option<Reply> {
    let mut table = node.table(faults)?;
    let retry_after = super::duration(&mut table, "retry_after", faults);
    let message = table.take("message").and_then(|node| node.text(faults));
    let path = format!("{}.retry_after", table.path);
    table.finish(faults);
    let seconds = retry_after.map_or(60, |time| time.as_secs());
    let Some(seconds) = u32::try_from(seconds).ok().filter(|seconds| *seconds > 0) else {
        faults.push(Fault::new(
            path,
            "expected at least 1s, and less than a century",
        ));
        return None;
    };
    Some(Reply {
        reason: Reason::Maintenance,
        status: 503,
        errcode: "M_UNKNOWN".into(),
        message: message.map_or_else(|| "This server is under maintenance".into(), Into::into),
        retry_after: Some(seconds),
    })
}

fn status(node: Node, faults: &mut Vec<Fault>) -> Option<u16> {
    let fault = node.fault("expected a status from 400 to 599");
    let status = u16::try_from(node.whole(faults)?).ok();
    let status = status.filter(|status| (400..600).contains(status));
    if status.is_none() {
        faults.push(fault);
    }
    status
}

/// Names stand in explanations and faults.
fn name(text: &str) -> Result<Box<str>, &'static str> {
    match !text.is_empty() && text.len() <= 63 && !text.contains(char::is_control) {
        true => Ok(text.into()),
        false => Err("a rule's name has 1 to 63 characters"),
    }
}

fn key_kind(text: &str) -> Result<KeyKind, String> {
    let names = KeyKind::ALL.map(KeyKind::name);
    let known = KeyKind::ALL.into_iter().find(|kind| kind.name() == text);
    known.ok_or_else(|| format!("no such key; {}", suggest(text, &names)))
}

fn method(text: &str) -> Result<Method, &'static str> {
    match Method::from(text) {
        Method::Other => Err("expected GET, HEAD, POST, PUT, DELETE, PATCH or OPTIONS"),
        method => Ok(method),
    }
}

fn group(text: &str) -> Result<Group, String> {
    let names = Group::ALL.map(Group::name);
    match Group::from_str(text) {
        Ok(Group::Refused) => Err("these requests are refused before any rule".into()),
        Ok(group) => Ok(group),
        Err(_) => Err(format!("no such group; {}", suggest(text, &names))),
    }
}

fn room(text: &str) -> Result<Box<str>, &'static str> {
    match text.starts_with(['!', '#']) && text.len() > 1 {
        true => Ok(text.into()),
        false => {
            Err("a room is an id such as !abc:example.org, or an alias such as #a:example.org")
        }
    }
}

/// A token tells the localpart only, so that is what counts of a full user id.
fn user(text: &str) -> Result<UserHash, &'static str> {
    let local = text.strip_prefix('@').unwrap_or(text);
    let local = local.split(':').next().unwrap_or_default();
    Localpart::new(local.as_bytes())
        .map(|user| UserHash::from(&user))
        .ok_or("a user is @alice:example.org or alice, of at most 255 bytes")
}

fn server(text: &str) -> Result<Box<str>, &'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".:-[]".contains(&byte);
    match !text.is_empty() && text.bytes().all(allowed) {
        true => Ok(text.to_ascii_lowercase().into()),
        false => Err("a server is a name such as example.org or example.org:8448"),
    }
}

fn network(text: &str) -> Result<IpNet, &'static str> {
    listeners::network(text)
}

fn errcode(text: &str) -> Result<Box<str>, &'static str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.".contains(&byte);
    match !text.is_empty() && text.len() <= 255 && text.bytes().all(plain) {
        true => Ok(text.into()),
        false => Err("an errcode is a word such as M_FORBIDDEN or ORG_EXAMPLE_NO"),
    }
}

/// A secret in the configuration would be printed with it.
fn header_name(name: &str) -> Result<(), &'static str> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_secret = ["authorization", "cookie", "proxy-authorization"]
        .iter()
        .any(|secret| name.eq_ignore_ascii_case(secret));
    match name.bytes().all(token) {
        _ if is_secret => Err("this field holds a secret; match the `user` or `server` instead"),
        true if !name.is_empty() => Ok(()),
        _ => Err("this is no name of a header field"),
    }
}
