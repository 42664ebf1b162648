//! The same work on every side: syncs by user, first syncs apart, the rest at the main process.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use rustls::ClientConfig;

use crate::client::Client;
use crate::request;
use crate::running::Running;
use crate::standin::{Standin, WORKERS};

const USERS: usize = 40;

/// Fails unless requests go where they belong, and a user always to the same worker.
pub fn check(running: &Running, standin: &Standin, tls: Option<&Arc<ClientConfig>>) -> Result<()> {
    let mut client = Client::connect(running.address, tls)?;
    let mut used = Vec::new();
    for user in 0..USERS {
        let worker = worker_of(&mut client, standin, running.address, user, request::sync)?;
        let again = worker_of(&mut client, standin, running.address, user, request::sync)?;
        ensure!(worker.starts_with("sync"), "a sync went to {worker}");
        ensure!(
            worker == again,
            "user {user} went to {worker}, then to {again}"
        );
        let first = worker_of(
            &mut client,
            standin,
            running.address,
            user,
            request::initial_sync,
        )?;
        ensure!(first.starts_with("initial"), "a first sync went to {first}");
        used.push(worker);
    }
    used.sort_unstable();
    used.dedup();
    ensure!(used.len() == 3, "{USERS} users are all on {used:?}");
    let other = worker_of(&mut client, standin, running.address, 0, request::main_only)?;
    ensure!(
        other == "main",
        "a request for the main process went to {other}"
    );
    Ok(())
}

/// The worker that took the request.
fn worker_of(
    client: &mut Client,
    standin: &Standin,
    proxy: SocketAddr,
    user: usize,
    request: fn(SocketAddr, usize) -> Vec<u8>,
) -> Result<&'static str> {
    let before = standin.served();
    client.ask(&request(proxy, user))?;
    let after = standin.served();
    let took = (0..WORKERS.len()).find(|&worker| after[worker] > before[worker]);
    Ok(WORKERS[took.context("no worker took a request")?])
}
