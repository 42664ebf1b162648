//! The first lines: what is running, and where to look.

use std::{fmt::Write, net::SocketAddr};

use super::{
    crowd::{DEVICES, SERVERS, USERS},
    deployment::{POOLS, Pool},
};

/// The first lines of the demo.
pub fn intro(users: usize, proxy: SocketAddr, admin: SocketAddr) -> String {
    let workers: usize = POOLS.iter().map(|pool| pool.workers.len()).sum();
    let mut text = format!(
        "Thalamus, {workers} stand-in Synapse workers, {users} users with {DEVICES} devices each, \
         {SERVERS} other homeservers.\n"
    );
    if users < USERS {
        text.push_str("There would be more users if more files could be open: see ulimit -n.\n");
    }
    text.push('\n');
    let attempt = format!("curl -i {proxy}/_matrix/client/versions");
    row(
        &mut text,
        ["clients", &format!("http://{proxy}/")],
        &attempt,
    );
    row(
        &mut text,
        ["status page", &format!("http://{admin}/")],
        "for a browser",
    );
    row(
        &mut text,
        ["metrics", &format!("http://{admin}/metrics")],
        "for Prometheus",
    );
    text.push('\n');
    for pool in POOLS {
        pool_row(&mut text, pool);
    }
    text.push_str(
        "\nAt work (the three numbers: syncs parked on sync1, sync2, sync3). Ctrl-c ends it.\n",
    );
    text
}

fn pool_row(text: &mut String, pool: &Pool) {
    row(
        text,
        [pool.name, &pool.workers.join(" ")],
        &pool.serves.join(", "),
    );
}

fn row(text: &mut String, [name, value]: [&str; 2], note: &str) {
    writeln!(text, "  {name:<13} {value:<31} {note}").expect("a String takes all");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_both_addresses_in_lines_that_fit() {
        let text = intro(
            300,
            ([127, 0, 0, 1], 40080).into(),
            ([127, 0, 0, 1], 40090).into(),
        );
        assert!(text.contains("http://127.0.0.1:40080/ "), "{text}");
        assert!(text.contains("http://127.0.0.1:40090/ "), "{text}");
        assert!(text.lines().all(|line| line.len() <= 100), "{text}");
    }
}
