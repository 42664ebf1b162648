//! Asks a running Thalamus.

use std::{str::FromStr, time::Duration};

use anyhow::{Context, bail};
use http_body_util::{BodyExt, Empty};
use hyper::{Request, Response, StatusCode, Uri, body::Bytes, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, runtime, time::timeout};

use crate::proxy::Asked;

/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(10);

/// The admin address of a running Thalamus.
#[derive(Clone, Debug)]
pub(super) struct Admin {
    /// `host:port`.
    authority: String,
}

impl FromStr for Admin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let plain = text.strip_prefix("http://").unwrap_or(text);
        if plain.contains("://") {
            return Err("the admin address speaks plain HTTP; write http://host:port");
        }
        let uri: Uri = plain
            .trim_end_matches('/')
            .parse()
            .map_err(|_| "write http://host:port")?;
        match (uri.authority(), uri.port()) {
            (Some(authority), Some(_)) if uri.path().is_empty() || uri.path() == "/" => Ok(Self {
                authority: authority.to_string(),
            }),
            _ => Err("write http://host:port"),
        }
    }
}

impl Admin {
    /// What it says to a request: JSON, or text for people.
    pub(super) fn explain(&self, asked: &Asked, as_json: bool) -> anyhow::Result<String> {
        let accept = if as_json {
            "application/json"
        } else {
            "text/plain"
        };
        self.answer(&query(asked), accept)
    }

    /// What `/health` says, or `/ready`.
    pub(super) fn health(&self, ready: bool) -> anyhow::Result<String> {
        self.answer(if ready { "/ready" } else { "/health" }, "text/plain")
    }

    fn answer(&self, target: &str, accept: &str) -> anyhow::Result<String> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime
            .block_on(async { timeout(PATIENCE, self.ask(target, accept)).await })
            .unwrap_or_else(|_| bail!("no answer within {} s", PATIENCE.as_secs()))
            .with_context(|| format!("ask {}", self.authority))
    }

    async fn ask(&self, target: &str, accept: &str) -> anyhow::Result<String> {
        let stream = TcpStream::connect(&self.authority).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Its errors reach the sender too.
        let connection = tokio::spawn(connection);
        let request = Request::get(target)
            .header(header::HOST, &self.authority)
            .header(header::ACCEPT, accept)
            .body(Empty::<Bytes>::new())?;
        let answer = read(sender.send_request(request).await?).await;
        connection.abort();
        answer
    }
}

async fn read(answer: Response<hyper::body::Incoming>) -> anyhow::Result<String> {
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    let text = String::from_utf8_lossy(&body).trim_end().to_owned();
    if status.is_success() {
        return Ok(text);
    }
    let fault: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    match fault.as_ref().and_then(|fault| fault["error"].as_str()) {
        Some(message) => bail!("{message}"),
        None if status == StatusCode::SERVICE_UNAVAILABLE => bail!("{text}"),
        None => bail!("the answer was {status}; is this the admin address of Thalamus?"),
    }
}

fn query(asked: &Asked) -> String {
    let mut query = format!(
        "/api/explain?method={}&target={}&client={}",
        escape(&asked.method),
        escape(&asked.target),
        escape(&asked.client.to_string()),
    );
    for (name, value) in &asked.headers {
        query.push_str(&format!("&header={}", escape(&format!("{name}: {value}"))));
    }
    query
}

fn escape(text: &str) -> String {
    let escaped = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_admin_address_is_a_host_and_port() {
        for text in [
            "http://127.0.0.1:9090",
            "127.0.0.1:9090",
            "http://[::1]:9090/",
            "thalamus:9090",
        ] {
            assert!(text.parse::<Admin>().is_ok(), "{text}");
        }
        for text in [
            "https://127.0.0.1:9090",
            "127.0.0.1",
            "http://a:1/ready",
            "",
        ] {
            assert!(text.parse::<Admin>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_question_survives_the_query() {
        let asked = Asked {
            method: "GET".into(),
            target: "/a?b=c&d=%20é".into(),
            headers: vec![("X-A".into(), "b+c".into())],
            client: "::1".parse().unwrap(),
        };
        assert_eq!(
            query(&asked),
            "/api/explain?method=GET&target=%2Fa%3Fb%3Dc%26d%3D%2520%C3%A9&client=%3A%3A1&header=X-A%3A%20b%2Bc"
        );
    }
}
