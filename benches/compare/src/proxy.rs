//! The five sides of the comparison and how each is started.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;
use serde::Serialize;

use crate::listen::free_address;
use crate::programs::Programs;
use crate::standin::Standin;
use crate::template::{Template, With};

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
        with: With,
        dir: &Path,
    ) -> Result<Prepared> {
        let listen = free_address()?;
        let access_log = dir.join("access.log");
        let errors = dir.join("errors.log");
        let template = Template {
            dir,
            listen,
            standin,
            with,
        };
        let mut command = match self {
            Proxy::Thalamus => {
                let config =
                    template.write("thalamus.yaml", include_str!("../peers/thalamus.yaml"))?;
                told(&programs.thalamus, &["run", "--config"], &config)
            }
            Proxy::Nginx => {
                let config = template.write("nginx.conf", include_str!("../peers/nginx.conf"))?;
                told(&programs.nginx, &["-e", "stderr", "-c"], &config)
            }
            Proxy::Haproxy => {
                template.write("haproxy.map", include_str!("../peers/haproxy.map"))?;
                let config = template.write("haproxy.cfg", include_str!("../peers/haproxy.cfg"))?;
                told(&programs.haproxy, &["-db", "-f"], &config)
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

fn told(program: &Path, arguments: &[&str], config: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).arg(config);
    command
}
