//! Where a request would go, asked of the running proxy.

use std::net::{IpAddr, Ipv4Addr};

use axum::{
    Json,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{Desk, fault};
use crate::proxy::{self, Asked};

/// `method`, `target`, `client`, and `header` as often as needed, each `Name: value`. JSON, or text for who accepts
/// only that.
pub(super) async fn explain(
    State(desk): State<Desk>,
    Query(parameters): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let explained = asked(parameters).and_then(|asked| {
        proxy::explain(&desk.state(), &desk.shared.doors.load(), &asked)
            .map_err(|fault| fault.to_string())
    });
    let as_text = headers
        .get(header::ACCEPT)
        .is_some_and(|accept| accept == "text/plain");
    match explained {
        Ok(explanation) if as_text => format!("{explanation}\n").into_response(),
        Ok(explanation) => Json(explanation).into_response(),
        Err(message) => fault(StatusCode::BAD_REQUEST, message),
    }
}

fn asked(parameters: Vec<(String, String)>) -> Result<Asked, String> {
    let mut asked = Asked {
        method: "GET".into(),
        target: String::new(),
        headers: Vec::new(),
        client: Ipv4Addr::LOCALHOST.into(),
    };
    for (name, value) in parameters {
        match name.as_str() {
            "method" => asked.method = value,
            "target" => asked.target = value,
            "client" => asked.client = client(&value)?,
            "header" => asked.headers.push(Asked::header(&value)?),
            _ => {
                return Err(format!(
                    "unknown parameter `{name}`; known: method, target, header, client"
                ));
            }
        }
    }
    match asked.target.is_empty() {
        true => {
            Err("the parameter `target` is missing, such as target=/_matrix/client/v3/sync".into())
        }
        false => Ok(asked),
    }
}

fn client(text: &str) -> Result<IpAddr, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is no IP address"))
}
