//! More than we can take: what is too much is refused, what runs goes on, and memory stays bounded.

use std::{collections::BTreeMap, io, time::Instant};

use tokio::task::JoinSet;

use crate::{
    served::Served,
    worker::{Client, Worker},
};

const QUICK: &str = "/_matrix/client/versions";

fn configuration(worker: &Worker, more: &str) -> String {
    let address = worker.address;
    format!("access_log: none\n{more}\npools: {{main: {{workers: [\"{address}\"]}}}}")
}

/// How often each answer was given; one that did not come counts as 0.
fn counts(told: &[io::Result<(u16, String)>]) -> BTreeMap<(u16, &str), usize> {
    let mut counts = BTreeMap::new();
    for one in told {
        let answer = one.as_ref();
        let answer = answer.map_or((0, "closed"), |(status, reason)| (*status, &**reason));
        *counts.entry(answer).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn without_open_files_nobody_spins_and_those_inside_are_served() {
    let worker = Worker::start().await;
    // More clients than there are files: the mistake that the default rules out.
    let served = Served::start_within(300, &configuration(&worker, "limits: {connections: 9000}"));
    let mut inside = Client::connect(&served.front).await.unwrap();
    assert_eq!(inside.get(QUICK).await.unwrap().status, 200);
    let began = Instant::now();
    let mut crowd = vec![];
    for _ in 0..400 {
        crowd.push(Client::connect(&served.front).await.unwrap());
    }
    served.logged("Too many open files");
    for _ in 0..100 {
        assert_eq!(inside.get(QUICK).await.unwrap().status, 200);
    }
    let tries = served.log().matches("Too many open files").count();
    let most = 2 + began.elapsed().as_millis() as usize / 100;
    println!(
        "400 connections for 300 files: accepting failed {tries} times, at most {most} are due"
    );
    assert!(tries <= most, "it spins");
    drop(crowd);
    let mut late = Client::connect(&served.front).await.unwrap();
    assert_eq!(late.get(QUICK).await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_takes_no_more_than_its_part() {
    const ONE: [u8; 4] = [127, 0, 0, 2];
    let worker = Worker::start().await;
    let served = Served::start_within(512, &configuration(&worker, ""));
    served.logged("room for 156 connections of clients, 78 of one of them, and 39 heads in pieces");
    let mut inside = vec![];
    for _ in 0..78 {
        inside.push(Client::from(ONE, &served.front).await.unwrap());
        let last = inside.last_mut().unwrap();
        assert_eq!(last.get(QUICK).await.unwrap().status, 200);
    }
    for _ in 0..50 {
        let mut late = Client::from(ONE, &served.front).await.unwrap();
        assert_eq!(late.told().await.unwrap(), (503, "full".into()));
    }
    let mut other = Client::from([127, 0, 0, 3], &served.front).await.unwrap();
    assert_eq!(other.get(QUICK).await.unwrap().status, 200);
    assert_eq!(inside[0].get(QUICK).await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_with_a_bound_leaves_room_for_the_others() {
    let worker = Worker::start().await;
    let listeners =
        "listeners: [{address: \"127.0.0.1:0\", connections: 5}, {address: \"127.0.0.2:0\"}]";
    let served = Served::start(&configuration(&worker, listeners));
    let mut inside = vec![];
    for _ in 0..5 {
        inside.push(Client::connect(&served.front).await.unwrap());
        let last = inside.last_mut().unwrap();
        assert_eq!(last.get(QUICK).await.unwrap().status, 200);
    }
    let mut late = Client::connect(&served.front).await.unwrap();
    assert_eq!(late.told().await.unwrap(), (503, "full".into()));
    let second = served.log().split("127.0.0.2:").nth(1).unwrap().to_owned();
    let port: String = second.chars().take_while(char::is_ascii_digit).collect();
    let mut other = Client::connect(&format!("127.0.0.2:{port}")).await.unwrap();
    assert_eq!(other.get(QUICK).await.unwrap().status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_are_refused_or_timed_out_and_memory_is_bounded() {
    const EACH: usize = 600;
    const HEADS: usize = 200;
    let worker = Worker::start().await;
    let limits = "limits: {connections: 4000, connections_per_client: 4000, heads: 200}\n\
                  timeouts: {head: 3s, other: 8s, media_idle: 3s}";
    let served = Served::start(&configuration(&worker, limits));
    let mut inside = Client::connect(&served.front).await.unwrap();
    inside.get(QUICK).await.unwrap();
    let before = served.resident();
    let head = format!(
        "GET {QUICK} HTTP/1.1\r\nHost: hs\r\nX: {}",
        "x".repeat(15_000)
    );
    let body = format!(
        "POST /_matrix/client/v3/createRoom HTTP/1.1\r\nHost: hs\r\nContent-Length: 1000000\r\n\r\n{}",
        "x".repeat(60_000)
    );
    let mut slow = JoinSet::new();
    for text in [head, body] {
        for _ in 0..EACH {
            let (front, text) = (served.front.clone(), text.clone());
            slow.spawn(async move {
                let mut client = Client::connect(&front).await?;
                client.send(text.as_bytes()).await?;
                client.told().await
            });
        }
    }
    let mut deaf = vec![];
    for _ in 0..EACH / 4 {
        let mut client = Client::connect(&served.front).await.unwrap();
        let get = "GET /_matrix/media/v3/download/hs/large HTTP/1.1\r\nHost: hs\r\n\r\n";
        client.send(get.as_bytes()).await.unwrap();
        deaf.push(client);
    }
    let (mut told, mut most, mut asked) = (vec![], 0, 0);
    while told.len() < 2 * EACH {
        assert_eq!(inside.get(QUICK).await.unwrap().status, 200);
        asked += 1;
        most = most.max(served.resident());
        told.extend(std::iter::from_fn(|| slow.try_join_next()).map(Result::unwrap));
    }
    let counts = counts(&told);
    println!(
        "{EACH} slow heads of 15 KB (at most {HEADS} at a time), {EACH} slow bodies, {} that stop reading 16 MiB: \
         {counts:?}; others were served {asked} times; memory {before} -> {most} KiB at most",
        deaf.len()
    );
    assert!(counts[&(503, "full")] >= 1);
    assert!(counts[&(408, "slow_client")] >= EACH);
    assert_eq!(counts.values().sum::<usize>(), 2 * EACH);
    // KiB that each may hold: a head twice while it grows, what came with the head of a body, one piece of an answer.
    let bound = HEADS * 32 + EACH * 64 + deaf.len() * 256;
    assert!(most < before + bound, "{most} KiB, {before} before");
    // Nobody who does not read is waited for.
    served.until("/metrics", "\nthalamus_client_connections 1\n");
}
