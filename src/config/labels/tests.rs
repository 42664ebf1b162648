use super::*;

fn service(name: &str, pool: &str, says: &[(&str, &str)]) -> Labelled {
    let (namespace, name) = name.split_once('/').unwrap_or(("matrix", name));
    Labelled {
        created: 0,
        service: ServiceName {
            namespace: namespace.into(),
            name: name.into(),
        },
        uid: "u".into(),
        version: "1".into(),
        pool: pool.into(),
        says: says
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect(),
    }
}

fn named() -> Vec<pool::Settings> {
    let text = "
listeners: [{address: \"127.0.0.1:0\"}]
kubernetes: {labels: true}
pools:
  main: {workers: [\"127.0.0.1:8008\"]}
  typist: {serves: [typing], workers: [\"127.0.0.1:8009\"]}
";
    crate::config::parse(text, []).unwrap().pools
}

/// Pools as `name: groups, service:port*weight ...`, then faults as `service: why`.
fn shown(composed: &Composed) -> (Vec<String>, Vec<String>) {
    let service = |settings: &kubernetes::Settings| {
        let port = match &settings.port {
            Some(kubernetes::Port::Name(name)) => format!(":{name}"),
            Some(kubernetes::Port::Number(number)) => format!(":{number}"),
            None => String::new(),
        };
        format!(" {}{port}*{}", settings.service, settings.weight)
    };
    let pool = |pool: &pool::Settings| {
        let serves: Vec<_> = pool.serves.iter().map(|group| group.name()).collect();
        let generic = if pool.generic { "+generic" } else { "" };
        let services: String = match &pool.source {
            Source::Kubernetes(one) => service(one),
            Source::Services(all) => all.iter().map(service).collect(),
            _ => " static".into(),
        };
        format!("{}: {}{generic}{services}", pool.name, serves.join(","))
    };
    let fault = |fault: &LabelFault| format!("{}: {}", fault.about.service, fault.why);
    (
        composed.pools.iter().map(pool).collect(),
        composed.faults.iter().map(fault).collect(),
    )
}

fn compose(named: &[pool::Settings], services: &[Labelled]) -> (Vec<String>, Vec<String>) {
    let services: Vec<_> = services.iter().collect();
    shown(&Composer::default().compose(named, &services, &Arc::default()))
}

#[test]
fn a_label_makes_a_pool_that_annotations_shape() {
    let services = [
        service("synapse-sync", "sync", &[]),
        service(
            "readers",
            "readers",
            &[
                ("serves", "client_reader, login"),
                ("port", "http"),
                ("weight", "2.5"),
            ],
        ),
        service("any", "any", &[("serves", "generic"), ("port", "8083")]),
    ];
    let (pools, faults) = compose(&named(), &services);
    assert_eq!(
        pools,
        [
            "main:  static",
            "typist: typing static",
            "sync: sync synapse-sync*1",
            "readers: client_reader,login readers:http*2.5",
            "any: +generic any:8083*1",
        ]
    );
    assert_eq!(faults, [""; 0]);
}

#[test]
fn a_cap_is_what_services_say_alike_or_what_suits_their_groups() {
    let cap = |pool, says: &[(&str, &str)]| {
        let services = [service("a", pool, says), service("b", pool, says)];
        let services: Vec<_> = services.iter().collect();
        let composed = Composer::default().compose(&named(), &services, &Arc::default());
        assert_eq!(composed.faults, []);
        composed.pools[2].cap.get()
    };
    assert_eq!(cap("sync", &[("cap", " 100 ")]), 100);
    assert_eq!(cap("sync", &[]), 2000);
    assert_eq!(cap("login", &[("cap", "1000000")]), 1_000_000);
    assert_eq!(cap("any", &[("serves", "generic"), ("cap", "3")]), 3);
}

#[test]
fn main_may_come_by_its_label_and_stands_first() {
    let services = [
        service("s", "sync", &[]),
        service("m", "main", &[("port", "http")]),
    ];
    let (pools, faults) = compose(&[], &services);
    assert_eq!(pools, ["main:  m:http*1", "sync: sync s*1"]);
    assert_eq!(faults, [""; 0]);
}

#[test]
fn a_fault_costs_its_own_service_only() {
    let well = service("well", "sync", &[]);
    for (faulty, why) in [
        (
            service("x", "snyc", &[]),
            "thalamus/serves: `snyc`: no such group; did you mean `sync`?",
        ),
        (
            service("x", "-a b-", &[("serves", "login")]),
            "thalamus/pool: `-a b-`: a pool's name has 1 to 63 letters, digits, `-`, `_` or `.`",
        ),
        (
            service("x", "login", &[("serves", " ")]),
            "thalamus/serves: no group; name one, such as sync",
        ),
        (
            service(
                "x",
                "login",
                &[("port", "0"), ("weight", "-1"), ("wieght", "1")],
            ),
            "thalamus/wieght: unknown; did you mean `weight`?; \
             thalamus/port: `0`: expected a port from 1 to 65535, or its name; \
             thalamus/weight: `-1`: expected a weight above 0, at most 1000; 1 is usual",
        ),
        (
            service("x", "login", &[("cap", "0")]),
            "thalamus/cap: `0`: expected a number from 1 to 1000000",
        ),
        (
            service("x", "login", &[("cap", "many")]),
            "thalamus/cap: `many`: expected a number from 1 to 1000000",
        ),
        (
            service("x", "x", &[("serves", "main")]),
            "thalamus/serves: `main`: only the pool `main` serves this group",
        ),
        (
            service("x", "main", &[]),
            "the configuration has a pool `main` too, and it wins; rename one of the two, or remove it there",
        ),
        (
            service("x", "typing", &[]),
            "`typing` lives in one process, and the pool `typist` serves it; keep one",
        ),
        (
            service("other/x", "sync", &[]),
            "the pool `sync` is that of the Service matrix/well, in another namespace; rename one of the two",
        ),
        (
            service("x", "sync", &[("serves", "sync sliding_sync")]),
            "the Service matrix/well says another `thalamus/serves` for the pool `sync`; say the same, or rename one",
        ),
        (
            service("x", "sync", &[("cap", "100")]),
            "the Service matrix/well says another `thalamus/cap` for the pool `sync`; say the same, or rename one",
        ),
    ] {
        let (pools, faults) = compose(&named(), &[well.clone(), faulty.clone()]);
        assert_eq!(pools[2..], ["sync: sync well*1"], "{faulty:?}");
        assert_eq!(faults, [format!("{}: {why}", faulty.service)]);
    }
}

#[test]
fn two_services_of_one_pool_are_one_set() {
    let heavy = service("heavy", "sync", &[("weight", "3")]);
    let (pools, faults) = compose(&named(), &[service("light", "sync", &[]), heavy]);
    assert_eq!(pools[2], "sync: sync light*1 heavy*3");
    assert_eq!(faults, [""; 0]);
    let writers = [
        service("a", "to_device", &[]),
        service("b", "to_device", &[]),
    ];
    let (pools, faults) = compose(&named(), &writers);
    assert_eq!(pools[2], "to_device: to_device a*1");
    assert_eq!(
        faults,
        [
            "matrix/b: `to_device` lives in one process, and the Service matrix/a is there for it; keep one"
        ]
    );
}

#[test]
fn what_was_sound_stays_until_it_is_again_or_goes() {
    let mut composer = Composer::default();
    let mut compose = |services: &[&Labelled]| {
        let (pools, faults) = shown(&composer.compose(&named(), services, &Arc::default()));
        (pools[2..].to_vec(), faults.len())
    };
    let sound = service("s", "sync", &[("port", "http")]);
    let faulty = service("s", "sync", &[("port", "no port")]);
    let before = vec!["sync: sync s:http*1".to_owned()];
    assert_eq!(compose(&[&faulty]), (vec![], 1));
    assert_eq!(compose(&[&sound]), (before.clone(), 0));
    assert_eq!(compose(&[&faulty]), (before.clone(), 1));
    assert_eq!(compose(&[&faulty]), (before, 1));
    assert_eq!(compose(&[]), (vec![], 0));
    assert_eq!(compose(&[&faulty]), (vec![], 1), "it is another one");
}
