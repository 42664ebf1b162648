//! What the demo says at the end, and whether all went well.

use super::{
    deployment::VICTIM,
    ledger::{Ledger, Row},
    places::Counts,
    progress::thousands,
};

/// True when no request failed and nobody was on two workers without a reason.
pub fn is_well(ledger: &Ledger) -> bool {
    let split = [&ledger.users, &ledger.rooms, &ledger.servers].map(|places| places.counts().split);
    ledger.total().failed == 0 && split == [0, 0, 0]
}

/// The summary, many lines.
pub fn summary(seconds: f64, ledger: &Ledger) -> String {
    let mut lines = vec![
        String::new(),
        format!("After {seconds:.0} s:"),
        String::new(),
    ];
    lines.extend(requests(ledger));
    lines.push(String::new());
    lines.extend(places(ledger));
    lines.push(String::new());
    lines.extend(
        ledger
            .failures()
            .iter()
            .map(|failure| format!("failed: {failure}")),
    );
    let all = ledger.total();
    lines.push(format!(
        "{} requests, {} failed.",
        thousands(all.requests),
        thousands(all.failed)
    ));
    lines.join("\n")
}

fn requests(ledger: &Ledger) -> Vec<String> {
    let row = |name, row: Row| columns(name, &thousands(row.requests), &thousands(row.failed));
    let mut lines = vec![columns("group", "requests", "failed")];
    lines.extend(
        ledger
            .groups()
            .into_iter()
            .map(|(group, counts)| row(group, counts)),
    );
    lines.push(row("all", ledger.total()));
    lines
}

fn places(ledger: &Ledger) -> Vec<String> {
    let row = |name, counts: Counts| {
        let together = counts.placed - counts.split;
        columns(name, &together.to_string(), &counts.split.to_string())
    };
    let users = ledger.users.counts();
    let Counts {
        moved, returned, ..
    } = users;
    vec![
        columns("on how many workers", "one", "two"),
        row("users on sync", users),
        row("rooms on events", ledger.rooms.counts()),
        row("federation servers", ledger.servers.counts()),
        format!(
            "  ({moved} users had to move while {VICTIM} was dead, {returned} of them are home again)"
        ),
    ]
}

fn columns(name: &str, first: &str, second: &str) -> String {
    format!("  {name:<20}{first:>12}{second:>10}")
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::cli::demo::ask::Ask;

    #[test]
    fn a_failure_is_told_and_not_well() {
        let ledger = Ledger::new(1, 1, 1);
        assert!(is_well(&ledger));
        ledger.enter(
            0,
            &Ask::Versions,
            Instant::now(),
            &Err(anyhow::anyhow!("404 from media1")),
        );
        assert!(!is_well(&ledger));
        let text = summary(5.0, &ledger);
        assert!(
            text.contains("\nfailed: client_reader by client 0: 404 from media1\n"),
            "{text}"
        );
        assert!(text.ends_with("\n1 requests, 1 failed."), "{text}");
    }

    #[test]
    fn a_user_on_two_workers_is_not_well() {
        let ledger = Ledger::new(1, 1, 1);
        ledger.users.seen(0, "sync1", Instant::now());
        assert!(is_well(&ledger));
        ledger.users.seen(0, "sync2", Instant::now());
        assert!(!is_well(&ledger));
    }
}
