use super::*;

fn faults_of_rule(rule: &str) -> Vec<String> {
    faults_of(&format!("rules:\n  - {rule}"))
}

#[test]
fn faults_of_rules_name_the_place_and_the_way_out() {
    let actions =
        "`pool: NAME`, `refuse: {}`, `maintenance: {}` or `canary: {pool: NAME, percent: 5}`";
    for (rule, fault) in [
        ("{room: '!a'}", format!("rules[0]: does nothing; add {actions}")),
        (
            "{pool: main, refuse: {}}",
            format!("rules[0]: does two things; keep one of {actions}"),
        ),
        (
            "{pool: mian}",
            "rules[0].pool: `mian`: no such pool; did you mean `main`?".into(),
        ),
        (
            "{pool: main, rooms: '!a'}",
            "rules[0].rooms: unknown key; did you mean `room`?".into(),
        ),
        (
            "{pool: main, room: abc}",
            "rules[0].room: `abc`: a room is an id such as !abc:example.org, or an alias such as #a:example.org".into(),
        ),
        (
            "{pool: main, room: []}",
            "rules[0].room: an empty list fits no request; name one, or remove the key".into(),
        ),
        (
            "{pool: main, path: '(a'}",
            "rules[0].path: `(a`: unclosed group".into(),
        ),
        (
            "{pool: main, path: '[0-9]{5000}.{5000}x{5000}'}",
            "rules[0].path: `[0-9]{5000}.{5000}x{5000}`: compiled it is larger than 1 MiB; use smaller repetitions, or fewer `.*`".into(),
        ),
        (
            "{pool: main, method: [GET, get]}",
            "rules[0].method[1]: `get`: expected GET, HEAD, POST, PUT, DELETE, PATCH or OPTIONS".into(),
        ),
        (
            "{pool: main, group: snyc}",
            "rules[0].group: `snyc`: no such group; did you mean `sync`?".into(),
        ),
        (
            "{pool: main, client: 10.0.0.0/33}",
            "rules[0].client: `10.0.0.0/33`: expected a network such as 10.0.0.0/8 or fd00::/8, or one address".into(),
        ),
        (
            "{pool: main, header: {Authorization: x}}",
            "rules[0].header.Authorization: this field holds a secret; match the `user` or `server` instead".into(),
        ),
        (
            "{pool: main, key: users}",
            "rules[0].key: `users`: no such key; did you mean `user`?".into(),
        ),
        (
            "{refuse: {}, key: user}",
            "rules[0].key: only a rule that sends to a pool has a key; remove it".into(),
        ),
        (
            "{refuse: {status: 200}}",
            "rules[0].refuse.status: expected a status from 400 to 599".into(),
        ),
        (
            "{refuse: {errcod: M_X}}",
            "rules[0].refuse.errcod: unknown key; did you mean `errcode`?".into(),
        ),
        (
            "{maintenance: {retry_after: 0s}}",
            "rules[0].maintenance.retry_after: expected at least 1s, and less than a century".into(),
        ),
        (
            "{canary: {pool: main, percent: 101}}",
            "rules[0].canary.percent: expected a share above 0, at most 100".into(),
        ),
        (
            "{canary: {pool: main}}",
            "rules[0].canary.percent: missing; such as 5".into(),
        ),
    ] {
        assert_eq!(faults_of_rule(rule), [fault], "{rule}");
    }
}

#[test]
fn all_faults_of_all_rules_come_at_once() {
    let text = "rules: [{name: a, pool: x, user: '@'}, {name: a, refuse: {}}, {name: a, refuse: {}, methods: GET}]";
    let paths: Vec<String> = faults_of(text)
        .iter()
        .map(|fault| fault.split(": ").next().unwrap().into())
        .collect();
    assert_eq!(
        paths,
        [
            "rules[0].user",
            "rules[0].pool",
            "rules[2].methods",
            "rules[2]"
        ]
    );
}

#[test]
fn a_pool_without_a_group_is_there_for_rules_only() {
    let pool = "{serves: [], workers: ['a:1']}";
    let text = SMALL.replace("  main:", &format!("  extra: {pool}\n  main:"));
    assert!(parsed(&format!("{text}rules: [{{room: '!a', pool: extra}}]"), &[]).is_ok());
    let idle = faults(&format!("{text}rules: [{{room: '!a', pool: main}}]"));
    assert_eq!(
        idle,
        [
            "pools.extra.serves: no group, and no rule sends here; name a group such as `sync`, or remove the pool"
        ]
    );
}

#[test]
fn rules_that_are_never_asked_get_a_warning() {
    let warned = |rules: &str| {
        let settings = parsed(&format!("{SMALL}rules: {rules}"), &[]).unwrap();
        warnings(&settings)
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        warned("[{name: all, maintenance: {}}, {room: '!a', pool: main}]"),
        ["rules: rule all answers every request, so the rules below it (1) decide nothing"]
    );
    assert!(warned("[{room: '!a', pool: main}, {maintenance: {}}]").is_empty());
}

#[test]
fn mas_makes_a_pool() {
    let settings = parsed(&format!("{SMALL}mas: {{address: 'mas:8080'}}"), &[]).unwrap();
    let pool = settings.pools.last().unwrap();
    assert_eq!(
        (&*pool.name, pool.serves.as_slice()),
        ("mas", &[Group::MasCompat][..])
    );
    let last = settings.pools.len() - 1;
    assert_eq!(
        workers(&settings, last),
        [("mas:8080".into(), "mas:8080".into(), 1.0)]
    );
    let allow = |client: &str| settings.policy.lets_in_mas(client.parse().unwrap());
    assert!(allow("127.0.0.1") && allow("::1") && !allow("10.0.0.1"));
    let two = "mas: {workers: [{name: a, address: 'mas:1'}, 'mas:2'], allow: [10.0.0.0/8]}";
    let settings = parsed(&format!("{SMALL}{two}"), &[]).unwrap();
    assert_eq!(workers(&settings, last).len(), 2);
    assert!(settings.policy.lets_in_mas([10, 0, 0, 1].into()));
    assert!(!settings.policy.lets_in_mas([127, 0, 0, 1].into()));
}

#[test]
fn faults_of_mas() {
    for (mas, fault) in [
        (
            "{}",
            "mas.address: missing; where MAS is, such as \"mas:8080\"",
        ),
        (
            "{address: 'a:1', workers: ['a:1']}",
            "mas.workers: `address` stands here too; keep one of the two",
        ),
        (
            "{address: 'a:1', alow: []}",
            "mas.alow: unknown key; did you mean `allow`?",
        ),
    ] {
        assert_eq!(faults_of(&format!("mas: {mas}")), [fault], "{mas}");
    }
    let both = SMALL.replace(
        "  main:",
        "  mas: {serves: [mas_compat], workers: ['a:1']}\n  main:",
    );
    assert_eq!(
        faults(&format!("{both}mas: {{address: 'a:1'}}")),
        ["mas: the pool `mas` is there for MAS already; keep one of the two"]
    );
}
