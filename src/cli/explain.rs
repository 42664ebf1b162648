//! `thalamus explain`: what would be done with a request, and why.

use std::{
    io::{BufRead, BufWriter, Write, stdin, stdout},
    net::IpAddr,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use clap::Args;
use serde_json::json;

use super::{ask::Admin, check::BY_LABELS};
use crate::{
    config,
    matrix::Release,
    proxy::{self, Asked, Door},
    route::{State, Synapse},
};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  thalamus explain --config thalamus.yaml GET '/_matrix/client/v3/sync?since=s1' -H 'Authorization: Bearer syt_...'
  thalamus explain --config thalamus.yaml --json PUT https://example.org/_matrix/federation/v1/send/1
  thalamus explain --config thalamus.yaml --stdin --json < requests.txt
  thalamus explain --config thalamus.yaml --all
  thalamus explain --admin http://127.0.0.1:9090 GET /_matrix/client/v3/sync")]
pub(super) struct Explain {
    /// The configuration; needs no running server
    #[arg(long, value_name = "FILE", required_unless_present = "admin")]
    config: Option<PathBuf>,
    /// Asks the running Thalamus with this admin address instead
    #[arg(long, value_name = "URL")]
    admin: Option<Admin>,
    /// The request's method
    #[arg(required_unless_present_any = ["stdin", "all"])]
    method: Option<String>,
    /// The request's path and query, or its whole URL
    #[arg(required_unless_present_any = ["stdin", "all"])]
    target: Option<String>,
    /// A header of the request; as often as needed
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = Asked::header)]
    headers: Vec<(String, String)>,
    /// The client's address
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    client: IpAddr,
    /// Prints JSON
    #[arg(long)]
    json: bool,
    /// Reads lines `METHOD TARGET`, prints one JSON object a line
    #[arg(long, conflicts_with_all = ["method", "target"])]
    stdin: bool,
    /// Prints the whole table with the pools of each row; with --json one object a line
    #[arg(long, conflicts_with_all = ["method", "target", "stdin", "admin"])]
    all: bool,
}

/// Who knows the answer.
enum Oracle {
    /// The configuration's first snapshot and its listeners' doors.
    Configuration(Box<State>, Vec<Arc<Door>>),
    /// A running Thalamus.
    Admin(Admin),
}

impl Explain {
    /// Prints the answers.
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let oracle = match (&self.admin, &self.config) {
            (Some(admin), _) => Oracle::Admin(admin.clone()),
            (None, Some(file)) => match config::load(file) {
                Ok(settings) => {
                    if settings.labels.is_some() {
                        eprintln!("{}: {BY_LABELS}", file.display());
                    }
                    let doors = settings.listeners.iter();
                    let doors = doors.map(|listener| Arc::new(listener.door.clone()));
                    let doors = doors.collect();
                    let newest = Synapse::Assumed(Release::NEWEST);
                    let synapse = settings.synapse_version.map(Synapse::Configured);
                    let state = State::new(&settings.pools, settings.limits)
                        .with_appservices(settings.appservices)
                        .with_policy(settings.policy)
                        .with_synapse(synapse.unwrap_or(newest));
                    Oracle::Configuration(Box::new(state), doors)
                }
                Err(faults) => {
                    eprintln!("{faults}");
                    return Ok(ExitCode::FAILURE);
                }
            },
            (None, None) => anyhow::bail!("--config or --admin is needed"),
        };
        if let (true, Oracle::Configuration(state, _)) = (self.all, &oracle) {
            return self.print_all(state, BufWriter::new(stdout().lock()));
        }
        match (&self.method, &self.target) {
            (Some(method), Some(target)) => self.explain_one(&oracle, method, target),
            _ => self.explain_lines(&oracle, stdin().lock(), BufWriter::new(stdout().lock())),
        }
    }

    fn print_all(&self, state: &State, mut out: impl Write) -> anyhow::Result<ExitCode> {
        if !self.json {
            writeln!(out, "# Synapse {}", state.synapse)?;
            writeln!(
                out,
                "# row, group, methods, key, pools in the order in which they are asked, path;"
            )?;
            writeln!(
                out,
                "# V1 is (api/v1|r0|v3|unstable), V2 is (r0|v3|unstable)"
            )?;
        }
        for row in proxy::overview(state) {
            match self.json {
                true => writeln!(out, "{}", serde_json::to_string(&row)?)?,
                false => writeln!(out, "{row}")?,
            }
        }
        out.flush()?;
        Ok(ExitCode::SUCCESS)
    }

    fn explain_one(&self, oracle: &Oracle, method: &str, target: &str) -> anyhow::Result<ExitCode> {
        match oracle.answer(&self.asked(method, target), self.json) {
            Ok(answer) => {
                writeln!(stdout(), "{answer}")?;
                Ok(ExitCode::SUCCESS)
            }
            Err(message) if self.json => {
                writeln!(stdout(), "{}", json!({ "error": message }))?;
                Ok(ExitCode::FAILURE)
            }
            Err(message) => anyhow::bail!(message),
        }
    }

    /// One answer a line; a line with a fault does not end the rest.
    fn explain_lines(
        &self,
        oracle: &Oracle,
        lines: impl BufRead,
        mut out: impl Write,
    ) -> anyhow::Result<ExitCode> {
        let mut code = ExitCode::SUCCESS;
        for line in lines.split(b'\n') {
            let answer = self.explain_line(oracle, &line?);
            if answer.is_err() {
                code = ExitCode::FAILURE;
            }
            let answer = answer.unwrap_or_else(|message| json!({ "error": message }).to_string());
            writeln!(out, "{answer}")?;
        }
        out.flush()?;
        Ok(code)
    }

    fn explain_line(&self, oracle: &Oracle, line: &[u8]) -> Result<String, String> {
        let line = std::str::from_utf8(line).map_err(|_| "the line is not UTF-8")?;
        let (method, target) = line
            .trim()
            .split_once(' ')
            .ok_or("a line is `METHOD TARGET`, such as `GET /_matrix/client/v3/sync`")?;
        oracle.answer(&self.asked(method, target.trim_start()), true)
    }

    fn asked(&self, method: &str, target: &str) -> Asked {
        let mut headers = self.headers.clone();
        let (host, target) = split_url(target);
        headers.extend(host.map(|host| ("host".into(), host.into())));
        Asked {
            method: method.into(),
            target: target.into(),
            headers,
            client: self.client,
        }
    }
}

impl Oracle {
    fn answer(&self, asked: &Asked, as_json: bool) -> Result<String, String> {
        match self {
            Self::Admin(admin) => admin
                .explain(asked, as_json)
                .map_err(|error| format!("{error:#}")),
            Self::Configuration(state, doors) => {
                let explanation =
                    proxy::explain(state, doors, asked).map_err(|fault| fault.to_string())?;
                match as_json {
                    true => serde_json::to_string(&explanation).map_err(|error| error.to_string()),
                    false => Ok(explanation.to_string()),
                }
            }
        }
    }
}

/// The host of a whole URL, and the target that a client would send to it.
fn split_url(target: &str) -> (Option<&str>, &str) {
    let rest = target
        .strip_prefix("https://")
        .or_else(|| target.strip_prefix("http://"));
    let Some(rest) = rest else {
        return (None, target);
    };
    match rest.find(['/', '?']) {
        Some(at) if rest[at..].starts_with('/') => (Some(&rest[..at]), &rest[at..]),
        _ => (Some(rest), "/"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_url_is_split_as_a_client_would() {
        for (url, split) in [
            ("/_matrix/a?b=c", (None, "/_matrix/a?b=c")),
            (
                "https://example.org/a?b=/c",
                (Some("example.org"), "/a?b=/c"),
            ),
            ("http://[::1]:8008/a", (Some("[::1]:8008"), "/a")),
            ("https://example.org", (Some("example.org"), "/")),
        ] {
            assert_eq!(split_url(url), split, "{url}");
        }
    }
}
