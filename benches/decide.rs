//! What deciding costs: target to Call, headers to Caller, both to a hash.

use std::{hint::black_box, net::IpAddr};

use criterion::{Criterion, criterion_group, criterion_main};
use thalamus::matrix::{Authorization, Call, Caller, Key, Method, classify};

const SYNC: &str = "/_matrix/client/v3/sync?filter=0&timeout=30000&since=s72594_4483_1934_56_78_1&set_presence=offline";
const SEND: &str =
    "/_matrix/client/v3/rooms/!OGEhHVWSdvArJzumhm:example.org/send/m.room.message/m1700000000.1";
const MAIN: &str = "/_matrix/client/v3/account/password";
const SYT: &[u8] = b"Bearer syt_YWxpY2U_QwErTyUiOpAsDfGhJkLz_3gUfi4";
const OPAQUE: &[u8] = b"Bearer mat_QwErTyUiOpAsDfGhJkLzQwErTyUiOp_3gUfi4";
const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn call(target: &str) -> Call<'_> {
    classify(Method::Get, black_box(target))
}

fn caller<'a>(header: &'a [u8], query: &'a str) -> Caller<'a> {
    Caller::new(Authorization::One(black_box(header)), black_box(query))
}

fn decide(target: &str, header: &[u8]) -> Option<u64> {
    let call = call(target);
    Key::new(&call, &caller(header, call.query), CLIENT).hash()
}

fn bench(c: &mut Criterion) {
    c.bench_function("classify sync", |b| b.iter(|| call(SYNC)));
    c.bench_function("classify send", |b| {
        b.iter(|| classify(Method::Put, black_box(SEND)))
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
    c.bench_function("decide sync opaque", |b| b.iter(|| decide(SYNC, OPAQUE)));
}

criterion_group!(benches, bench);
criterion_main!(benches);
