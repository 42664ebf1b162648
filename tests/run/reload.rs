//! Another configuration, by signal and by the file alone.

use crate::served::Served;

const ONE: &str = "pools: {main: {workers: [\"127.0.0.1:1\"]}}";
const TWO: &str = "threads: 3\npools: {main: {workers: [\"127.0.0.1:1\"]}, sync: {serves: [sync], workers: [\"127.0.0.1:2\"]}}";
const BROKEN: &str = "treads: 3\npools: {main: {workers: [\"127.0.0.1\"]}}";

#[test]
fn a_changed_file_is_loaded_and_a_broken_one_changes_nothing() {
    let served = Served::start(ONE);
    served.write(TWO);
    served.until("/api/pools", "\"name\":\"sync\"");
    served.until("/api/config", "\"restart\":[\"threads\"]");
    served.logged("`threads` changes with a restart only");

    served.write(BROKEN);
    served.until("/metrics", "\nthalamus_config_reload_successful 0");
    for fault in [
        "treads: unknown key",
        "pools.main.workers[0]: `127.0.0.1`: the port is missing",
    ] {
        served.logged(&format!("the configuration was not reloaded: {fault}"));
        assert!(served.admin("/api/config").contains(fault), "{fault}");
    }
    assert!(served.admin("/api/pools").contains("\"name\":\"sync\""));
    served.until(
        "/metrics",
        "thalamus_config_reloads_total{outcome=\"refused\"} 1",
    );

    served.write(ONE);
    served.until("/metrics", "\nthalamus_config_reload_successful 1");
    assert!(!served.admin("/api/pools").contains("\"name\":\"sync\""));
    assert!(served.admin("/api/config").contains("\"faults\":[]"));
}

#[test]
fn a_hangup_loads_an_unchanged_file_too() {
    let served = Served::start(ONE);
    for count in 1..=3 {
        served.signal("-HUP");
        let line = format!("thalamus_config_reloads_total{{outcome=\"loaded\"}} {count}");
        served.until("/metrics", &line);
    }
    assert!(served.log().matches("configuration was reloaded").count() == 3);
}
