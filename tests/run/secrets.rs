//! No secret leaves: each is sent through every door, and all that comes out anywhere is searched for it.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::Command,
    thread::spawn,
    time::Duration,
};

use crate::{http2, served::Served};

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

/// The listeners, and what stands before a request at each.
const DOORS: [(&str, &str); 6] = [
    ("", ""),
    ("hosts: [other], unknown_host: https://example.org/", ""),
    ("hosts: [other]", ""),
    ("serves: [federation_inbound], root: refuse", ""),
    ("redirect: https", ""),
    (
        "trusted_proxies: [127.0.0.1], proxy_protocol: required",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
    ),
];

/// All that comes at one door, in both versions of HTTP.
fn answers(address: &str, before: &str) -> String {
    let mut all = String::new();
    let mut again = 0;
    for request in &requests() {
        all += &ask(address, &format!("{before}{request}"));
        if let Some(answer) = http2::ask(address, before, request, MARK) {
            all += &answer;
            again += 1;
        }
    }
    assert!(again > 50, "{again}");
    for fields in broken_fields() {
        all += &http2::send(address, before, &fields);
    }
    all
}

/// What no client of HTTP/2 may send, with a secret in it.
fn broken_fields() -> Vec<Vec<(&'static str, String)>> {
    let sync = format!("/_matrix/client/v3/sync?access_token=mat_{MARK}");
    let with = |changed: &[(&'static str, String)]| {
        let mut fields = vec![
            (":method", "GET".to_owned()),
            (":scheme", "https".to_owned()),
            (":authority", "hs".to_owned()),
            (":path", sync.clone()),
        ];
        for (name, value) in changed {
            match fields.iter_mut().find(|(known, _)| known == name) {
                Some(field) => field.1 = value.clone(),
                None => fields.push((*name, value.clone())),
            }
        }
        fields
    };
    let bearer = || format!("Bearer mat_{MARK}");
    vec![
        with(&[(":path", format!("{sync} x"))]),
        with(&[(":path", format!("mat_{MARK}"))]),
        with(&[(":authority", format!("user:{MARK}@h s"))]),
        with(&[(":scheme", format!("{MARK}://"))]),
        with(&[(":method", format!("GET {MARK}"))]),
        with(&[(":status", MARK.to_owned())]),
        with(&[("content-length", MARK.to_owned())]),
        with(&[("connection", MARK.to_owned())]),
        with(&[("Authorization", bearer())]),
        with(&[("authorization", format!("{}\r\n", bearer()))]),
        with(&[("authorization", bearer()), (":late", MARK.to_owned())]),
    ]
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
        ("/?loginToken={}", ""),
        ("/closed/?access_token={}", "Authorization: Bearer {}\r\n"),
        ("/files/none?access_token={}", "Cookie: session={}\r\n"),
        ("/other/?token={}", "X-Want: nothing\r\n"),
        (
            "/other/ws?token={}",
            "Upgrade: websocket\r\nSec-WebSocket-Protocol: {}\r\n",
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
    let kubeconfig = folder.path().join("kubeconfig");
    let account = format!("users: [{{name: a, user: {{token: [\"{MARK}\"]}}}}]\n");
    std::fs::write(&kubeconfig, account).unwrap();
    let listeners = DOORS.map(|(keys, _)| format!("  - {{address: \"127.0.0.1:0\", {keys}}}\n"));
    let yaml = format!(
        "listeners:
{}access_log: {format}
admin: {{address: \"127.0.0.1:0\", token: \"admin-{MARK}-0123456789\"}}
appservices: [{}]
rate_limits: {{login: {{session: 1/m}}}}
timeouts: {{wait_sync: 10ms, wait_initial: 10ms, wait_other: 10ms}}
rules:
  - {{name: closed, path: ^/closed/, refuse: {{status: 403, errcode: M_FORBIDDEN, message: closed}}}}
mounts:
  - {{name: files, prefix: /files/, directory: config/element-web}}
  - {{name: other, prefix: /other/, workers: [\"{worker}\"]}}
pools:
  main: {{workers: [\"{worker}\"]}}
  sync: {{serves: [sync, client_reader], workers: [\"{reader}\", \"{worker}\"]}}
  profile: {{serves: [profile], kubernetes: {{service: profile, namespace: matrix}}}}
kubernetes: {{kubeconfig: {}}}
",
        listeners.concat(),
        bridge.display(),
        kubeconfig.display()
    );
    let mut served = Served::start_with_log(&yaml, "trace");
    let fronts = served.fronts();
    assert_eq!(fronts.len(), DOORS.len());
    let doors = fronts.iter().zip(DOORS);
    let mut out: String = doors
        .map(|(address, (_, before))| answers(address, before))
        .collect();
    // Who is not introduced is closed on, and our log says so.
    out += &ask(&fronts[DOORS.len() - 1], &format!("PROXY {MARK}\r\n"));
    // A redirect repeats the client's own URL to it.
    out = out
        .lines()
        .filter(|line| !line.starts_with("location: https://hs/"))
        .fold(String::new(), |all, line| all + line + "\n");
    served.logged("find the API server");
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
        log.contains("TRACE") && printed.lines().count() > DOORS.len() * requests().len(),
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
    let signed = rcgen::generate_simple_self_signed(["hs".to_owned()]).unwrap();
    let certificate = file("tls.crt", signed.cert.pem());
    let key = file(
        "tls.key",
        format!("-----BEGIN PRIVATE KEY-----\n{MARK}A\n-----END PRIVATE KEY-----\n"),
    );
    let keys = format!(":0\", tls: {{certificate: {certificate}, key: {key}}}}}");
    let tls = file("tls.yaml", pools.replacen(":0\"}", &keys, 1));
    for arguments in [
        vec!["check", "--config", &tls],
        vec!["run", "--config", &tls],
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
    let output = Command::new(env!("CARGO_BIN_EXE_thalamus"))
        .args(["check", "--config", &sound])
        .env("THALAMUS_ADMIN__TOKEN", MARK)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("THALAMUS_ADMIN__TOKEN") && !text.contains(MARK),
        "{text}"
    );
}
