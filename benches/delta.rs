//! What a change of one worker among 1,000 costs: the new snapshot that the data plane then sees.

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, criterion_group, criterion_main};
use thalamus::{
    discovery::{Endpoint, Found, Source},
    matrix::Group,
    pool,
    route::{Limits, State},
};

const WORKERS: u16 = 1000;

fn pool(name: &str, serves: &[Group], found: &Found) -> pool::Settings {
    pool::Settings::new(name, serves, Source::Static(found.endpoints.clone()))
}

/// 1,000 pods, the first of which listens at `first`.
fn found(first: &str) -> Found {
    let endpoint = |number: u16| {
        let [high, low] = number.to_be_bytes();
        let address = format!("10.66.{high}.{low}:8083");
        let address = if number == 0 { first } else { &address };
        Endpoint::new(
            format!("sync-{number:04}"),
            address.parse().expect("an address"),
        )
    };
    let endpoints: Arc<[_]> = (0..WORKERS).map(endpoint).collect();
    endpoints.into()
}

fn bench(c: &mut Criterion) {
    let both = [found("10.66.9.1:8083"), found("10.66.9.2:8083")];
    let pools = [
        pool("main", &[], &Found::default()),
        pool("sync", &[Group::Sync], &both[0]),
    ];
    let mut state = State::new(&pools, Limits::default());
    let mut turn = 0;
    c.bench_function("one of 1,000 workers changes", |b| {
        b.iter(|| {
            turn += 1;
            state = state.with_found("sync", black_box(&both[turn % 2]));
        });
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
