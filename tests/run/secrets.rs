//! No secret leaves: each is sent through every door, and all that comes out anywhere is searched for it.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::Command,
    thread::spawn,
    time::Duration,
};

use crate::served::Served;

/// Every secret has this in it, so that a part of one is found as well.
const MARK: &str = "hUnTeR2";

/// A worker that answers what the request asks it to: an error, nothing, or what is no HTTP.
fn worker() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            spawn(move || answer(stream));
        }
    });
    address
}

fn answer(mut stream: TcpStream) {
    let (mut read, mut bytes) = (0, [0; 64 * 1024]);
    while !bytes[..read].windows(4).any(|four| four == b"\r\n\r\n") {
        match stream.read(&mut bytes[read..]) {
            Ok(count @ 1..) => read += count,
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&bytes[..read]).into_owned();
    let answer = match &head {
        head if head.contains("x-want: nothing") => return,
        head if head.contains("x-want: garbage") => "HTTP/1.1 2OO\n\n",
        head if head.contains("x-want: half") => "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{",
        head if head.contains("/whoami") => {
            "HTTP/1.1 401 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
        }
        _ => "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
    };
    // A proxy that has left needs no answer.
    let _ = stream.write_all(answer.as_bytes());
}

/// All that comes for `bytes`, on a connection that ends with its answer.
fn ask(address: &str, bytes: &str) -> String {
    let bytes = bytes.replacen("Host: hs\r\n", "Host: hs\r\nConnection: close\r\n", 1);
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    // It may be refused before it is sent whole.
    let _ = stream.write_all(bytes.as_bytes());
    let mut answer = vec![];
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// Requests with a secret in every place where clients, servers, bridges and admins put one.
fn requests() -> Vec<String> {
    let syt = format!("syt_YWxpY2U_{MARK}rTyUiOpAsDfGh_3gUfi4");
    let mut all = vec![];
    for token in [
        &syt,
        &format!("mat_{MARK}abc_0Abc12"),
        &format!("as_{MARK}"),
        &format!("MDAx{MARK}"),
    ] {
        for want in ["ok", "nothing", "garbage", "half"] {
            all.push(format!(
                "GET /_matrix/client/v3/sync?since=s1 HTTP/1.1\r\nHost: hs\r\nX-Want: {want}\r\nAuthorization: Bearer {token}\r\n\r\n"
            ));
        }
        for target in [
            format!("/_matrix/client/v3/sync?access_token={token}"),
            format!("/_matrix/client/v3/sync?access%5Ftoken={token}&since=1"),
            format!("/_matrix/client/v3/sync;access_token={token}"),
            format!("/_matrix/client/v3/sync&access_token={token}"),
            format!("/_matrix/client/v3/sync%3Faccess_token%3D{token}"),
            format!("/_synapse/metrics?access_token={token}"),
            format!("/_synapse/admin/v1/register?access_token={token}"),
        ] {
            all.push(format!("GET {target} HTTP/1.1\r\nHost: hs\r\n\r\n"));
        }
        // What cannot be read must not be told either.
        for broken in [
            format!("GET / HTTP/1.1\r\nHost: hs\r\nAuthorization: Bearer\r\n {token}\r\n\r\n"),
            format!("GET / HTTP/1.1\r\nAuthorization : Bearer {token}\r\n\r\n"),
            format!("GET /?access_token={token} HTTP/9.9\r\n\r\n"),
            format!("{token}\r\n\r\n"),
            format!(
                "GET / HTTP/1.1\r\nHost: hs\r\nAuthorization: Bearer {token}\r\nContent-Length: x\r\n\r\n"
            ),
            format!(
                "GET / HTTP/1.1\r\nHost: hs\r\nAuthorization: Bearer {token}{}\r\n\r\n",
                "x".repeat(20_000)
            ),
        ] {
            all.push(broken);
        }
    }
    for (line, fields, body) in [
        (
            "POST /_matrix/client/v3/login",
            "",
            format!("{{\"password\":\"{MARK}\"}}"),
        ),
        (
            "POST /_matrix/client/v3/login",
            "X-Want: nothing\r\n",
            format!("{{\"token\":\"syl_{MARK}\"}}"),
        ),
        (
            "POST /_matrix/client/v3/refresh",
            "",
            format!("{{\"refresh_token\":\"syr_{MARK}\"}}"),
        ),
        (
            "POST /_matrix/client/unstable/org.matrix.simplified_msc3575/sync",
            "",
            format!("{{\"pos\":\"{MARK}\","),
        ),
        (
            "POST /_synapse/mas/x",
            "Authorization: Bearer {}\r\n",
            String::new(),
        ),
    ] {
        let fields = fields.replace("{}", MARK);
        all.push(format!(
            "{line} HTTP/1.1\r\nHost: hs\r\n{fields}Content-Length: {}\r\n\r\n{body}",
            body.len()
        ));
    }
    for (target, fields) in [
        ("/_matrix/client/v3/login/sso/redirect?loginToken={}", ""),
        (
            "/_matrix/client/unstable/add_threepid/email/submit_token?token={}&client_secret={}",
            "",
        ),
        ("/_matrix/client/v3/versions", "Cookie: session={}\r\n"),
        (
            "/_matrix/client/v3/versions",
            "Proxy-Authorization: Basic {}\r\n",
        ),
        (
            "/_matrix/federation/v1/state/!r:hs",
            "Authorization: X-Matrix origin=\"o\",key=\"k\",sig=\"{}\"\r\n",
        ),
    ] {
        let (target, fields) = (target.replace("{}", MARK), fields.replace("{}", MARK));
        all.push(format!("GET {target} HTTP/1.1\r\nHost: hs\r\n{fields}\r\n"));
    }
    all
}

/// What the admin pages answer, to those who know the token and to those who do not.
fn admin_answers(served: &Served) -> String {
    let header = format!("header=Authorization:%20Bearer%20syt_YWxpY2U_{MARK}rTyUiOpAsDfGh_3gUfi4");
    let mut all = String::new();
    for path in [
        "/",
        "/metrics",
        "/api/pools",
        "/api/config",
        "/health",
        "/ready",
    ] {
        all += &served.admin(path);
    }
    all += &served.admin(&format!(
        "/api/explain?method=GET&target=/_matrix/client/v3/sync&{header}"
    ));
    all += &served.admin(&format!(
        "/api/explain?method=GET&target=/_matrix/client/v3/sync%3Faccess_token%3Dmat_{MARK}"
    ));
    for token in [
        format!("admin-{MARK}-0123456789"),
        format!("wrong-{MARK}-0123456789"),
    ] {
        for worker in ["127.0.0.1:1", "none"] {
            all += &ask(
                &served.admin,
                &format!(
                    "POST /api/drain?pool=main&worker={worker} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
                ),
            );
        }
    }
    all
}

fn run_with(format: &str) {
    let (worker, reader) = (worker(), worker());
    let folder = tempfile::tempdir().unwrap();
    let bridge = folder.path().join("bridge.yaml");
    let registration = format!(
        "id: bridge\nas_token: as_{MARK}\nhs_token: hs_{MARK}\nsender_localpart: bot\nnamespaces: {{}}\nurl: null\nrate_limited: false\n"
    );
    std::fs::write(&bridge, registration).unwrap();
    let yaml = format!(
        "access_log: {format}
admin: {{address: \"127.0.0.1:0\", token: \"admin-{MARK}-0123456789\"}}
appservices: [{}]
rate_limits: {{login: {{session: 1/m}}}}
pools:
  main: {{workers: [\"{worker}\"]}}
  sync: {{serves: [sync, client_reader], workers: [\"{reader}\", \"{worker}\"]}}
",
        bridge.display()
    );
    let mut served = Served::start_with_log(&yaml, "trace");
    let requests = requests();
    let mut out: String = requests
        .iter()
        .map(|request| ask(&served.front, request))
        .collect();
    out += &admin_answers(&served);
    served.write(&format!(
        "{yaml}acess_log: {MARK}\nadmin2: {{token: {MARK}}}\n"
    ));
    served.signal("-HUP");
    served.until("/api/config", "unknown key");
    out += &admin_answers(&served);
    served.signal("-INT");
    assert!(served.ended().success());
    let (log, printed) = (served.log(), served.printed());
    assert!(
        log.contains("TRACE") && printed.lines().count() >= requests.len(),
        "{printed}"
    );
    for (place, text) in [
        ("an answer", &out),
        ("the log", &log),
        ("the access log", &printed),
    ] {
        let line = text.lines().find(|line| line.contains(MARK));
        assert_eq!(line, None, "a secret in {place}");
    }
}

#[test]
fn no_secret_leaves_a_running_thalamus() {
    run_with("text");
    run_with("json");
}

#[test]
fn no_secret_is_printed_by_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.into_os_string().into_string().unwrap()
    };
    let pools =
        "listeners: [{address: \"127.0.0.1:0\"}]\npools: {main: {workers: [\"127.0.0.1:1\"]}}\n";
    let sound = file(
        "sound.yaml",
        format!("{pools}admin: {{address: \"127.0.0.1:1\", token: admin-{MARK}-0123456789}}\n"),
    );
    let short = file(
        "short.yaml",
        format!("{pools}admin: {{address: \"127.0.0.1:1\", token: {MARK}}}\n"),
    );
    let wrong = file(
        "wrong.yaml",
        format!("{pools}admin: {{address: \"127.0.0.1:1\", token: [{MARK}]}}\n"),
    );
    let bridge = file("bridge.yaml", format!("as_token: [{MARK}]\n"));
    let bridges = file("bridges.yaml", format!("{pools}appservices: [{bridge}]\n"));
    let token = format!("Authorization: Bearer syt_YWxpY2U_{MARK}rTyUiOpAsDfGh_3gUfi4");
    let query = format!("/_matrix/client/v3/sync?access_token=mat_{MARK}");
    let sync = "/_matrix/client/v3/sync";
    for arguments in [
        vec!["check", "--config", &sound],
        vec!["check", "--config", &short],
        vec!["check", "--config", &wrong],
        vec!["check", "--config", &bridges],
        vec!["run", "--config", &wrong],
        vec!["explain", "--config", &sound, "GET", sync, "-H", &token],
        vec!["explain", "--config", &sound, "GET", &query, "--json"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_thalamus"))
            .args(&arguments)
            .env("THALAMUS_LOG", "trace")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(!text.is_empty(), "{arguments:?}");
        assert!(!text.contains(MARK), "{arguments:?}: {text}");
    }
}
