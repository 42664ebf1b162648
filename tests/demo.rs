//! The demo, from the built binary: the main job of the whole program on real sockets.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Command, Output, Stdio},
};

fn demo(arguments: &[&str]) -> (Output, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_thalamus"));
    let output = command
        .arg("demo")
        .args(arguments)
        .output()
        .expect("the binary is built");
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    (output, text)
}

#[test]
fn a_short_demo_tells_its_addresses_and_ends_well() {
    let (output, text) = demo(&["--port", "0", "--admin-port", "0", "--seconds", "5"]);
    assert!(output.status.success(), "{text}");
    assert!(text.contains(" clients "), "{text}");
    assert_eq!(text.matches("http://127.0.0.1:").count(), 3, "{text}");
    assert!(!text.contains("http://127.0.0.1:0"), "{text}");
    assert!(text.ends_with(" requests, 0 failed.\n"), "{text}");
}

#[test]
fn a_worker_dies_and_comes_back_and_ctrl_c_ends_the_demo_well() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_thalamus"));
    command.args(["demo", "--port", "0", "--admin-port", "0"]);
    let mut demo = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    for event in [" sync2 dies", " sync2 is back", " are home on sync2 again"] {
        assert!(lines.any(|line| line.contains(event)), "{event}");
    }
    let pid = demo.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );

    let summary: Vec<_> = lines.collect();
    assert_eq!(demo.wait().unwrap().code(), Some(0), "{summary:#?}");
    for group in [
        "sync",
        "event_creator",
        "typing",
        "receipts",
        "media",
        "federation_inbound",
    ] {
        let row = format!("  {group} ");
        assert!(
            summary.iter().any(|line| line.starts_with(&row)),
            "{group}: {summary:#?}"
        );
    }
}

#[test]
fn a_taken_port_that_was_asked_for_is_one_clear_line() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (output, text) = demo(&["--port", &port, "--seconds", "1"]);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains(&format!("port {port} is taken")), "{text}");
}
