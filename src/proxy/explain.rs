//! The Plan of one request in words, from the same functions that serve it.

use std::{fmt, net::IpAddr, sync::Arc};

use serde::Serialize;

use super::{Decision, Door, Own, Peer, decide};
use crate::{
    http1::{Request, RequestFault},
    matrix::{Group, Key, Reach},
    pool::{Choice, Worker},
    route::{Action, Rule, State},
    telemetry::Reason,
};

/// A request that somebody asks about.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// The request target: path and query, as a client would send it.
    pub target: String,
    /// Header fields.
    pub headers: Vec<(String, String)>,
    /// The client's address.
    pub client: IpAddr,
}

/// What would be done with a request, and why. Holds no token.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The class of endpoint.
    pub group: &'static str,
    /// The row of the endpoint table that decided, with its pattern.
    pub row: String,
    /// The admin's rule that decided instead of the row.
    pub rule: Option<String>,
    /// The pool asked first; none when the request is refused.
    pub pool: Option<String>,
    /// The worker that gets it now; none when no worker takes requests.
    pub worker: Option<String>,
    /// The pools asked after the first.
    pub fallback: Vec<String>,
    /// The kind of key.
    pub key: &'static str,
    /// The key, where there is one; never a token.
    pub key_value: Option<String>,
    /// Who seems to ask; never a token.
    pub caller: String,
    /// The workers of the first pool in the order in which they are tried; empty where the least busy is taken.
    pub candidates: Vec<String>,
    /// The release of Synapse that the table was read for, and how we know it.
    pub synapse: String,
    /// The code of the outcome, as far as it is known before anything is sent.
    pub reason: &'static str,
    /// All of it in one sentence.
    pub why: String,
}

impl Asked {
    /// Reads a header field as one writes it: `Name: value`.
    ///
    /// # Errors
    /// With the way out, when it is none.
    pub fn header(text: &str) -> Result<(String, String), String> {
        let field = text
            .split_once(':')
            .map(|(name, value)| (name.trim(), value.trim()));
        match field {
            Some((name, value)) if !name.is_empty() && !text.contains(char::is_control) => {
                Ok((name.into(), value.into()))
            }
            _ => Err("a header is written `Name: value`, on one line".into()),
        }
    }
}

/// Explains what happens to a request at the first of `doors` that lets it in.
///
/// # Errors
/// When the request's head would be refused, with what is wrong with it.
pub fn explain(
    state: &State,
    doors: &[Arc<Door>],
    asked: &Asked,
) -> Result<Explanation, RequestFault> {
    let host = doors.iter().find_map(|door| door.hosts.first());
    let head = head(asked, host.map_or("explain", |host| host));
    Request::read(head.as_bytes(), |request| {
        let at = |door: &Arc<Door>| decide(state, &request, &Peer::direct(asked.client, door));
        let refused = |decision: &Decision<'_, '_>| {
            matches!(decision.own, Some(Own::Refused(_) | Own::UnknownHost))
        };
        let mut decisions = doors.iter().map(at);
        let first = decisions.next();
        let decision = match first {
            Some(first) if refused(&first) => {
                decisions.find(|other| !refused(other)).unwrap_or(first)
            }
            Some(first) => first,
            None => at(&Arc::new(Door::open())),
        };
        explanation(state, &decision)
    })
}

/// The head as a client would send it; this `host` is added where one is missing.
fn head(asked: &Asked, host: &str) -> String {
    let mut head = format!("{} {} HTTP/1.1\r\n", asked.method, asked.target);
    let has_host = asked
        .headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("host"));
    if !has_host {
        head.push_str(&format!("host: {host}\r\n"));
    }
    for (name, value) in &asked.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head + "\r\n"
}

fn explanation(state: &State, decision: &Decision<'_, '_>) -> Explanation {
    let plan = &decision.plan;
    let key = Key::of(plan.key, &decision.call, &decision.caller, decision.client);
    let asked = decision.own.is_none();
    let pools: Vec<String> = state
        .chain(plan)
        .filter(|_| asked)
        .map(|pool| pool.settings.name.to_string())
        .collect();
    let worker = state
        .lease_anyway(plan)
        .filter(|_| asked)
        .map(|lease| lease.name.to_string());
    let key_value = key.hash().map(|_| key.to_string());
    let mut explanation = Explanation {
        group: plan.group.name(),
        row: row(decision),
        rule: decision.rule.map(|rule| rule.name.to_string()),
        pool: pools.first().cloned(),
        fallback: pools.iter().skip(1).cloned().collect(),
        key: plan.key.name(),
        key_value,
        caller: decision.caller.to_string(),
        candidates: if asked {
            candidates(state, decision)
        } else {
            Vec::new()
        },
        synapse: state.synapse.to_string(),
        reason: match (refusal(decision), &worker) {
            (Some(reason), _) => reason.code(),
            (None, None) if asked => Reason::NoWorker.code(),
            _ => Reason::Ok.code(),
        },
        worker,
        why: String::new(),
    };
    explanation.why = explanation.sentence(decision);
    explanation
}

/// What decided: a row of the table, or the place of another service.
fn row(decision: &Decision<'_, '_>) -> String {
    let row = decision.call.row;
    match decision.place {
        Some(place) => format!("{} {} {place}", row.id, place.mount.name),
        None => format!("{} {}", row.id, row.pattern),
    }
}

fn refusal(decision: &Decision<'_, '_>) -> Option<Reason> {
    match decision.own {
        Some(Own::Refused(reason)) => Some(reason),
        Some(_) => None,
        None => Some(decision.reply()?.reason),
    }
}

fn candidates(state: &State, decision: &Decision<'_, '_>) -> Vec<String> {
    let name = |worker: &Arc<Worker>| worker.name.to_string();
    match (decision.plan.choice, state.chain(&decision.plan).next()) {
        (Choice::Keyed(key), Some(pool)) => pool.candidates(key).take(10).map(name).collect(),
        _ => Vec::new(),
    }
}

impl Explanation {
    fn sentence(&self, decision: &Decision<'_, '_>) -> String {
        let more = match decision.call.is_told_by_body() {
            true => " Without a `pos` in its body it is one of initial_sliding_sync.",
            false => "",
        };
        self.decided(decision) + more
    }

    fn decided(&self, decision: &Decision<'_, '_>) -> String {
        let Some(pool) = &self.pool else {
            return self.refused_sentence(decision);
        };
        let by = match &self.key_value {
            _ if decision.plan.reach == Reach::OneProcess => {
                "always on the same worker while it is there".to_owned()
            }
            Some(value) => format!("placed by {} {value}", self.key),
            None => "on the least busy worker".to_owned(),
        };
        if let Some(rule) = decision.rule {
            let share = match rule.action {
                Action::Canary(_, share) => format!(" for {share} of the callers"),
                _ => String::new(),
            };
            return format!(
                "Rule {} asks pool {pool}{share}, {by}; without it row {} would decide.",
                rule.name, self.row
            );
        }
        if let Some(place) = decision.place {
            let name = &place.mount.name;
            return format!(
                "{place} belongs to the mount {name}, {by}; Synapse has no part in it."
            );
        }
        let reach = match decision.plan.reach {
            Reach::Main if decision.plan.group == Group::MasCompat => "it belongs to MAS",
            Reach::AnyWorker => "any client worker can answer it",
            Reach::Federation => "any federation worker can answer it",
            Reach::Writer => "only its writer can answer it",
            Reach::Media => "only processes with the media repository can answer it",
            Reach::OneProcess => "its sessions live in one process",
            Reach::Main | Reach::Nobody => "only the main process can answer it",
        };
        format!("Row {} asks pool {pool}, {by}; {reach}.", self.row)
    }

    fn refused_sentence(&self, decision: &Decision<'_, '_>) -> String {
        match (decision.own, decision.rule) {
            (
                None,
                Some(Rule {
                    name,
                    action: Action::Reply(reply),
                    ..
                }),
            ) => format!(
                "Rule {name} answers {} {} without a worker.",
                reply.status, reply.errcode
            ),
            (Some(Own::Refused(Reason::Refused)), _) if decision.call.group == Group::MasApi => {
                format!(
                    "{} is closed to {}, which is not in `mas.allow`.",
                    self.row, decision.client
                )
            }
            (Some(Own::Refused(_)), _) if decision.call.reach == Reach::Nobody => {
                format!("{} is never passed on to a worker.", self.row)
            }
            (Some(Own::Files), _) => {
                let place = decision.place.map(ToString::to_string);
                let place = place.unwrap_or_default();
                format!("{place} is a mounted directory: its files are served from here.")
            }
            (Some(Own::Refused(_)), _) => format!("No listener lets {} in.", self.row),
            (Some(Own::UnknownHost), _) => {
                "No listener serves this host name: it is sent elsewhere, as `unknown_host` says."
                    .into()
            }
            (Some(_), _) => "It is answered at the door: no worker sees it.".into(),
            (None, _) => format!("No pool can answer {}.", self.row),
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: &[String]| {
            if names.is_empty() {
                "-".to_owned()
            } else {
                names.join(", ")
            }
        };
        let or = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        for (name, value) in [
            ("group", self.group.to_owned()),
            ("row", self.row.clone()),
            ("rule", or(&self.rule)),
            ("caller", self.caller.clone()),
            ("key", format!("{} {}", self.key, or(&self.key_value))),
            ("pool", or(&self.pool)),
            ("worker", or(&self.worker)),
            ("candidates", list(&self.candidates)),
            ("fallback", list(&self.fallback)),
            ("synapse", self.synapse.clone()),
            ("reason", self.reason.to_owned()),
        ] {
            writeln!(f, "{name:<11} {value}")?;
        }
        write!(f, "{}", self.why)
    }
}
