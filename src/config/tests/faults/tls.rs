use super::*;

/// The faults of a pool whose `tls` is that.
fn faults_of_tls(tls: &str) -> Vec<String> {
    faults_of_pool(&format!(
        "{{serves: [client_reader], workers: ['10.0.0.1:8443'], tls: {tls}}}"
    ))
}

#[test]
fn a_missing_or_broken_authority_is_named() {
    assert_eq!(
        faults_of_tls("{ca: no/such.pem}"),
        ["pools.extra.tls.ca: no/such.pem: No such file or directory (os error 2)"]
    );
    assert_eq!(
        faults_of_tls("{ca: Cargo.toml}"),
        ["pools.extra.tls.ca: Cargo.toml: no certificate in PEM"]
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(file.path(), pem).unwrap();
    let broken = faults_of_tls(&format!("{{ca: {}}}", file.path().display()));
    assert!(
        broken[0].contains(": a certificate that cannot be read: "),
        "{broken:?}"
    );
}

#[test]
fn slips_in_tls_have_a_way_out() {
    for (tls, fault) in [
        (
            "{certificate: a}",
            ".certificate: unknown key; known: ca, name",
        ),
        (
            "config/tls/ca.pem",
            ": expected true, or a mapping such as {ca: /tls/ca.crt}, found the text `config/tls/ca.pem`",
        ),
        (
            "{ca: config/tls/ca.pem, name: 'a b'}",
            ".name: `a b`: expected the name in the workers' certificate, such as synapse.internal",
        ),
    ] {
        assert_eq!(faults_of_tls(tls), [format!("pools.extra.tls{fault}")]);
    }
    let unix =
        "{serves: [client_reader], workers: ['unix:/run/a.sock'], tls: {ca: config/tls/ca.pem}}";
    assert_eq!(
        faults_of_pool(unix),
        [
            "pools.extra.tls: unix:/run/a.sock has no host that a certificate could be made for; give one with `name`"
        ]
    );
}

#[test]
fn the_name_is_the_workers_host_unless_it_is_given() {
    let name = |tls: &str, address: &str| {
        let pool =
            format!("  extra: {{serves: [login], workers: ['{address}'], tls: {tls}}}\n  main:");
        let settings = parsed(&SMALL.replace("  main:", &pool), &[]).unwrap();
        let mut pools = settings.pools.into_iter();
        let pool = pools.find(|pool| &*pool.name == "extra").unwrap();
        let name = pool.tls.unwrap().name_of(&address.parse().unwrap());
        name.unwrap().to_str().into_owned()
    };
    let ca = "config/tls/ca.pem";
    assert_eq!(name(&format!("{{ca: {ca}}}"), "synapse:8443"), "synapse");
    assert_eq!(name(&format!("{{ca: {ca}}}"), "10.0.0.1:8443"), "10.0.0.1");
    let given = format!("{{ca: {ca}, name: hs.internal}}");
    assert_eq!(name(&given, "10.0.0.1:8443"), "hs.internal");
}
