//! Dying, freezing, coming back.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use thalamus::{config::Settings, pool::Condition};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    clients::Answer,
    house::{HANGS, House},
    stand_in::StandIn,
};

/// Parks a sync for each of so many users.
async fn park(house: &House, users: usize) -> JoinSet<Answer> {
    let mut parked = JoinSet::new();
    for user in 0..users {
        let mut client = house.client().await;
        parked.spawn(async move { client.sync(user).await });
    }
    house.parked(users).await;
    parked
}

/// Where each of so many users is served now.
async fn homes(house: &House, users: usize) -> HashMap<usize, String> {
    let mut client = house.client().await;
    let mut homes = HashMap::new();
    for user in 0..users {
        let answer = client
            .ask("GET", "/_matrix/client/v3/sync?timeout=0&since=", user)
            .await;
        homes.insert(user, answer.worker.unwrap());
    }
    homes
}

#[tokio::test]
async fn a_killed_worker_loses_none_of_500_parked_syncs() {
    let mut house = House::new().await;
    let parked = park(&house, 500).await;
    assert!(house.sync[1].parked() > 100);
    house.sync[1].kill().await;
    house.parked(500).await;
    house.sync.iter().for_each(|worker| worker.release());
    let answers = parked.join_all().await;
    let good = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((good, answers.len()), (500, 500));
    println!("killed with 500 parked: {good} of 500 answered 200");
    house.until("sync2", Condition::Ejected).await;
}

#[tokio::test]
async fn a_frozen_worker_hands_its_users_over_and_gets_them_back() {
    let house = House::new().await;
    house.sync.iter().for_each(|worker| worker.release());
    let before = homes(&house, 60).await;
    let frozen: Vec<usize> = before
        .iter()
        .filter(|(_, home)| *home == "sync1")
        .map(|(user, _)| *user)
        .collect();
    assert!(!frozen.is_empty());
    house.sync[0].freeze(true);
    let mut waiting = JoinSet::new();
    for &user in &frozen {
        let mut client = house.client().await;
        waiting.spawn(async move { client.sync(user).await });
    }
    for answer in waiting.join_all().await {
        assert_eq!(answer.status, 200);
        assert_ne!(answer.worker.as_deref(), Some("sync1"));
    }
    house.until("sync1", Condition::Ejected).await;
    let meanwhile = homes(&house, 60).await;
    assert!(
        before
            .iter()
            .all(|(user, home)| home == "sync1" || meanwhile[user] == *home),
        "others moved too"
    );
    house.sync[0].freeze(false);
    house.until("sync1", Condition::Probing).await;
    while house.condition("sync1") != Condition::Serving {
        homes(&house, 60).await;
    }
    assert_eq!(homes(&house, 60).await, before);
}

#[tokio::test]
async fn a_slow_worker_that_answers_keeps_its_users() {
    let house = House::new().await;
    let parked = park(&house, 60).await;
    let before: Vec<usize> = house.sync.iter().map(StandIn::parked).collect();
    house.sync[0].answer_checks_after(HANGS);
    let unanswered = house.sync[0].checked() + 8;
    let mut client = house.client().await;
    while house.sync[0].checked() < unanswered {
        for user in 0..60 {
            let answer = client
                .ask("GET", "/_matrix/client/v3/sync?timeout=0&since=", user)
                .await;
            assert_eq!(answer.status, 200);
        }
        assert_eq!(house.condition("sync1"), Condition::Serving);
    }
    let after: Vec<usize> = house.sync.iter().map(StandIn::parked).collect();
    assert_eq!(after, before, "parked syncs were moved");
    house.sync.iter().for_each(StandIn::release);
    assert!(
        parked
            .join_all()
            .await
            .iter()
            .all(|answer| answer.status == 200)
    );
}

#[tokio::test]
async fn a_worker_that_answers_its_checks_late_is_not_ejected() {
    let second = Duration::from_secs(1);
    let mut house = House::new().await;
    let change = |settings: &mut Settings| settings.health.timeout = second;
    house.reload_with(&[0, 1, 2], change).await;
    house.sync[0].answer_checks_after(second.mul_f64(1.3));
    let late = house.sync[0].checked() + 5;
    let checked = async {
        while house.sync[0].checked() < late {
            assert_eq!(house.condition("sync1"), Condition::Serving);
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(HANGS, checked).await.expect("it is not checked");
}

#[tokio::test]
async fn a_writer_that_restarts_is_waited_for() {
    let mut house = House::new().await;
    house.typing.kill().await;
    let mut client = house.client().await;
    let typing = tokio::spawn(async move {
        client
            .ask("PUT", "/_matrix/client/v3/rooms/!r/typing/@u:hs", 1)
            .await
    });
    let mut other = house.client().await;
    assert_eq!(
        other.ask("GET", "/_matrix/client/versions", 1).await.status,
        200
    );
    assert!(!typing.is_finished());
    house.typing.come_back();
    let answer = typing.await.unwrap();
    assert_eq!(
        answer,
        Answer {
            status: 200,
            worker: Some("typing".into())
        }
    );
    assert_eq!(house.typing.asked(), 1);
}

#[tokio::test]
async fn nobody_is_ejected_when_most_are_sick() {
    let house = House::new().await;
    house.sync[0].freeze(true);
    house.until("sync1", Condition::Ejected).await;
    house.sync[1].freeze(true);
    house.until("sync1", Condition::Serving).await;
    assert_eq!(house.condition("sync2"), Condition::Serving);
    let state = house.running.state.load();
    assert!(
        state
            .pools
            .iter()
            .any(|pool| &*pool.settings.name == "sync" && pool.is_spared())
    );
}

#[tokio::test]
async fn a_storm_of_failures_does_not_feed_itself() {
    const CLIENTS: usize = 20;
    const EACH: usize = 50;
    let house = House::new().await;
    house.sync.iter().for_each(|worker| worker.crash());
    house.main.crash();
    let (began, mut load) = (Instant::now(), JoinSet::new());
    for user in 0..CLIENTS {
        let mut client = house.client().await;
        load.spawn(async move {
            for _ in 0..EACH {
                let answer = client.sync(user).await;
                assert!([502, 503].contains(&answer.status), "{answer:?}");
            }
        });
    }
    load.join_all().await;
    let reached = house
        .sync
        .iter()
        .chain([&house.main])
        .map(|worker| worker.asked());
    let (asked, reached) = (CLIENTS * EACH, reached.sum::<usize>());
    // Two pools, each with its budget for every ten seconds that began.
    let windows = 1 + began.elapsed().as_secs() as usize / 10;
    let bound = asked + windows * 2 * (100 + 3 * CLIENTS);
    println!(
        "a storm: {asked} requests reached workers {reached} times, at most {bound} are allowed"
    );
    assert!(reached <= bound);
    assert!(house.running.metrics.unmoved.get() > 0);
}

#[tokio::test]
async fn a_post_in_flight_at_a_killed_worker_is_502_and_not_repeated() {
    let mut house = House::new().await;
    let mut client = house.client().await;
    let create =
        tokio::spawn(async move { client.ask("POST", "/_matrix/client/v3/createRoom", 1).await });
    while house.main.asked() == 0 {
        tokio::task::yield_now().await;
    }
    house.main.kill().await;
    assert_eq!(
        create.await.unwrap(),
        Answer {
            status: 502,
            worker: None
        }
    );
}
