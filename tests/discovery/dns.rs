//! DNS: every shape of answer, and every way not to get one.

use std::time::Duration;

use hickory_resolver::proto::{
    op::ResponseCode,
    rr::{Name, RData, RecordType, rdata::SRV},
};
use thalamus::discovery::{
    Source,
    dns::{Query, Settings},
};

use crate::{
    name_server::{NameServer, Reply},
    seen::{Seen, addresses, names},
};

const NAME: &str = "client-reader";

/// Asks that server again and again, quickly.
fn source(server: &NameServer, query: Query) -> Source {
    Source::Dns(Settings {
        query,
        servers: [server.address].into(),
        shortest: Duration::from_millis(10),
        longest: Duration::from_millis(20),
    })
}

fn by_name(server: &NameServer) -> Seen {
    Seen::follow(&source(server, Query::Address(NAME.into(), 8083)))
}

fn ips(ips: &[&str]) -> Vec<RData> {
    ips.iter()
        .map(|ip| RData::from(ip.parse::<std::net::IpAddr>().unwrap()))
        .collect()
}

fn srv(weight: u16, port: u16, target: &str) -> RData {
    let target = Name::from_ascii(format!("{target}.")).unwrap();
    RData::SRV(SRV::new(0, weight, port, target))
}

#[tokio::test]
async fn addresses_come_and_go() {
    let server = NameServer::start().await;
    server.say(
        NAME,
        RecordType::A,
        Reply::Records(ips(&["10.0.0.2", "10.0.0.1"])),
    );
    let mut seen = by_name(&server);
    seen.wait_for(&["10.0.0.1:8083", "10.0.0.2:8083"]).await;
    server.say(
        NAME,
        RecordType::A,
        Reply::Records(ips(&["10.0.0.3", "10.0.0.2"])),
    );
    seen.wait_for(&["10.0.0.2:8083", "10.0.0.3:8083"]).await;
}

#[tokio::test]
async fn ipv6_counts_where_there_is_no_ipv4() {
    let server = NameServer::start().await;
    server.say(
        NAME,
        RecordType::AAAA,
        Reply::Records(ips(&["fd00::1", "fd00::2"])),
    );
    let mut seen = by_name(&server);
    seen.wait_for(&["[fd00::1]:8083", "[fd00::2]:8083"]).await;
    server.say(NAME, RecordType::A, Reply::Records(ips(&["10.0.0.1"])));
    seen.wait_for(&["10.0.0.1:8083"]).await;
}

#[tokio::test]
async fn srv_targets_give_names_ports_and_weights() {
    const SERVICE: &str = "_http._tcp.client-reader";
    let server = NameServer::start().await;
    server.say("pod-1", RecordType::A, Reply::Records(ips(&["10.0.0.1"])));
    server.say("pod-2", RecordType::A, Reply::Records(ips(&["10.0.0.2"])));
    let both = vec![
        srv(20, 8002, "pod-2"),
        srv(10, 8001, "pod-1"),
        srv(10, 8001, "gone"),
    ];
    server.say(SERVICE, RecordType::SRV, Reply::Records(both));
    let mut seen = Seen::follow(&source(&server, Query::Service(SERVICE.into())));
    let found = seen.wait_for(&["pod-1", "pod-2"]).await;
    assert_eq!(addresses(&found), ["10.0.0.1:8001", "10.0.0.2:8002"]);
    let weights: Vec<f64> = found
        .endpoints
        .iter()
        .map(|endpoint| endpoint.weight)
        .collect();
    assert_eq!(weights, [0.5, 1.0]);
    // A pod that is started again has its name still.
    server.say("pod-1", RecordType::A, Reply::Records(ips(&["10.0.0.9"])));
    let moved = |found: &_| addresses(found) == ["10.0.0.9:8001", "10.0.0.2:8002"];
    let found = seen.wait("the new address", moved).await;
    assert_eq!(names(&found), ["pod-1", "pod-2"]);
    // A target whose server does not answer is no target that is gone.
    server.say("pod-1", RecordType::A, Reply::Code(ResponseCode::ServFail));
    let (found, _) = seen.wait_until_lost().await;
    assert_eq!(names(&found), ["pod-1", "pod-2"]);
}

#[tokio::test]
async fn what_udp_cannot_hold_is_asked_by_tcp() {
    let server = NameServer::start().await;
    let many: Vec<String> = (1..=200).map(|n| format!("10.0.1.{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    server.say(NAME, RecordType::A, Reply::Long(ips(&many)));
    let mut seen = by_name(&server);
    seen.wait("all of them", |found| found.endpoints.len() == 200)
        .await;
}

/// Each fault keeps the set, says what is wrong, and is over when the server is well again.
#[tokio::test]
async fn faults_keep_the_last_set() {
    for (fault, reply, says) in [
        (
            "no such name",
            Reply::Code(ResponseCode::NXDomain),
            "there are none",
        ),
        (
            "no records",
            Reply::Code(ResponseCode::NoError),
            "there are none",
        ),
        (
            "server failure",
            Reply::Code(ResponseCode::ServFail),
            "Server Failure",
        ),
        ("refused", Reply::Code(ResponseCode::Refused), "Refused"),
        (
            "cut short by TCP too",
            Reply::Truncated(ips(&["10.0.0.1"])),
            "truncated",
        ),
        ("garbage", Reply::Garbage, ""),
        ("silence", Reply::Silence, ""),
    ] {
        let server = NameServer::start().await;
        let sound = Reply::Records(ips(&["10.0.0.1", "10.0.0.2"]));
        server.say(NAME, RecordType::A, sound.clone());
        let mut seen = by_name(&server);
        seen.wait_for(&["10.0.0.1:8083", "10.0.0.2:8083"]).await;
        server.say(NAME, RecordType::A, reply);
        let (found, why) = seen.wait_until_lost().await;
        assert_eq!(names(&found), ["10.0.0.1:8083", "10.0.0.2:8083"], "{fault}");
        let start = "ask DNS for addresses of client-reader: ";
        assert!(
            why.starts_with(start) && why.contains(says),
            "{fault}: {why}"
        );
        server.say(NAME, RecordType::A, sound);
        seen.wait_for(&["10.0.0.1:8083", "10.0.0.2:8083"]).await;
    }
}

#[tokio::test]
async fn a_start_without_an_answer_finds_workers_when_it_comes() {
    let server = NameServer::start().await;
    let mut seen = by_name(&server);
    let (found, why) = seen.wait_until_lost().await;
    assert!(found.endpoints.is_empty(), "{why}");
    server.say(NAME, RecordType::A, Reply::Records(ips(&["10.0.0.1"])));
    seen.wait_for(&["10.0.0.1:8083"]).await;
}
