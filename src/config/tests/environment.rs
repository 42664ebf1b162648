use super::*;

#[test]
fn the_environment_overrides() {
    let settings = parsed(
        SMALL,
        &[
            ("THALAMUS_THREADS", "7"),
            ("THALAMUS_ADMIN__ADDRESS", "0.0.0.0:9999"),
            (
                "THALAMUS_LISTENERS__0__TRUSTED_PROXIES",
                "[10.0.0.0/8, 'fd00::/8']",
            ),
            ("THALAMUS_LISTENERS__1__ADDRESS", "unix:/run/t.sock"),
            ("THALAMUS_POOLS__SYNC_EU_1__WORKERS__1__NAME", "Three"),
            (
                "THALAMUS_POOLS__MAIN__WORKERS",
                "[{name: M, address: 'main:1'}]",
            ),
        ],
    )
    .unwrap();
    assert_eq!(settings.threads.get(), 7);
    assert_eq!(
        settings.admin.as_ref().unwrap().address.to_string(),
        "0.0.0.0:9999"
    );
    assert_eq!(settings.listeners[0].door.trusted_proxies.len(), 2);
    assert_eq!(
        settings.listeners[1].address.to_string(),
        "unix:/run/t.sock"
    );
    assert_eq!(workers(&settings, 1)[1].0, "Three");
    assert_eq!(workers(&settings, 0), [("M".into(), "main:1".into(), 1.0)]);
}

#[test]
fn the_environment_alone_is_enough() {
    let variables = [
        ("THALAMUS_LISTENERS__0__ADDRESS", "127.0.0.1:8080"),
        ("THALAMUS_POOLS__MAIN__WORKERS__0", "127.0.0.1:8008"),
    ];
    let settings = parsed("", &variables).unwrap();
    assert_eq!(workers(&settings, 0)[0].0, "127.0.0.1:8008");
}

#[test]
fn a_fault_from_the_environment_names_the_variable() {
    for (name, value, fault) in [
        (
            "THALAMUS_ADMIN__ADDRESS",
            "nowhere",
            "admin.address (from THALAMUS_ADMIN__ADDRESS): `nowhere`: the port is missing; write host:port or unix:/path",
        ),
        (
            "THALAMUS_THREAD",
            "1",
            "thread (from THALAMUS_THREAD): unknown key; did you mean `threads`?",
        ),
        (
            "THALAMUS_LISTENERS__7__ADDRESS",
            "a:1",
            "THALAMUS_LISTENERS__7__ADDRESS: there is no item 7; the list has 1",
        ),
        (
            "THALAMUS_LISTENERS__ADDRESS",
            "a:1",
            "THALAMUS_LISTENERS__ADDRESS: after a list comes the number of an item, from 0",
        ),
    ] {
        assert_eq!(parsed(SMALL, &[(name, value)]).unwrap_err(), [fault]);
    }
}

#[test]
fn variables_of_a_kubernetes_service_are_not_ours() {
    let service = [
        ("THALAMUS_SERVICE_HOST", "10.0.0.1"),
        ("THALAMUS_SERVICE_PORT", "8080"),
        ("THALAMUS_SERVICE_PORT_HTTP", "8080"),
        ("THALAMUS_PORT", "tcp://10.0.0.1:8080"),
        ("THALAMUS_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("THALAMUS_PORT_8080_TCP_PROTO", "tcp"),
        ("THALAMUS_ADMIN_PORT_9090_TCP_ADDR", "10.0.0.1"),
    ];
    assert!(parsed(SMALL, &service).is_ok());
}
