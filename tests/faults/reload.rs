//! Other configurations under load: nobody fails, no poll is cut.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{task::JoinSet, time::sleep};

use crate::{clients::Client, house::House};

#[tokio::test]
async fn sixty_reloads_under_load_fail_nobody_and_cut_no_poll() {
    const PARKED: usize = 100;
    let mut house = House::new().await;
    let mut parked = JoinSet::new();
    for user in 0..PARKED {
        let mut client = house.client().await;
        parked.spawn(async move { client.sync(user).await });
    }
    house.parked(PARKED).await;
    let (done, asked, failed) = <(Arc<AtomicBool>, Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
    let mut load = JoinSet::new();
    for user in 0..20 {
        let (done, asked, failed) = (done.clone(), asked.clone(), failed.clone());
        let mut client = house.client().await;
        load.spawn(async move {
            while !done.load(Ordering::Relaxed) {
                let status = client.ask("GET", "/_matrix/client/v3/sync?timeout=0&since=", user);
                let status = status.await.status;
                asked.fetch_add(1, Ordering::Relaxed);
                failed.fetch_add((status != 200).into(), Ordering::Relaxed);
            }
        });
    }
    // Each of the three sync workers is away for one reload of three.
    for round in 0..60 {
        let stay: Vec<usize> = (0..3).filter(|index| round % 3 != *index).collect();
        let before = asked.load(Ordering::Relaxed);
        house.reload(&stay).await;
        while asked.load(Ordering::Relaxed) < before + 20 {
            sleep(Duration::from_millis(1)).await;
        }
        house.parked(PARKED).await;
    }
    done.store(true, Ordering::Relaxed);
    load.join_all().await;
    house.sync.iter().for_each(|worker| worker.release());
    let polls = parked.join_all().await;
    let good = polls.iter().filter(|answer| answer.status == 200).count();
    let counts = (
        asked.load(Ordering::Relaxed),
        failed.load(Ordering::Relaxed),
    );
    println!(
        "60 reloads: {} of {} requests failed, {good} of {PARKED} polls answered 200",
        counts.1, counts.0
    );
    assert_eq!((counts.1, good), (0, PARKED));
    assert_eq!(
        house.running.metrics.moved.get(),
        0,
        "a poll was cut and moved"
    );
}

#[tokio::test]
async fn workers_that_stay_keep_their_counts() {
    let mut house = House::new().await;
    let mut client = house.client().await;
    house.sync.iter().for_each(|worker| worker.release());
    for user in 0..50 {
        assert_eq!(client.sync(user).await.status, 200);
    }
    let served = |house: &House| -> u64 {
        let state = house.running.state.load();
        state.workers().map(|worker| worker.served()).sum()
    };
    // The last one is counted just after the client has it.
    while served(&house) < 50 {
        tokio::task::yield_now().await;
    }
    house.reload(&[0, 1, 2]).await;
    assert_eq!(served(&house), 50);
    assert_eq!(
        client.sync(1).await.status,
        200,
        "the client's connection was lost"
    );
}

#[tokio::test]
async fn listeners_open_stay_and_close() {
    let mut house = House::new().await;
    house.sync.iter().for_each(|worker| worker.release());
    let (mut idle, mut busy) = (house.client().await, house.client().await);
    assert_eq!(idle.sync(1).await.status, 200);
    house.main.hold(true);
    let busy = tokio::spawn(async move {
        let answer = busy.ask("GET", "/_matrix/client/versions", 1).await;
        (answer, busy.is_closed().await)
    });
    while house.main.asked() == 0 {
        tokio::task::yield_now().await;
    }
    let first = house.running.listeners[0].clone();
    house.listen(&["127.0.0.1:0", "127.0.0.2:0"]).await;
    assert_eq!(house.running.listeners[0], first, "the socket was not kept");
    assert_eq!(
        idle.sync(1).await.status,
        200,
        "the listener stays, the connection was closed"
    );
    let second = house.running.listeners[1].clone();
    let mut other = Client::at(&second).await;
    assert_eq!(other.sync(2).await.status, 200);

    house.listen(&["127.0.0.2:0"]).await;
    assert_eq!(house.running.listeners, [second]);
    assert!(idle.is_closed().await, "the listener is gone");
    assert_eq!(other.sync(2).await.status, 200);
    house.main.hold(false);
    let (answer, closed) = busy.await.unwrap();
    assert_eq!((answer.status, closed), (200, true), "what ran must end");
}

#[tokio::test]
async fn an_address_that_is_taken_changes_nothing() {
    let mut house = House::new().await;
    let taken = house.main.address.to_string();
    house.listen(&["127.0.0.1:0", &taken]).await;
    assert_eq!(house.running.listeners.len(), 1);
    let last = house.running.metrics.reloads.last();
    assert!(
        last.faults[0].starts_with(&format!("listen on {taken}: ")),
        "{:?}",
        last.faults
    );
    house.sync.iter().for_each(|worker| worker.release());
    assert_eq!(house.client().await.sync(1).await.status, 200);
}
