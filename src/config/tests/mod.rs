mod appservices;
mod environment;
mod faults;

use std::time::Duration;

use super::*;
use crate::{
    discovery::{Source, dns::Query},
    matrix::{Group, Release},
    proxy::Instead,
};

const SMALL: &str = "
listeners: [{address: 127.0.0.1:8080}]
admin: {address: 127.0.0.1:9090}
pools:
  Sync-EU.1: {serves: [sync, generic], workers: ['127.0.0.1:8101', {name: Two, address: 'unix:/run/2.sock', weight: 2}]}
  main: {workers: ['127.0.0.1:8008']}
";

fn parsed(text: &str, variables: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()));
    parse(text, variables).map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

fn faults(text: &str) -> Vec<String> {
    parsed(text, &[]).expect_err("this text has faults")
}

/// The faults of a sound configuration with these lines more.
fn faults_of(more: &str) -> Vec<String> {
    faults(&format!("{SMALL}{more}"))
}

/// The faults of a sound configuration with this pool more.
fn faults_of_pool(pool: &str) -> Vec<String> {
    faults(&SMALL.replace("  main:", &format!("  extra: {pool}\n  main:")))
}

fn workers(settings: &Settings, pool: usize) -> Vec<(String, String, f64)> {
    let found = settings.pools[pool].source.known().endpoints;
    let worker =
        |w: &crate::discovery::Endpoint| (w.name.to_string(), w.address.to_string(), w.weight);
    found.iter().map(worker).collect()
}

#[test]
fn names_are_asked_of_dns() {
    let dns = |dns: &str| {
        let pool = format!("  extra: {{serves: [client_reader], dns: {dns}}}");
        let settings = parsed(&format!("{SMALL}{pool}"), &[]).unwrap();
        let extra = settings
            .pools
            .into_iter()
            .find(|pool| &*pool.name == "extra");
        match extra.unwrap().source {
            Source::Dns(settings) => settings,
            other => panic!("{other:?}"),
        }
    };
    let docker = dns("{name: client-reader, port: 8083}");
    assert_eq!(docker.query, Query::Address("client-reader".into(), 8083));
    assert_eq!(docker.servers.len(), 0, "the system's are asked");
    assert_eq!(
        (docker.shortest.as_secs(), docker.longest.as_secs()),
        (1, 5)
    );
    let other = dns(
        "{srv: _http._tcp.readers, servers: [10.0.0.10, '[fd00::a]:5353'], min_interval: 2s, max_interval: 1m}",
    );
    assert_eq!(other.query, Query::Service("_http._tcp.readers".into()));
    let servers = ["10.0.0.10:53", "[fd00::a]:5353"].map(|server| server.parse().unwrap());
    assert_eq!(*other.servers, servers);
    assert_eq!((other.shortest.as_secs(), other.longest.as_secs()), (2, 60));
}

#[test]
fn a_sound_file_keeps_names_as_written() {
    let settings = parsed(SMALL, &[]).unwrap();
    assert_eq!(&*settings.pools[0].name, "main", "main is first");
    assert_eq!(&*settings.pools[1].name, "Sync-EU.1");
    assert_eq!(
        (
            settings.pools[1].serves.as_slice(),
            settings.pools[1].generic
        ),
        ([Group::Sync].as_slice(), true)
    );
    let expected = [
        ("127.0.0.1:8101".into(), "127.0.0.1:8101".into(), 1.0),
        ("Two".into(), "unix:/run/2.sock".into(), 2.0),
    ];
    assert_eq!(workers(&settings, 1), expected);
    assert!(warnings(&settings).is_empty());
}

#[test]
fn what_is_left_out_has_its_default() {
    let settings = parsed(SMALL, &[]).unwrap();
    assert_eq!(
        settings.threads,
        std::thread::available_parallelism().unwrap()
    );
    assert_eq!(settings.access_log, telemetry::AccessLog::Text);
    assert_eq!(settings.shutdown.grace, Duration::from_secs(60));
    assert_eq!(settings.limits, route::Limits::default());
    assert_eq!(settings.callers, identity::Settings::default());
}

#[test]
fn every_key_is_read() {
    let more = "
threads: 3
access_log: json
limits: {body: 1M, media_upload: 1024}
timeouts: {connect: 1s, head: 2s, client_idle: 3s, sync_extra: 4s, initial_sync: 5s, federation_send: 6s,
  media_idle: 7s, other: 8s}
shutdown: {grace: 0s}
synapse_version: 1.163.2
";
    let settings = parsed(&format!("{SMALL}{more}"), &[]).unwrap();
    let limits = &settings.limits;
    assert_eq!(
        (settings.threads.get(), settings.access_log),
        (3, telemetry::AccessLog::Json)
    );
    assert_eq!((limits.body, limits.media_upload), (1 << 20, 1024));
    let times = [
        limits.connect,
        limits.head,
        limits.client_idle,
        limits.sync_extra,
        limits.initial_sync,
        limits.federation_send,
        limits.media_idle,
        limits.other,
    ];
    assert_eq!(times.map(|time| time.as_secs()), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(settings.shutdown.grace, Duration::ZERO);
    assert_eq!(settings.synapse_version, Some(Release::new(1, 163)));
}

#[test]
fn other_hosts_and_the_root_are_answered_as_written() {
    let url = || Instead::Redirect("https://example.org/".into());
    for (keys, unknown_host, root) in [
        ("hosts: [hs]", Instead::Refuse, None),
        (
            "hosts: [hs], unknown_host: refuse, root: https://example.org/",
            Instead::Refuse,
            Some(url()),
        ),
        (
            "hosts: [hs], unknown_host: https://example.org/, root: refuse",
            url(),
            Some(Instead::Refuse),
        ),
    ] {
        let text = SMALL.replace("8080}", &format!("8080, {keys}}}"));
        let door = &parsed(&text, &[]).unwrap().listeners[0].door;
        assert_eq!((&door.unknown_host, &door.root), (&unknown_host, &root));
    }
}

#[test]
fn slips_of_yaml_have_a_line_and_column() {
    assert_eq!(
        faults("pools: [\n"),
        ["line 2, column 1: while parsing a node, did not find expected node content"]
    );
    let twice = faults(&format!("{SMALL}admin: {{address: 'a:1'}}"));
    assert!(
        twice[0].ends_with("the key `admin` stands here for the second time; keep one"),
        "{twice:?}"
    );
    assert!(twice[0].starts_with("line 7, column "), "{twice:?}");
    let pools = faults(&format!("{SMALL}  main: {{}}\n"));
    assert!(
        pools[0].contains("the key `main` stands here for the second time"),
        "{pools:?}"
    );
    assert_eq!(
        faults("- a\n"),
        ["the file must be a mapping, such as `listeners: ...`"]
    );
    assert_eq!(
        faults("# nothing\n").len(),
        2,
        "an empty file lacks listeners and main"
    );
    assert_eq!(faults("").len(), 2);
}

#[test]
fn a_file_that_cannot_be_read_says_why() {
    let missing = load(Path::new("no/such.yaml")).unwrap_err();
    assert_eq!(missing.to_string(), "no/such.yaml: there is no such file");
    let directory = load(Path::new("src")).unwrap_err();
    assert_eq!(
        directory.to_string(),
        "src: this is a directory, not a file"
    );
}

#[test]
fn what_is_probably_not_meant_is_warned_of() {
    let text = SMALL
        .replace("8080}", "8080, trusted_proxies: [0.0.0.0/0]}")
        .replace("[sync, generic]", "[sync, typing]")
        .replace("unix:/run/2.sock", "127.0.0.1:8101")
        .replace("admin: {address: 127.0.0.1:9090}", "");
    let warnings = warnings(&parsed(&text, &[]).unwrap());
    let paths: Vec<_> = warnings
        .iter()
        .map(|warning| warning.path.as_str())
        .collect();
    let pool = "pools.Sync-EU.1.workers";
    assert_eq!(
        paths,
        [
            "listeners[0].trusted_proxies",
            "admin",
            pool,
            &format!("{pool}[1].address")
        ]
    );
}

#[test]
fn the_example_files_are_sound() {
    let files: Vec<_> = std::fs::read_dir("config")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    assert!(files.len() >= 2, "{files:?}");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let settings =
            parsed(&text, &[]).unwrap_or_else(|faults| panic!("{}: {faults:#?}", file.display()));
        assert_eq!(warnings(&settings), [], "{}", file.display());
    }
}

#[test]
fn full_yaml_shows_the_defaults() {
    let settings = parsed(include_str!("../../../config/full.yaml"), &[]).unwrap();
    // What the open files allow is no number for a file.
    let given = &settings.limits;
    let (all, client, heads) = (given.connections, given.connections_per_client, given.heads);
    assert!(all.is_some() && client.is_some() && heads.is_some());
    let limits = route::Limits {
        connections: all,
        connections_per_client: client,
        heads,
        ..Default::default()
    };
    assert_eq!(settings.limits, limits);
    assert_eq!(settings.shutdown.grace, Duration::from_secs(60));
}

#[test]
fn labels_may_bring_every_pool() {
    let front = "listeners: [{address: \"127.0.0.1:0\"}]\n";
    let settings = parsed(&format!("{front}kubernetes: {{labels: true}}"), &[]).unwrap();
    assert!(settings.pools.is_empty());
    assert_eq!(*settings.labels.unwrap().namespaces, [None], "our own");
    let text = "
kubernetes: {labels: true, namespaces: [a, b]}
rules: [{room: \"!a:b\", pool: by_label}]";
    let settings = parsed(&format!("{front}{text}"), &[]).unwrap();
    assert_eq!(
        *settings.labels.unwrap().namespaces,
        [Some("a".into()), Some("b".into())]
    );
}

#[test]
fn a_zone_may_be_a_number_or_not_known() {
    let text = "
listeners: [{address: \"127.0.0.1:0\"}]
kubernetes: {prefer_zone: true}
pools: {main: {workers: [\"127.0.0.1:1\"]}}";
    let zone = |value: &str| {
        let settings = parsed(text, &[("THALAMUS_KUBERNETES__ZONE", value)]).unwrap();
        let warnings = warnings(&settings)
            .iter()
            .filter(|fault| fault.path == "kubernetes.prefer_zone")
            .count();
        (settings.cluster.zone.clone(), warnings)
    };
    assert_eq!(zone("eu-1a"), (Some("eu-1a".into()), 0));
    assert_eq!(zone("1"), (Some("1".into()), 0));
    assert_eq!(zone(""), (None, 1));
}

#[test]
fn caps_are_shared_by_the_replicas() {
    let pool = "  extra: {serves: [login], workers: ['a:1'], cap: 100, queue: 7, spill: 1.5}\n\
        replicas: 2\nmas: {address: 'a:2'}\nmounts: [{prefix: /hookshot/, workers: ['a:3'], cap: 10}]\n";
    let settings = parsed(&format!("{SMALL}{pool}"), &[]).unwrap();
    let caps = settings.pools.iter().map(|pool| {
        (
            &*pool.name,
            pool.cap.get(),
            pool.first_syncs.get(),
            pool.queue,
        )
    });
    let expected = [
        ("main", 1000, 25, 1000),
        ("Sync-EU.1", 1000, 25, 1000),
        ("extra", 50, 25, 7),
        ("mas", 250, 25, 1000),
        ("hookshot", 5, 25, 1000),
    ];
    assert_eq!(caps.collect::<Vec<_>>(), expected);
    let spills: Vec<_> = settings.pools.iter().map(|pool| pool.spill).collect();
    assert_eq!(spills, [None, None, Some(1.5), None, None]);
}
