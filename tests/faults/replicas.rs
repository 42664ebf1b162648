//! Several replicas with nothing shared: each places every user as the others do.

use std::net::{IpAddr, Ipv4Addr};

use thalamus::{
    app::{self, Running},
    config::Settings,
    matrix::Group,
    proxy::{Asked, explain},
};

use crate::{
    house::{pool, settings},
    stand_in::StandIn,
    token,
};

const REPLICAS: usize = 5;
const USERS: usize = 10_000;
const NAMES: [&str; 11] = [
    "w0", "w1", "w2", "w3", "w4", "w5", "w6", "w7", "w8", "w9", "w10",
];

/// Where each user's next sync goes.
type Homes = Vec<String>;

#[tokio::test]
async fn replicas_agree_on_every_user_and_a_worker_that_comes_or_goes_moves_few() {
    let main = StandIn::start("main").await;
    let mut workers = vec![];
    for name in NAMES {
        workers.push(StandIn::start(name).await);
    }
    let mut replicas = vec![];
    for place in 0..REPLICAS {
        let settings = configuration(&main, &workers, 0..10, place);
        replicas.push(app::start(settings).await.unwrap());
    }
    let ten = agreed(&replicas);
    load(&mut replicas, &main, &workers, &[0, 1, 2, 4, 5, 6, 7, 8, 9]).await;
    let nine = agreed(&replicas);
    load(
        &mut replicas,
        &main,
        &workers,
        &[0, 1, 2, 4, 5, 6, 7, 8, 9, 10],
    )
    .await;
    let others = agreed(&replicas);
    let (left, came) = (moved(&ten, &nine), moved(&nine, &others));
    println!(
        "{REPLICAS} replicas agree on all of {USERS} users; of them {} moved as one of 10 workers left, {} as one came",
        left.len(),
        came.len()
    );
    let most = USERS / 10 + USERS / 100;
    assert!(left.len() <= most && came.len() <= most);
    assert!(left.iter().all(|user| ten[*user] == "w3"), "others moved");
    assert!(came.iter().all(|user| others[*user] == "w10"), "elsewhere");
}

/// What one replica is told: the workers in an order of its own, as DNS gives them.
fn configuration(
    main: &StandIn,
    workers: &[StandIn],
    which: impl IntoIterator<Item = usize>,
    place: usize,
) -> Settings {
    let mut sync: Vec<_> = which.into_iter().map(|index| &workers[index]).collect();
    let count = sync.len();
    sync.rotate_left(place * 2 % count);
    settings(vec![
        pool("main", &[], [main]),
        pool("sync", &[Group::Sync], sync),
    ])
}

/// Loads these workers everywhere, in the middle of which replicas may differ.
async fn load(replicas: &mut [Running], main: &StandIn, workers: &[StandIn], which: &[usize]) {
    for (place, replica) in replicas.iter_mut().enumerate() {
        let settings = configuration(main, workers, which.iter().copied(), place);
        replica.reload(Ok(settings)).await;
    }
}

/// The homes of all users, on which all replicas must agree.
fn agreed(replicas: &[Running]) -> Homes {
    let first = homes(&replicas[0]);
    for replica in &replicas[1..] {
        assert!(homes(replica) == first, "two replicas differ");
    }
    first
}

fn homes(replica: &Running) -> Homes {
    let state = replica.state.load();
    let home = |user| {
        let token = format!("Bearer {}", token::of_user(user));
        let asked = Asked {
            method: "GET".into(),
            target: "/_matrix/client/v3/sync?since=s1".into(),
            headers: vec![("Authorization".into(), token)],
            client: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        explain(&state, &[], &asked).unwrap().worker.unwrap()
    };
    (0..USERS).map(home).collect()
}

fn moved(before: &Homes, after: &Homes) -> Vec<usize> {
    (0..USERS)
        .filter(|&user| before[user] != after[user])
        .collect()
}
