//! A worker that leaves: what runs there ends by itself, or goes elsewhere when it takes too long.

use std::time::Duration;

use thalamus::pool::Condition;
use tokio::task::JoinSet;

use crate::{clients::Answer, house::House};

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

#[tokio::test]
async fn a_drained_worker_ends_what_it_has_and_gets_its_users_back() {
    const USERS: usize = 60;
    let house = House::new().await;
    let parked = park(&house, USERS).await;
    let (worker, there) = (house.worker("sync1"), house.sync[0].parked());
    worker.drain(true);
    let more = park_again(&house, USERS).await;
    assert_eq!(house.sync[0].parked(), there, "it got new ones");
    assert_eq!(house.condition("sync1"), Condition::Draining);
    house.sync.iter().for_each(|worker| worker.release());
    let at_first = parked.join_all().await;
    let meanwhile = more.join_all().await;
    assert!(
        at_first
            .iter()
            .chain(&meanwhile)
            .all(|answer| answer.status == 200)
    );
    assert!(
        meanwhile
            .iter()
            .all(|answer| answer.worker.as_deref() != Some("sync1"))
    );
    worker.drain(false);
    let mut client = house.client().await;
    let mut back = 0;
    for user in 0..USERS {
        back += usize::from(client.sync(user).await.worker.as_deref() == Some("sync1"));
    }
    assert_eq!(back, there);
}

/// A second sync of each user, beside those that are parked.
async fn park_again(house: &House, users: usize) -> JoinSet<Answer> {
    let mut parked = JoinSet::new();
    for user in 0..users {
        let mut client = house.client().await;
        parked.spawn(async move { client.sync(user).await });
    }
    house.parked(2 * users).await;
    parked
}

#[tokio::test]
async fn a_worker_that_left_is_cut_in_the_end_and_its_polls_move() {
    const USERS: usize = 60;
    let mut house = House::new().await;
    let parked = park(&house, USERS).await;
    assert!(house.sync[0].parked() > 0);
    house
        .reload_with(&[1, 2], |settings| {
            settings.limits.drain = Duration::from_millis(300)
        })
        .await;
    house.sync[0].gone().await;
    house.parked(USERS).await;
    house.sync.iter().for_each(|worker| worker.release());
    let answers = parked.join_all().await;
    let good = answers.iter().filter(|answer| answer.status == 200).count();
    println!("a worker left with its polls parked: {good} of {USERS} answered 200");
    assert_eq!(good, USERS);
    assert!(
        answers
            .iter()
            .all(|answer| answer.worker.as_deref() != Some("sync1"))
    );
}

#[tokio::test]
async fn a_post_at_a_worker_that_is_cut_is_502() {
    let mut house = House::new().await;
    house
        .reload_with(&[0, 1, 2], |settings| {
            settings.limits.drain = Duration::from_millis(300)
        })
        .await;
    let mut client = house.client().await;
    let create =
        tokio::spawn(async move { client.ask("POST", "/_matrix/client/v3/createRoom", 1).await });
    while house.main.asked() == 0 {
        tokio::task::yield_now().await;
    }
    house.worker("main").drain(true);
    assert_eq!(create.await.unwrap().status, 502);
    assert_eq!(house.main.asked(), 1, "it was sent twice");
}
