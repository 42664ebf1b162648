//! What deciding costs: a head, target to Call, headers to Caller, both to a hash, and the choice of a worker.

use std::{hint::black_box, net::IpAddr, sync::Arc};

use criterion::{Criterion, criterion_group, criterion_main};
use thalamus::{
    discovery::{Endpoint, Source},
    http1::Request,
    identity::Tokens,
    matrix::{
        Authorization, Call, Caller, Group, Key, Localpart, Method, Release, UserHash, classify,
    },
    net::Address,
    pool::{Choice, Settings, Tried, View},
};

const SYNC: &str = "/_matrix/client/v3/sync?filter=0&timeout=30000&since=s72594_4483_1934_56_78_1&set_presence=offline";
const SEND: &str =
    "/_matrix/client/v3/rooms/!OGEhHVWSdvArJzumhm:example.org/send/m.room.message/m1700000000.1";
const MAIN: &str = "/_matrix/client/v3/account/password";
const SYT: &[u8] = b"Bearer syt_YWxpY2U_QwErTyUiOpAsDfGhJkLz_3gUfi4";
const OPAQUE: &[u8] = b"Bearer mat_QwErTyUiOpAsDfGhJkLzQwErTyUiOp_3gUfi4";
const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn call(target: &str) -> Call<'_> {
    classify(Release::NEWEST, Method::Get, black_box(target))
}

fn caller<'a>(header: &'a [u8], query: &'a str) -> Caller<'a> {
    Caller::new(Authorization::One(black_box(header)), black_box(query))
}

fn decide(target: &str, header: &[u8]) -> Option<u64> {
    let call = call(target);
    Key::new(&call, &caller(header, call.query), CLIENT).hash()
}

fn decide_known(tokens: &Tokens, target: &str, header: &[u8]) -> Option<u64> {
    let call = call(target);
    let mut caller = caller(header, call.query);
    tokens.recognise(&mut caller);
    Key::new(&call, &caller, CLIENT).hash()
}

/// A cache with a million tokens, one of which is `OPAQUE`.
fn tokens() -> Tokens {
    let tokens = Tokens::default();
    let user =
        |number: u32| UserHash::from(&Localpart::new(&number.to_le_bytes()).expect("4 bytes"));
    for number in 0..1_000_000 {
        tokens.learn(format!("mat_{number}").as_bytes(), user(number));
    }
    tokens.learn(&OPAQUE[7..], user(0));
    tokens
}

fn pool(workers: usize) -> Arc<View> {
    let endpoint = |n: usize| {
        let address = Address::Host("worker".into(), n as u16);
        Endpoint::new(format!("sync{n}"), address)
    };
    let endpoints: Arc<[_]> = (0..workers).map(endpoint).collect();
    let settings = Settings::new("sync", [Group::Sync], Source::Static(endpoints.clone()));
    Arc::new(View::new(Arc::new(settings), &endpoints.into(), None))
}

/// A lease taken and given back, as each request does.
fn choose(pool: &Arc<View>, key: u64) -> u32 {
    let lease = pool.lease(Choice::Keyed(black_box(key)).into(), &Tried::default());
    lease.map_or(0, |lease| lease.id.number())
}

fn bench(c: &mut Criterion) {
    let head = format!(
        "GET {SYNC} HTTP/1.1\r\nHost: matrix.example.org\r\nUser-Agent: Element/1.11 (Linux)\r\n\
         Accept: application/json\r\nAccept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\n\
         Authorization: {}\r\n\r\n",
        String::from_utf8_lossy(SYT)
    );
    c.bench_function("head sync", |b| {
        b.iter(|| Request::read(black_box(head.as_bytes()), |request| request.len))
    });
    c.bench_function("classify sync", |b| b.iter(|| call(SYNC)));
    c.bench_function("classify send", |b| {
        b.iter(|| classify(Release::NEWEST, Method::Put, black_box(SEND)))
    });
    c.bench_function("classify main", |b| b.iter(|| call(MAIN)));
    let query = call(SYNC).query;
    c.bench_function("caller syt", |b| b.iter(|| caller(SYT, query)));
    c.bench_function("caller opaque", |b| b.iter(|| caller(OPAQUE, query)));
    let (call, user) = (call(SYNC), caller(SYT, query));
    c.bench_function("key user", |b| {
        b.iter(|| Key::new(black_box(&call), black_box(&user), CLIENT).hash())
    });
    c.bench_function("decide sync syt", |b| b.iter(|| decide(SYNC, SYT)));
    let tokens = tokens();
    c.bench_function("decide sync syt beside a cache", |b| {
        b.iter(|| decide_known(&tokens, SYNC, SYT))
    });
    c.bench_function("decide sync cached opaque", |b| {
        b.iter(|| decide_known(&tokens, SYNC, OPAQUE))
    });
    let others: Vec<String> = (0..1_000_000).map(|n| format!("Bearer mat_{n}")).collect();
    let mut turn = 0;
    c.bench_function("decide sync cached opaque, each time another", |b| {
        b.iter(|| {
            turn = (turn + 7_919) % others.len();
            decide_known(&tokens, SYNC, others[turn].as_bytes())
        })
    });
    c.bench_function("decide sync opaque", |b| b.iter(|| decide(SYNC, OPAQUE)));
    for workers in [10, 100, 1000] {
        let pool = pool(workers);
        c.bench_function(&format!("choose among {workers}"), |b| {
            b.iter(|| choose(&pool, 7))
        });
    }
    let pool = pool(10);
    c.bench_function("decide sync syt among 10", |b| {
        b.iter(|| choose(&pool, decide(SYNC, SYT).unwrap_or_default()))
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
