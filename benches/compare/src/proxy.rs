//! The five sides of the comparison and how each is started.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::programs::Programs;
use crate::standin::{Standin, WORKERS};

/// One side of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Proxy {
    /// Ours.
    Thalamus,
    /// As Synapse's documentation configures it.
    Nginx,
    /// As Element's Helm chart configures it.
    Haproxy,
    /// hyper's server and hyper's client, no routing.
    Hyper,
    /// Relays bytes and parses nothing: what any proxy must pay.
    Floor,
}

/// Whether a proxy writes one line a request, to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessLog {
    Off,
    On,
}

/// A proxy made ready to start: its command, where it will listen, where its log lands.
#[derive(Debug)]
pub struct Prepared {
    pub command: Command,
    pub listen: SocketAddr,
    pub access_log: PathBuf,
    pub errors: PathBuf,
    /// How many it is once it has started.
    pub processes: usize,
}

impl Proxy {
    /// The name in tables and files.
    pub fn name(self) -> &'static str {
        match self {
            Proxy::Thalamus => "thalamus",
            Proxy::Nginx => "nginx",
            Proxy::Haproxy => "haproxy",
            Proxy::Hyper => "hyper",
            Proxy::Floor => "floor",
        }
    }

    /// Whether it knows users, pools and workers; the others relay to one worker.
    pub fn routes(self) -> bool {
        matches!(self, Proxy::Thalamus | Proxy::Nginx | Proxy::Haproxy)
    }

    /// Writes this side's configuration into `dir`, an empty directory of its own.
    pub fn prepare(
        self,
        programs: &Programs,
        standin: &Standin,
        log: AccessLog,
        dir: &Path,
    ) -> Result<Prepared> {
        let listen = free_address()?;
        let access_log = dir.join("access.log");
        let errors = dir.join("errors.log");
        let fill = Fill {
            dir,
            listen,
            standin,
            log,
        };
        let mut command = match self {
            Proxy::Thalamus => {
                let config = fill.write("thalamus.yaml", include_str!("../peers/thalamus.yaml"))?;
                with(&programs.thalamus, &["run", "--config"], &config)
            }
            Proxy::Nginx => {
                let config = fill.write("nginx.conf", include_str!("../peers/nginx.conf"))?;
                with(&programs.nginx, &["-e", "stderr", "-c"], &config)
            }
            Proxy::Haproxy => {
                fill.write("haproxy.map", include_str!("../peers/haproxy.map"))?;
                let config = fill.write("haproxy.cfg", include_str!("../peers/haproxy.cfg"))?;
                with(&programs.haproxy, &["-db", "-f"], &config)
            }
            Proxy::Hyper | Proxy::Floor => {
                let mut command = Command::new(std::env::current_exe()?);
                let worker = standin.address("sync1").to_string();
                command.arg(self.name()).arg(listen.to_string()).arg(worker);
                command
            }
        };
        command
            .stdin(Stdio::null())
            .stdout(File::create(&access_log)?)
            .stderr(File::create(&errors)?);
        // nginx is a master and a worker.
        let processes = if self == Proxy::Nginx { 2 } else { 1 };
        Ok(Prepared {
            command,
            listen,
            access_log,
            errors,
            processes,
        })
    }
}

/// What takes the place of the words between @ in a template.
struct Fill<'a> {
    dir: &'a Path,
    listen: SocketAddr,
    standin: &'a Standin,
    log: AccessLog,
}

impl Fill<'_> {
    fn write(&self, name: &str, template: &str) -> Result<PathBuf> {
        let path = self.dir.join(name);
        let text = self.text(name, template)?;
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        Ok(path)
    }

    fn text(&self, name: &str, template: &str) -> Result<String> {
        let mut text = template
            .replace("@dir@", &self.dir.display().to_string())
            .replace("@listen@", &self.listen.to_string())
            .replace("@admin@", &free_address()?.to_string())
            .replace("@connections@", "9000")
            .replace("@access_log@", &self.access_log(name))
            .replace(
                "@log_global@",
                self.when_on("log stdout format raw local0 info"),
            )
            .replace(
                "@log_defaults@",
                self.when_on("log global\n    option httplog"),
            );
        for worker in WORKERS {
            text = text.replace(
                &format!("@{worker}@"),
                &self.standin.address(worker).to_string(),
            );
        }
        Ok(text)
    }

    fn access_log(&self, name: &str) -> String {
        match (name, self.log) {
            ("nginx.conf", AccessLog::Off) => "off".into(),
            ("nginx.conf", AccessLog::On) => format!("{}/access.log compare", self.dir.display()),
            (_, AccessLog::Off) => "none".into(),
            (_, AccessLog::On) => "text".into(),
        }
    }

    fn when_on(&self, line: &'static str) -> &'static str {
        match self.log {
            AccessLog::Off => "",
            AccessLog::On => line,
        }
    }
}

fn with(program: &Path, arguments: &[&str], config: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).arg(config);
    command
}

/// A loopback address nobody listens on just now.
///
/// Below the ports the kernel gives to clients: there, asking whether a proxy listens yet could
/// connect the asking socket to itself.
fn free_address() -> Result<SocketAddr> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = std::process::id() as u16 % 100 * 100;
    let ports =
        (0..2_000).map(|_| 15_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 15_000);
    let mut addresses = ports.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    addresses
        .find(|address| TcpListener::bind(address).is_ok())
        .context("find a free port")
}
