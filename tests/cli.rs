//! The commands as a shell sees them: what they print where, and their exit codes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a panic in a test is the report"
)]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::net::UnixDatagram,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

const SYNC: &str = "/_matrix/client/v3/sync?since=s1";
/// Fixed, so that nobody is asked for it.
const RELEASE: &str = "1.163.2";
const ALICE: &str = "Authorization: Bearer syt_YWxpY2U_abcdefghijklmnopqrst_1TMI8I";

fn thalamus(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_thalamus"));
    command.args(arguments);
    command
}

fn output(arguments: &[&str]) -> Output {
    thalamus(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn fed(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = thalamus(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn check_says_in_one_line_that_all_is_sound() {
    let done = output(&["check", "--config", "config/full.yaml"]);
    assert_eq!(
        text(&done.stdout),
        "config/full.yaml: sound: 18 pools, 20 workers, 5 listeners\n\
         config/full.yaml: pools that Services make by their labels are known to a running Thalamus only: \
         explain --admin URL asks it\n\
         config/full.yaml: rule no-directory: path `^/_matrix/federation/v1/publicRooms$`: 10 KiB compiled, \
         run for every request that reaches the rule, as nothing cheaper narrows it\n"
    );
    assert_eq!((done.status.code(), text(&done.stderr)), (Some(0), ""));
}

#[test]
fn check_reads_the_certificates_too() {
    let done = thalamus(&["check", "--config", "config/small.yaml"])
        .env("THALAMUS_LISTENERS__0__TLS__CERTIFICATE", "no/such.crt")
        .env("THALAMUS_LISTENERS__0__TLS__KEY", "no/such.key")
        .output()
        .unwrap();
    assert_eq!(
        text(&done.stdout),
        "config/small.yaml: listeners[0].tls.certificate: no/such.crt: No such file or directory (os error 2)\n"
    );
    assert_eq!(done.status.code(), Some(1));
}

#[test]
fn check_says_what_regexes_cost() {
    let done = output(&["check", "--config", "config/rules.yaml"]);
    let printed = text(&done.stdout);
    assert_eq!(printed.lines().count(), 3, "{printed}");
    assert!(printed.contains("rule old-bot: User-Agent `^OldBot/[01]\\.`: "));
    assert_eq!((done.status.code(), text(&done.stderr)), (Some(0), ""));
}

#[test]
fn explain_says_whose_a_request_is_that_is_not_synapses() {
    let asked = ["explain", "--config", "config/mounts.yaml", "GET"];
    let hookshot = &["/hookshot/webhook/42"][..];
    let element = &["/config.json", "-H", "Host: app.example.org"][..];
    for (more, lines) in [
        (
            hookshot,
            [
                "group       mount",
                "row         X6 hookshot /hookshot/",
                "pool        hookshot",
                "worker      hookshot:9000",
                "/hookshot/ belongs to the mount hookshot, on the least busy worker; Synapse has no part in it.",
            ],
        ),
        (
            element,
            [
                "row         X6 element-web app.example.org/",
                "pool        -",
                "worker      -",
                "reason      OK",
                "app.example.org/ is a mounted directory: its files are served from here.",
            ],
        ),
    ] {
        let done = output(&[&asked[..], more].concat());
        let printed = text(&done.stdout);
        for line in lines {
            assert!(
                printed.lines().any(|found| found == line),
                "{line}: {printed}"
            );
        }
    }
}

#[test]
fn explain_says_which_rule_decided() {
    let target =
        "/_matrix/client/v3/rooms/%21OGEhHVWSdvArJzumhm%3Amatrix.org/send/m.room.message/1";
    let done = output(&["explain", "--config", "config/rules.yaml", "PUT", target]);
    let printed = text(&done.stdout);
    for line in ["rule        hq-writes", "pool        hq_creators"] {
        assert!(
            printed.lines().any(|found| found == line),
            "{line}: {printed}"
        );
    }
}

#[test]
fn explain_says_that_a_host_name_is_sent_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("thalamus.yaml");
    let yaml = "listeners: [{address: \"127.0.0.1:0\", hosts: [hs], unknown_host: https://example.org/}]\n\
                pools: {main: {workers: [\"127.0.0.1:1\"]}}\n";
    std::fs::write(&file, yaml).unwrap();
    let file = file.to_str().unwrap();
    for (host, line) in [
        ("Host: other", "pool        -"),
        (
            "Host: other",
            "No listener serves this host name: it is sent elsewhere, as `unknown_host` says.",
        ),
        ("Host: hs", "pool        main"),
    ] {
        let done = output(&["explain", "--config", file, "GET", SYNC, "-H", host]);
        let printed = text(&done.stdout);
        assert!(
            printed.lines().any(|found| found == line),
            "{line}: {printed}"
        );
    }
}

#[test]
fn check_exits_with_1_and_prints_every_fault() {
    let done = thalamus(&["check", "--config", "config/small.yaml"])
        .env("THALAMUS_THREADS", "none")
        .env("THALAMUS_POOLS__SYNC__WORKERS__1__ADDRESS", "127.0.0.1")
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(1));
    let lines: Vec<_> = text(&done.stdout).lines().collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(
        lines[0].starts_with("config/small.yaml: threads (from THALAMUS_THREADS): "),
        "{lines:?}"
    );
    assert!(
        lines[1].starts_with("config/small.yaml: pools.sync.workers[1].address (from THALAMUS_"),
        "{lines:?}"
    );
    assert_eq!(lines[2], "config/small.yaml: 2 faults");
}

#[test]
fn check_of_no_file_is_one_line() {
    let done = output(&["check", "--config", "no/such.yaml"]);
    assert_eq!(done.status.code(), Some(1));
    assert_eq!(text(&done.stdout), "no/such.yaml: there is no such file\n");
}

#[test]
fn warnings_leave_stdout_alone() {
    let done = thalamus(&["check", "--config", "config/small.yaml"])
        .env("THALAMUS_LISTENERS__0__TRUSTED_PROXIES", "[0.0.0.0/0]")
        .output()
        .unwrap();
    assert_eq!(
        (done.status.code(), text(&done.stdout).lines().count()),
        (Some(0), 1)
    );
    assert!(
        text(&done.stderr).contains("warning: listeners[0].trusted_proxies"),
        "{}",
        text(&done.stderr)
    );
}

#[test]
fn wrong_usage_exits_with_2() {
    for arguments in [
        &["check"][..],
        &["chekc"],
        &[],
        &["explain", "GET", "/"],
        &["explain", "--config", "config/small.yaml", "GET"],
        &[
            "explain",
            "--config",
            "config/small.yaml",
            "--stdin",
            "GET",
            "/",
        ],
        &[
            "explain",
            "--config",
            "config/small.yaml",
            "GET",
            "/",
            "-H",
            "nothing",
        ],
        &[
            "explain",
            "--config",
            "config/small.yaml",
            "GET",
            "/",
            "--client",
            "me",
        ],
        &["explain", "--admin", "https://a", "GET", "/"],
    ] {
        assert_eq!(output(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn explain_prints_the_plan_for_people() {
    let done = output(&[
        "explain",
        "--config",
        "config/small.yaml",
        "GET",
        SYNC,
        "-H",
        ALICE,
    ]);
    assert_eq!(done.status.code(), Some(0));
    let printed = text(&done.stdout);
    for line in [
        "group       sync",
        "pool        sync",
        "key         user alice",
        "synapse     1.163, assumed",
    ] {
        assert!(
            printed.lines().any(|found| found == line),
            "{line}: {printed}"
        );
    }
    assert!(!printed.contains("abcdefghij"), "a token leaked: {printed}");
}

#[test]
fn explain_prints_one_json_object() {
    let url = format!("https://example.org{SYNC}");
    let done = output(&[
        "explain",
        "--json",
        "--config",
        "config/small.yaml",
        "GET",
        &url,
        "-H",
        ALICE,
    ]);
    let printed: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(
        (printed["group"].as_str(), printed["key_value"].as_str()),
        (Some("sync"), Some("alice"))
    );
    for field in [
        "group",
        "pool",
        "worker",
        "fallback",
        "key",
        "key_value",
        "caller",
        "reason",
    ] {
        assert!(printed.get(field).is_some(), "{field}: {printed}");
    }
}

#[test]
fn explain_prints_the_whole_table() {
    let all = ["explain", "--config", "config/small.yaml", "--all"];
    let done = output(&all);
    assert_eq!(done.status.code(), Some(0));
    let printed = text(&done.stdout);
    assert!(
        printed.starts_with("# Synapse 1.163, assumed\n"),
        "{printed}"
    );
    let done = output(&[&all[..], &["--json"]].concat());
    let rows: Vec<Value> = text(&done.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(printed.lines().count(), rows.len() + 3);
    let sync = rows.iter().find(|row| row["row"] == "S1").unwrap();
    assert_eq!(
        *sync,
        serde_json::json!({
            "row": "S1", "group": "sync", "methods": ["GET"], "pattern": "/_matrix/client/V2/sync", "when": null,
            "pools": sync["pools"], "key": "user",
        })
    );
    assert_eq!(
        (
            &sync["pools"][0],
            sync["pools"].as_array().unwrap().last().unwrap()
        ),
        (&"sync".into(), &"main".into())
    );
    assert_eq!(
        rows.last().unwrap()["pools"],
        serde_json::json!([]),
        "what is refused"
    );
}

#[test]
fn explain_of_what_is_no_request_exits_with_1() {
    let done = output(&["explain", "--config", "config/small.yaml", "GET", "a b"]);
    assert_eq!((done.status.code(), text(&done.stdout)), (Some(1), ""));
    assert!(
        text(&done.stderr).starts_with("thalamus: "),
        "{}",
        text(&done.stderr)
    );
    let done = output(&[
        "explain",
        "--json",
        "--config",
        "config/small.yaml",
        "GET",
        "a b",
    ]);
    assert_eq!(done.status.code(), Some(1));
    assert!(serde_json::from_slice::<Value>(&done.stdout).unwrap()["error"].is_string());
}

#[test]
fn explain_reads_lines_and_goes_on_after_a_fault() {
    let sync = format!("GET {SYNC}\n");
    let rest = b"nothing\n\xc3\x28\nPUT /_matrix/federation/v1/send/1\r\n";
    let input = [sync.as_bytes(), rest].concat();
    let done = fed(
        &[
            "explain",
            "--config",
            "config/small.yaml",
            "--stdin",
            "--json",
        ],
        &input,
    );
    assert_eq!(done.status.code(), Some(1));
    let lines: Vec<Value> = text(&done.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert_eq!(lines[0]["group"], "sync");
    assert!(
        lines[1]["error"]
            .as_str()
            .unwrap()
            .starts_with("a line is `METHOD TARGET`")
    );
    assert_eq!(lines[2]["error"], "the line is not UTF-8");
    assert_eq!(lines[3]["group"], "federation_inbound");
    let sound = fed(
        &[
            "explain",
            "--config",
            "config/small.yaml",
            "--stdin",
            "--json",
        ],
        b"GET /\n",
    );
    assert_eq!(sound.status.code(), Some(0));
}

/// A running Thalamus that is told to stop, and must.
struct Served {
    child: Child,
    /// `host:port` of its listener.
    front: String,
    /// The URL of its admin pages.
    admin: String,
}

impl Served {
    /// Starts one on free ports, with one worker.
    fn start(worker: &str) -> Self {
        Self::start_by(thalamus(&["run", "--config", "config/small.yaml"]), worker)
    }

    /// The same, with a command that its caller has prepared.
    fn start_by(mut command: Command, worker: &str) -> Self {
        let mut child = command
            .env("THALAMUS_LISTENERS__0__ADDRESS", "127.0.0.1:0")
            .env("THALAMUS_SYNAPSE_VERSION", RELEASE)
            .env("THALAMUS_ADMIN__ADDRESS", "127.0.0.1:0")
            .env("THALAMUS_SHUTDOWN__DELAY", "0s")
            .env("THALAMUS_POOLS__SYNC__WORKERS", format!("[\"{worker}\"]"))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.as_mut().unwrap()).lines();
        let mut last_word = |of: &str| {
            let line = lines
                .by_ref()
                .map_while(Result::ok)
                .find(|line| line.contains(of));
            let line = line.expect("the log names its addresses");
            line.rsplit(' ')
                .next()
                .unwrap()
                .trim_end_matches('/')
                .to_owned()
        };
        let front = last_word("serving on");
        let admin = last_word("status page on");
        Self {
            child,
            front,
            admin,
        }
    }

    fn terminate(&self) {
        self.signal("-TERM");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &id])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits for its end.
    fn ended(mut self) -> (Option<i32>, String) {
        let mut log = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut log)
            .unwrap();
        (self.child.wait().unwrap().code(), log)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It is gone already, unless the test failed.
        let _ = self.child.kill();
    }
}

#[test]
fn explain_asks_a_running_one_which_stops_when_told() {
    let served = Served::start("127.0.0.1:8101");
    let admin = served.admin.clone();
    let here = thalamus(&[
        "explain",
        "--config",
        "config/small.yaml",
        "GET",
        SYNC,
        "-H",
        ALICE,
    ])
    .env("THALAMUS_POOLS__SYNC__WORKERS", "[\"127.0.0.1:8101\"]")
    .env("THALAMUS_SYNAPSE_VERSION", RELEASE)
    .output()
    .unwrap();
    let there = output(&["explain", "--admin", &admin, "GET", SYNC, "-H", ALICE]);
    assert_eq!(
        text(&there.stdout),
        text(&here.stdout),
        "{}",
        text(&there.stderr)
    );
    let json = output(&[
        "explain",
        "--admin",
        &admin,
        "--json",
        "GET",
        SYNC,
        "--client",
        "192.0.2.1",
    ]);
    assert_eq!(
        serde_json::from_slice::<Value>(&json.stdout).unwrap()["group"],
        "sync"
    );
    let fault = output(&["explain", "--admin", &admin, "GET", "a b"]);
    assert_eq!(fault.status.code(), Some(1));
    served.terminate();
    let (code, log) = served.ended();
    assert_eq!(code, Some(0), "{log}");
    let gone = output(&["explain", "--admin", &admin, "GET", "/"]);
    assert_eq!(gone.status.code(), Some(1));
    assert!(
        text(&gone.stderr).contains("ask 127.0.0.1:"),
        "{}",
        text(&gone.stderr)
    );
}

#[test]
fn health_is_an_exit_code() {
    let served = Served::start("127.0.0.1:8101");
    let admin = served.admin.clone();
    let well = output(&["health", "--admin", &admin]);
    assert_eq!(
        (well.status.code(), text(&well.stdout)),
        (Some(0), "healthy\n"),
        "{}",
        text(&well.stderr)
    );
    let ready = output(&["health", "--admin", &admin, "--ready"]);
    assert_eq!(text(&ready.stdout), "ready\n", "{}", text(&ready.stderr));
    served.terminate();
    let (code, log) = served.ended();
    assert_eq!(code, Some(0), "{log}");
    let gone = output(&["health", "--admin", &admin]);
    assert_eq!((gone.status.code(), text(&gone.stdout)), (Some(1), ""));
    assert!(
        text(&gone.stderr).contains("ask 127.0.0.1:"),
        "{}",
        text(&gone.stderr)
    );
}

#[test]
fn systemd_hears_of_the_start_of_a_reload_and_of_the_stop() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("notify");
    let systemd = UnixDatagram::bind(&place).unwrap();
    let mut command = thalamus(&["run", "--config", "config/small.yaml"]);
    command.env("NOTIFY_SOCKET", &place);
    let served = Served::start_by(command, "127.0.0.1:8101");
    assert_eq!(heard(&systemd), "READY=1\n");
    served.signal("-HUP");
    let reloading = heard(&systemd);
    let since = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=");
    assert!(
        since.is_some_and(|since| since.trim().parse::<u64>().is_ok()),
        "{reloading}"
    );
    assert_eq!(heard(&systemd), "READY=1\n");
    served.terminate();
    assert_eq!(heard(&systemd), "STOPPING=1\n");
    let (code, log) = served.ended();
    assert_eq!(code, Some(0), "{log}");
}

fn heard(systemd: &UnixDatagram) -> String {
    let mut message = [0; 100];
    let length = systemd.recv(&mut message).unwrap();
    text(&message[..length]).to_owned()
}

#[test]
fn run_refuses_a_faulty_configuration() {
    let done = thalamus(&["run", "--config", "config/small.yaml"])
        .env("THALAMUS_THREADS", "0")
        .output()
        .unwrap();
    assert_eq!((done.status.code(), text(&done.stdout)), (Some(1), ""));
    assert!(
        text(&done.stderr).contains("threads (from THALAMUS_THREADS)"),
        "{}",
        text(&done.stderr)
    );
}

#[test]
fn a_second_signal_ends_what_still_runs() {
    let worker = TcpListener::bind("127.0.0.1:0").unwrap();
    let served = Served::start(&worker.local_addr().unwrap().to_string());
    let mut client = TcpStream::connect(&served.front).unwrap();
    write!(
        client,
        "GET {SYNC}&timeout=30000 HTTP/1.1\r\nhost: a\r\n\r\n"
    )
    .unwrap();
    let (_parked, _) = worker.accept().unwrap();
    served.terminate();
    // The first signal is heard once /ready says no; a second one before that would be the same one.
    while !ready(&served.admin).starts_with("HTTP/1.1 503") {
        std::thread::yield_now();
    }
    let before = Instant::now();
    served.terminate();
    let (code, log) = served.ended();
    assert_eq!(code, Some(0), "{log}");
    assert!(
        log.contains("stopped before the running requests ended"),
        "{log}"
    );
    assert!(
        before.elapsed() < Duration::from_secs(20),
        "the grace period is 60 s"
    );
}

fn ready(admin: &str) -> String {
    let mut stream = TcpStream::connect(admin.trim_start_matches("http://")).unwrap();
    write!(
        stream,
        "GET /ready HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
