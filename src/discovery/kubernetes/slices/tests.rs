use std::sync::Arc;

use serde_json::{Value, json};

use super::*;

fn settings(port: Option<Port>, naming: Naming) -> Settings {
    Settings {
        service: "sync".into(),
        namespace: None,
        port,
        naming,
        weight: 1.0,
        cluster: Arc::default(),
    }
}

fn http() -> Settings {
    settings(Some(Port::Name("http".into())), Naming::Pod)
}

fn service(spec: Value) -> Service {
    serde_json::from_value(json!({"metadata": {"name": "sync"}, "spec": spec})).unwrap()
}

fn slice(family: &str, endpoints: Value) -> EndpointSlice {
    let ports = json!([{"name": "http", "port": 8083}, {"name": "metrics", "port": 9000}]);
    slice_with(family, ports, endpoints)
}

fn slice_with(family: &str, ports: Value, endpoints: Value) -> EndpointSlice {
    let slice = json!({
        "metadata": {"name": "sync-abcde"}, "addressType": family, "ports": ports, "endpoints": endpoints,
    });
    serde_json::from_value(slice).unwrap()
}

fn pod(name: &str, address: &str) -> Value {
    json!({"addresses": [address], "targetRef": {"kind": "Pod", "name": name}})
}

fn with(mut endpoint: Value, conditions: Value) -> Value {
    endpoint["conditions"] = conditions;
    endpoint
}

fn shown(settings: &Settings, spec: Value, slices: &[EndpointSlice]) -> Vec<String> {
    let found = workers(settings, Some(&service(spec)), slices.iter());
    let show = |worker: Endpoint| {
        let draining = if worker.draining { " draining" } else { "" };
        format!("{} {}{draining}", worker.name, worker.address)
    };
    match found {
        Ok(workers) => workers.into_iter().map(show).collect(),
        Err(unusable) => vec![unusable.to_string()],
    }
}

#[test]
fn all_slices_of_a_service_are_one_set() {
    let slices = [
        slice("IPv4", json!([pod("b", "10.0.0.2"), pod("a", "10.0.0.1")])),
        slice("IPv4", json!([pod("c", "10.0.0.3"), pod("a", "10.0.0.1")])),
        slice("IPv4", json!([])),
    ];
    let all = ["a 10.0.0.1:8083", "b 10.0.0.2:8083", "c 10.0.0.3:8083"];
    assert_eq!(shown(&http(), json!({}), &slices), all);
}

#[test]
fn a_pod_of_two_families_is_one_worker() {
    let slices = [
        slice("IPv6", json!([pod("a", "fd00::1"), pod("b", "fd00::2")])),
        slice("IPv4", json!([pod("a", "10.0.0.1")])),
    ];
    for (families, expected) in [
        (json!({}), ["a 10.0.0.1:8083", "b [fd00::2]:8083"]),
        (
            json!({"ipFamilies": ["IPv6", "IPv4"]}),
            ["a [fd00::1]:8083", "b [fd00::2]:8083"],
        ),
    ] {
        assert_eq!(
            shown(&http(), families.clone(), &slices),
            expected,
            "{families}"
        );
    }
}

#[test]
fn without_pods_one_family_counts_and_addresses_are_names() {
    let slices = [
        slice("IPv6", json!([{"addresses": ["fd00::1"]}])),
        slice("IPv4", json!([{"addresses": ["10.0.0.1"]}])),
    ];
    assert_eq!(
        shown(&http(), json!({}), &slices),
        ["10.0.0.1:8083 10.0.0.1:8083"]
    );
    assert_eq!(
        shown(&http(), json!({}), &slices[..1]),
        ["[fd00::1]:8083 [fd00::1]:8083"]
    );
}

#[test]
fn addresses_are_names_on_request() {
    let settings = settings(Some(Port::Name("http".into())), Naming::Address);
    let slices = [
        slice("IPv4", json!([pod("a", "10.0.0.1")])),
        slice("IPv6", json!([pod("a", "fd00::1")])),
    ];
    assert_eq!(
        shown(&settings, json!({}), &slices),
        ["10.0.0.1:8083 10.0.0.1:8083"]
    );
}

#[test]
fn conditions_say_who_is_asked() {
    for (conditions, expected) in [
        (json!(null), "a 10.0.0.1:8083"),
        (json!({}), "a 10.0.0.1:8083"),
        (
            json!({"ready": true, "serving": true, "terminating": false}),
            "a 10.0.0.1:8083",
        ),
        (
            json!({"ready": false, "serving": false, "terminating": false}),
            "",
        ),
        (
            json!({"ready": false, "serving": true, "terminating": true}),
            "a 10.0.0.1:8083 draining",
        ),
        (
            json!({"ready": false, "serving": false, "terminating": true}),
            "",
        ),
        (json!({"ready": false, "terminating": true}), ""),
        // Of a Service that publishes addresses which are not ready.
        (
            json!({"ready": true, "serving": true, "terminating": true}),
            "a 10.0.0.1:8083 draining",
        ),
    ] {
        let slices = [slice(
            "IPv4",
            json!([with(pod("a", "10.0.0.1"), conditions.clone())]),
        )];
        assert_eq!(
            shown(&http(), json!({}), &slices).join(""),
            expected,
            "{conditions}"
        );
    }
}

#[test]
fn a_pod_that_moves_between_slices_is_the_one_that_stays() {
    let going = json!({"ready": false, "serving": true, "terminating": true});
    let slices = [
        slice("IPv4", json!([with(pod("a", "10.0.0.1"), going)])),
        slice("IPv4", json!([pod("a", "10.0.0.9")])),
    ];
    assert_eq!(shown(&http(), json!({}), &slices), ["a 10.0.0.9:8083"]);
}

#[test]
fn ports_have_names_and_numbers() {
    let number = |number| settings(Some(Port::Number(number)), Naming::Pod);
    let named = |name: &str| settings(Some(Port::Name(name.into())), Naming::Pod);
    let spec = json!({"ports": [{"name": "http", "port": 80}, {"name": "metrics", "port": 90}]});
    let pods = json!([pod("a", "10.0.0.1")]);
    let two = [slice("IPv4", pods.clone())];
    let one = [slice_with("IPv4", json!([{"port": 8083}]), pods.clone())];
    let none = [slice_with("IPv4", json!(null), pods.clone())];
    let udp = [slice_with(
        "IPv4",
        json!([{"name": "dns", "port": 53, "protocol": "UDP"}]),
        pods,
    )];
    for (settings, slices, expected) in [
        (named("http"), &two, "a 10.0.0.1:8083"),
        (named("metrics"), &two, "a 10.0.0.1:9000"),
        (number(8083), &two, "a 10.0.0.1:8083"),
        (number(80), &two, "a 10.0.0.1:8083"),
        (settings(None, Naming::Pod), &one, "a 10.0.0.1:8083"),
        (number(7000), &none, "a 10.0.0.1:7000"),
        (
            named("htp"),
            &two,
            "the Service sync has no TCP port htp; it has http (8083), metrics (9000)",
        ),
        (
            number(81),
            &two,
            "the Service sync has no TCP port 81; it has http (8083), metrics (9000)",
        ),
        (
            settings(None, Naming::Pod),
            &two,
            "the Service sync has several TCP ports; choose one with `port`: http (8083), metrics (9000)",
        ),
        (
            named("dns"),
            &udp,
            "the Service sync has no TCP port dns; it has none",
        ),
    ] {
        let shown = shown(&settings, spec.clone(), slices);
        assert_eq!(shown, [expected], "{:?}", settings.port);
    }
}

#[test]
fn a_service_that_cannot_be_used_says_why() {
    let external = json!({"type": "ExternalName", "externalName": "hs.example.org"});
    assert_eq!(
        shown(&http(), external, &[]),
        [
            "the Service sync is an ExternalName, which has no endpoints; \
             write `dns: {name: hs.example.org, port: ...}` for this pool instead"
        ]
    );
    let missing = workers(&http(), None, [].iter()).unwrap_err().to_string();
    assert_eq!(
        missing,
        "there is no Service sync; check its name and namespace"
    );
    assert_eq!(
        shown(&http(), json!({}), &[]),
        [""; 0],
        "no pod yet is no fault"
    );
}
