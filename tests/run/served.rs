//! A running Thalamus with a configuration file of its own.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread::{sleep, spawn},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// The build that goes with these tests.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_thalamus");

/// Nothing here takes so long unless it hangs.
const HANGS: Duration = Duration::from_secs(60);

/// The program, its file and its log.
pub struct Served {
    child: Child,
    folder: TempDir,
    log: Arc<Mutex<String>>,
    printed: Arc<Mutex<String>>,
    /// `host:port` of its first listener.
    pub front: String,
    /// `host:port` of its admin pages.
    pub admin: String,
}

impl Served {
    /// Starts one with `pools` and other keys; its addresses are free ports.
    pub fn start(yaml: &str) -> Self {
        Self::start_program(PROGRAM, yaml)
    }

    /// As `start`, of another build.
    pub fn start_program(program: &str, yaml: &str) -> Self {
        Self::start_by(Command::new(program), yaml)
    }

    /// As `start`, with another level of its log.
    pub fn start_with_log(yaml: &str, level: &str) -> Self {
        let mut program = Command::new(PROGRAM);
        program.env("THALAMUS_LOG", level);
        Self::start_by(program, yaml)
    }

    /// Starts one that may have so many files open.
    pub fn start_within(files: usize, yaml: &str) -> Self {
        let mut shell = Command::new("sh");
        let run = format!("ulimit -n {files} && exec \"$0\" \"$@\"");
        shell.args(["-c", &run, PROGRAM]);
        Self::start_by(shell, yaml)
    }

    fn start_by(mut command: Command, yaml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("thalamus.yaml"), whole(yaml)).unwrap();
        let mut child = command
            .arg("run")
            .arg("--config")
            .arg(folder.path().join("thalamus.yaml"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = kept(child.stderr.take().unwrap());
        let printed = kept(child.stdout.take().unwrap());
        let mut served = Self {
            child,
            folder,
            log,
            printed,
            front: String::new(),
            admin: String::new(),
        };
        served.front = served.address("serving on ");
        served.admin = served.address("status page on http://");
        served
    }

    /// `host:port` of each of its listeners.
    pub fn fronts(&self) -> Vec<String> {
        let log = self.log();
        let all = log
            .lines()
            .filter_map(|line| line.split_once("serving on "));
        all.map(|(_, address)| address.to_owned()).collect()
    }

    /// Its configuration.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("thalamus.yaml")
    }

    /// Writes its configuration anew.
    pub fn write(&self, yaml: &str) {
        std::fs::write(self.file(), whole(yaml)).unwrap();
    }

    /// Sends it a signal, such as `-TERM`.
    pub fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// The memory it has resident, in KiB.
    pub fn resident(&self) -> usize {
        let status = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.unwrap().parse().unwrap()
    }

    /// What an admin page answers: head and body.
    pub fn admin(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.admin).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Waits until an admin page shows `wanted`.
    pub fn until(&self, path: &str, wanted: &str) {
        self.wait(wanted, || self.admin(path).contains(wanted));
    }

    /// Waits until the log says `wanted`.
    pub fn logged(&self, wanted: &str) {
        self.wait(wanted, || self.log().contains(wanted));
    }

    /// The log up to now.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Its access log up to now.
    pub fn printed(&self) -> String {
        self.printed.lock().unwrap().clone()
    }

    /// Waits for its end.
    pub fn ended(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    fn address(&self, before: &str) -> String {
        self.logged(before);
        let log = self.log();
        let address = log.split_once(before).unwrap().1.lines().next().unwrap();
        address.trim_end_matches('/').to_owned()
    }

    fn wait(&self, wanted: &str, seen: impl Fn() -> bool) {
        let began = Instant::now();
        while !seen() {
            assert!(began.elapsed() < HANGS, "no {wanted}: {}", self.log());
            sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It is gone already where the test waited for its end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Keeps the lines that come, for as long as they do.
fn kept(lines: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let log = Arc::new(Mutex::new(String::new()));
    let written = log.clone();
    spawn(move || {
        for line in BufReader::new(lines).lines().map_while(Result::ok) {
            written.lock().unwrap().push_str(&format!("{line}\n"));
        }
    });
    log
}

/// With listeners on free ports, unless there are some.
fn whole(yaml: &str) -> String {
    let listeners = match yaml.contains("listeners:") {
        true => "",
        false => "listeners: [{address: \"127.0.0.1:0\"}]\n",
    };
    let admin = match yaml.contains("admin:") {
        true => "",
        false => "admin: {address: \"127.0.0.1:0\"}\n",
    };
    format!("{listeners}{admin}{yaml}")
}
