use super::*;

mod mounts;
mod rules;
mod tls;

#[test]
fn every_fault_is_reported_at_once() {
    let text = "
listeners:
  - address: 0.0.0.0
    trusted_proxy: [10.0.0.0/8]
pools:
  sync:
    serves: [snyc]
    workers:
      - 127.0.0.1:8101
      - {adress: '127.0.0.1:8102'}
thread: 2
";
    assert_eq!(
        faults(text),
        [
            "listeners[0].address: `0.0.0.0`: the port is missing; write host:port or unix:/path",
            "listeners[0].trusted_proxy: unknown key; did you mean `trusted_proxies`?",
            "pools.main: missing; the main process is always there: write `main: {workers: [\"127.0.0.1:8008\"]}`",
            "pools.sync.serves[0]: `snyc`: no such group; did you mean `sync`?",
            "pools.sync.workers[1].address: missing; such as \"127.0.0.1:8081\" or unix:/run/w1.sock",
            "pools.sync.workers[1].adress: unknown key; did you mean `address`?",
            "thread: unknown key; did you mean `threads`?",
        ]
    );
}

#[test]
fn an_empty_key_has_a_place_too() {
    let faults = faults("'': 1\npools: {main: {'': 2}}\n");
    for place in ["'': unknown key", "pools.main.'': unknown key"] {
        assert!(
            faults.iter().any(|fault| fault.starts_with(place)),
            "{faults:?}"
        );
    }
}

#[test]
fn wrong_types_say_what_was_found() {
    for (more, fault) in [
        (
            "threads: many",
            "threads: expected a whole number, found the text `many`",
        ),
        (
            "threads: 1.5",
            "threads: expected a whole number, found the number 1.5",
        ),
        (
            "threads: [1]",
            "threads: expected a whole number, found a list",
        ),
        (
            "access_log: 1",
            "access_log: expected a text, found the number 1; put it in quotes",
        ),
        (
            "access_log: true",
            "access_log: expected a text, found `true`; put it in quotes if it is a text",
        ),
        (
            "timeouts: 5s",
            "timeouts: expected a mapping, found the text `5s`",
        ),
        (
            "limits: {heads: 0}",
            "limits.heads: expected a number, at least 1; leave it out for what the open files allow",
        ),
        (
            "limits: {connections_per_client: all}",
            "limits.connections_per_client: expected a whole number, found the text `all`",
        ),
        ("timeouts:", "timeouts: expected a mapping, found nothing"),
        (
            "limits: {body: {}}",
            "limits.body: expected a whole number, found a mapping",
        ),
    ] {
        assert_eq!(faults_of(more), [fault], "{more}");
    }
}

#[test]
fn values_out_of_range_say_the_range() {
    let threads =
        "threads: expected a number of threads from 1 to 1024; leave it out to use every core";
    for (more, fault) in [
        ("threads: 0", threads),
        ("threads: -1", threads),
        ("threads: 5000", threads),
        (
            "access_log: yaml",
            "access_log: `yaml`: expected text, json or none",
        ),
        (
            "timeouts: {other: 0s}",
            "timeouts.other: must be longer than 0s",
        ),
        ("limits: {body: 0}", "limits.body: expected at least 1 byte"),
        (
            "limits: {body: lots}",
            "limits.body: `lots`: write a size such as 512K, 50M or 12.5MiB",
        ),
    ] {
        assert_eq!(faults_of(more), [fault], "{more}");
    }
    let fault = &faults_of("timeouts: {other: '90'}")[0];
    assert!(
        fault.ends_with("write a duration such as 90s or 10m"),
        "{fault}"
    );
}

#[test]
fn faults_of_pools() {
    let weight =
        "pools.extra.workers[0].weight: expected a weight above 0, at most 1000; 1 is usual";
    for (pool, fault) in [
        (
            "{serves: [sync], workers: []}",
            "pools.extra.workers: no worker; add one such as \"127.0.0.1:8081\", or remove the pool",
        ),
        (
            "{serves: [sync]}",
            "pools.extra.workers: missing; list them: `workers: [\"127.0.0.1:8081\"]`, or name where to look: `dns: ...`, `kubernetes: ...`",
        ),
        (
            "{workers: ['a:1']}",
            "pools.extra.serves: missing; name the groups, such as `serves: [sync]`, or `[generic]`",
        ),
        (
            "{serves: [], workers: ['a:1']}",
            "pools.extra.serves: no group, and no rule sends here; name a group such as `sync`, or remove the pool",
        ),
        (
            "{serves: [sync, sync], workers: ['a:1']}",
            "pools.extra.serves[1]: named twice; remove one",
        ),
        (
            "{serves: [main], workers: ['a:1']}",
            "pools.extra.serves[0]: `main`: only the pool `main` serves this group",
        ),
        (
            "{serves: [refused], workers: ['a:1']}",
            "pools.extra.serves[0]: `refused`: no pool serves this group: these requests are refused",
        ),
        (
            "{serves: [sync], workers: ['a:1', 'a:1']}",
            "pools.extra.workers[1]: a second worker named `a:1` in this pool; give each its own name",
        ),
        (
            "{serves: [sync], workers: ['a:0']}",
            "pools.extra.workers[0]: `a:0`: a worker's port cannot be 0",
        ),
        (
            "{serves: [sync], workers: [8081]}",
            "pools.extra.workers[0]: expected \"host:port\", unix:/path or a mapping with an address, found the number 8081",
        ),
        (
            "{serves: [sync], workers: [{address: 'a:1', weight: 0}]}",
            weight,
        ),
        (
            "{serves: [sync], workers: [{address: 'a:1', weight: -2.5}]}",
            weight,
        ),
        (
            "{serves: [sync], workers: [{address: 'a:1', name: 'a b'}]}",
            "pools.extra.workers[0].name: `a b`: a worker's name has 1 to 253 visible ASCII characters, without spaces",
        ),
        ("", "pools.extra: expected a mapping, found nothing"),
    ] {
        assert_eq!(faults_of_pool(pool), [fault], "{pool}");
    }
    let name = faults(&SMALL.replace("Sync-EU.1", "'sync eu'"));
    assert_eq!(
        name,
        ["pools.sync eu: a pool's name has 1 to 63 letters, digits, `-`, `_` or `.`"]
    );
}

#[test]
fn only_a_group_that_lives_in_one_process_has_one_pool() {
    let two = |group: &str| {
        let pool = |port: u16| format!("{{serves: [{group}], workers: ['127.0.0.1:{port}']}}");
        parsed(
            &format!("{SMALL}  one: {}\n  two: {}", pool(1), pool(2)),
            &[],
        )
    };
    assert!(two("client_reader").is_ok());
    let fault =
        "pools.two.serves: `typing` lives in one process, and the pool `one` serves it; keep one";
    assert_eq!(two("typing").unwrap_err(), [fault]);
}

#[test]
fn faults_of_listeners() {
    let with = |listeners: &str| faults(&SMALL.replace("[{address: 127.0.0.1:8080}]", listeners));
    assert_eq!(
        with("[]"),
        ["listeners: no listener; add one: `- address: 0.0.0.0:8080`"]
    );
    assert_eq!(
        with("[{address: 'a:1'}, {address: 'a:1'}]"),
        ["listeners[1].address: a:1 is taken by a listener above; choose another"]
    );
    assert_eq!(
        with("[{address: 127.0.0.1:9090}]"),
        ["admin.address: 127.0.0.1:9090 is taken by a listener; choose another port"]
    );
    assert_eq!(
        with("[{address: 'a:1', trusted_proxies: [10.0.0.0/33, 10.0.0.1]}]"),
        [
            "listeners[0].trusted_proxies[0]: `10.0.0.0/33`: expected a network such as 10.0.0.0/8 or fd00::/8, or one address"
        ]
    );
    assert_eq!(
        faults(&SMALL.replace("127.0.0.1:9090", "unix:/run/a.sock")),
        ["admin.address: `unix:/run/a.sock`: the admin address is host:port, not a Unix socket"]
    );
    assert!(parsed(&SMALL.replace("8080}]", "0}, {address: 127.0.0.1:0}]"), &[]).is_ok());
}

#[test]
fn a_door_that_makes_no_sense_is_a_fault() {
    let with = |keys: &str| faults(&SMALL.replace("8080}", &format!("8080, {keys}}}")));
    for (keys, fault) in [
        (
            "admin_api: yes please",
            "listeners[0].admin_api: expected true, false or a list of networks, found the text `yes please`",
        ),
        (
            "serves: []",
            "listeners[0].serves: no group; name one, such as `federation_inbound`, or leave it out",
        ),
        (
            "serves: [federation_inbond]",
            "listeners[0].serves[0]: `federation_inbond`: no such group; did you mean `federation_inbound`?",
        ),
        (
            "hosts: ['hs:8448']",
            "listeners[0].hosts[0]: `hs:8448`: expected a host name without a port, such as matrix.example.org",
        ),
        (
            "tls: {certificate: a.crt}",
            "listeners[0].tls.key: missing; the file with its private key, in PEM",
        ),
        (
            "tls: []",
            "listeners[0].tls: no certificate; write `tls: {certificate: tls.crt, key: tls.key}`",
        ),
        (
            "rate_limits: {login: {client: often}}",
            "listeners[0].rate_limits.login.client: `often`: expected a rate such as 10/s, 20/m or 100/h",
        ),
        (
            "rate_limits: {logins: {client: 1/s}}",
            "listeners[0].rate_limits.logins: no such group; did you mean `login`?",
        ),
        (
            "client_from: both",
            "listeners[0].client_from: `both`: expected x_forwarded_for or forwarded",
        ),
        (
            "proxy_protocol: maybe",
            "listeners[0].proxy_protocol: `maybe`: expected required or none",
        ),
        (
            "proxy_protocol: required",
            "listeners[0].proxy_protocol: nobody may send a PROXY header; name your proxies in trusted_proxies",
        ),
        (
            "redirect: http",
            "listeners[0].redirect: `http`: the only redirect is `https`; leave it out for none",
        ),
        (
            "http2: maybe",
            "listeners[0].http2: expected true or false, found the text `maybe`",
        ),
        (
            "root: /app",
            "listeners[0].root: `/app`: expected `refuse`, or a URL to redirect to such as https://example.org/",
        ),
        (
            "hosts: [hs.example], unknown_host: 404",
            "listeners[0].unknown_host: expected a text, found the number 404; put it in quotes",
        ),
        (
            "hosts: [hs.example], unknown_host: example.org",
            "listeners[0].unknown_host: `example.org`: expected `refuse`, or a URL to redirect to such as https://example.org/",
        ),
        (
            "unknown_host: https://example.org/",
            "listeners[0].unknown_host: every host name is served; name those that are in `hosts`",
        ),
    ] {
        assert_eq!(with(keys), [fault]);
    }
    assert_eq!(
        faults_of("well_known: {client: matrix.example.org, support: hello, server: []}"),
        [
            "well_known.client: `matrix.example.org`: expected a URL such as https://matrix.example.org",
            "well_known.server: expected a mapping, which is the document, found a list",
            "well_known.support: `hello`: expected a mapping",
        ]
    );
}

#[test]
fn faults_of_sources_that_search() {
    let way_out =
        ": write `{name: client-reader, port: 8083}` or `{srv: _http._tcp.client-reader}`";
    let interval = ".min_interval: must be longer than 0s and at most `max_interval` (1s and 5s, where not given)";
    for (dns, fault) in [
        ("{}", way_out),
        ("{name: a}", way_out),
        ("{port: 80}", way_out),
        ("{name: a, srv: b, port: 80}", way_out),
        (
            "{srv: b, port: 80}",
            ".port: SRV records bring their port; remove this one",
        ),
        (
            "{name: a, port: 0}",
            ".port: expected a port from 1 to 65535",
        ),
        (
            "{name: a, port: http}",
            ".port: expected a whole number, found the text `http`",
        ),
        (
            "{name: 10.0.0.1, port: 80}",
            ".name: `10.0.0.1`: expected a name that DNS knows, such as client-reader",
        ),
        (
            "{name: a..b, port: 80}",
            ".name: `a..b`: expected a name that DNS knows, such as client-reader",
        ),
        (
            "{srv: a, servers: [dns]}",
            ".servers[0]: `dns`: expected the address of a name server, such as 10.0.0.10 or 10.0.0.10:53",
        ),
        ("{srv: a, min_interval: 0s}", interval),
        ("{srv: a, min_interval: 10s}", interval),
        (
            "{srv: a, ttl: 5}",
            ".ttl: unknown key; known: name, srv, port, servers, min_interval, max_interval",
        ),
    ] {
        let faults = faults_of_pool(&format!("{{serves: [sync], dns: {dns}}}"));
        assert_eq!(faults, [format!("pools.extra.dns{fault}")], "{dns}");
    }
    for (kubernetes, fault) in [
        ("{}", ".service: missing; name the Service of the workers"),
        (
            "{service: 'a,b'}",
            ".service: `a,b`: expected a name as Kubernetes has them: small letters, digits and `-`",
        ),
        (
            "{service: a, port: 0}",
            ".port: expected a port from 1 to 65535",
        ),
        (
            "{service: a, name: node}",
            ".name: `node`: expected pod or address",
        ),
        (
            "{service: a, zone: b}",
            ".zone: unknown key; known: service, namespace, port, name",
        ),
    ] {
        let faults = faults_of_pool(&format!("{{serves: [sync], kubernetes: {kubernetes}}}"));
        assert_eq!(
            faults,
            [format!("pools.extra.kubernetes{fault}")],
            "{kubernetes}"
        );
    }
    assert_eq!(
        faults_of("kubernetes: {snapshot: here}"),
        ["kubernetes.snapshot: `here`: expected a path that starts with /"]
    );
    assert_eq!(
        faults_of("kubernetes: {labels: 1, namespaces: [a, a, B], prefer_zone: near}"),
        [
            "kubernetes.prefer_zone: expected true or false, found the text `near`",
            "kubernetes.labels: expected true or false, found the number 1",
            "kubernetes.namespaces: says where labels make pools, and they make none; add `labels: true` beside it",
            "kubernetes.namespaces[1]: named twice; remove one",
            "kubernetes.namespaces[2]: `B`: expected a name as Kubernetes has them: small letters, digits and `-`",
        ]
    );
    assert_eq!(
        faults_of_pool("{serves: [sync], workers: ['a:1'], dns: {srv: a}}"),
        ["pools.extra.dns: a pool has one source, and `workers` stands here too; keep one"]
    );
}

#[test]
fn a_release_is_written_in_numbers() {
    assert_eq!(
        faults_of("synapse_version: latest"),
        [
            "synapse_version: `latest`: a release of Synapse is written such as 1.163.2; leave it out to ask it"
        ]
    );
    let number = faults_of("synapse_version: 1.160");
    assert!(
        number[0].starts_with("synapse_version: expected a text"),
        "{number:?}"
    );
}

#[test]
fn caps_are_numbers_that_make_sense() {
    let range = "expected a number from 1 to 1000000";
    for (keys, fault) in [
        ("cap: 0", format!("cap: {range}")),
        ("first_syncs: -1", format!("first_syncs: {range}")),
        ("queue: 10000000", format!("queue: {range}")),
        (
            "spill: 1",
            "spill: expected a number above 1, such as 1.5: how many times the mean is too much"
                .into(),
        ),
        (
            "cap: lots",
            "cap: expected a whole number, found the text `lots`".into(),
        ),
    ] {
        let faults = faults_of_pool(&format!("{{serves: [login], workers: ['a:1'], {keys}}}"));
        assert_eq!(faults, [format!("pools.extra.{fault}")]);
    }
    assert_eq!(faults_of("replicas: 0"), [format!("replicas: {range}")]);
}
