//! Answers of our own: Matrix JSON with CORS headers. The only file that turns a reason into a response.

use std::borrow::Cow;

use hyper::StatusCode;

use super::{Core, Door, Own, Peer, incoming::Incoming};
use crate::{
    http1::RequestFault,
    route::Reply,
    telemetry::{Reason, Record},
};

/// A head that is answered without a worker and without a plan.
pub(super) struct Refusal {
    pub(super) reason: Reason,
    pub(super) fault: Option<RequestFault>,
}

/// An error to send.
pub(super) struct Told<'a> {
    pub(super) reason: Reason,
    /// More about this case.
    pub(super) why: Option<Cow<'a, str>>,
    /// Seconds to wait, where that is known better than for the reason in general.
    pub(super) wait: Option<u16>,
    /// The request's id.
    pub(super) id: &'a str,
}

/// How one reason is told: status, errcode, words, seconds after which a new try helps.
struct Telling<'a> {
    status: Cow<'a, str>,
    errcode: &'a str,
    error: &'a str,
    retry_after: Option<u32>,
}

impl Refusal {
    pub(super) fn new(reason: Reason) -> Self {
        Self {
            reason,
            fault: None,
        }
    }

    /// What is wrong with the head.
    pub(super) fn why(&self) -> Option<Cow<'static, str>> {
        self.fault.map(|fault| fault.to_string().into())
    }

    pub(super) fn record(&self, core: &Core, peer: &Peer, id: &str) {
        let record = Record {
            client: Some(peer.address),
            id,
            method: "-",
            path: "-",
            group: None,
            worker: None,
            status: status(self.reason),
            reason: self.reason,
            bytes_in: 0,
            bytes_out: 0,
            waited: Default::default(),
            took: Default::default(),
        };
        core.metrics.count(&record);
        core.logger.write(&record);
    }
}

impl From<RequestFault> for Refusal {
    fn from(fault: RequestFault) -> Self {
        let reason = match fault {
            RequestFault::TooLarge => Reason::HeadTooLarge,
            _ => Reason::BadRequest,
        };
        Self {
            reason,
            fault: Some(fault),
        }
    }
}

/// The status that a reason is answered with.
pub(super) fn status(reason: Reason) -> u16 {
    tell(reason).status[..3].parse().unwrap_or(0)
}

/// Writes the answer for a reason. To HEAD no body follows.
pub(super) fn write(out: &mut Vec<u8>, told: &Told<'_>, to_head: bool, close: bool) {
    let mut telling = tell(told.reason);
    telling.retry_after = told.wait.map(u32::from).or(telling.retry_after);
    telling.error = told.why.as_deref().unwrap_or(telling.error);
    put_answer(out, &telling, told.reason, told.id, to_head, close);
}

/// Writes what a rule answers, and gives its status.
pub(super) fn write_reply(
    out: &mut Vec<u8>,
    reply: &Reply,
    id: &str,
    to_head: bool,
    close: bool,
) -> u16 {
    let words = StatusCode::from_u16(reply.status).ok();
    let words = words.and_then(|status| status.canonical_reason());
    let telling = Telling {
        status: format!("{} {}", reply.status, words.unwrap_or("Refused")).into(),
        errcode: &reply.errcode,
        error: &reply.message,
        retry_after: reply.retry_after,
    };
    put_answer(out, &telling, reply.reason, id, to_head, close);
    reply.status
}

fn put_answer(
    out: &mut Vec<u8>,
    telling: &Telling<'_>,
    reason: Reason,
    id: &str,
    to_head: bool,
    close: bool,
) {
    let body = body(telling);
    out.extend_from_slice(format!("HTTP/1.1 {}\r\n", telling.status).as_bytes());
    put(out, "content-type", "application/json");
    put(out, "cache-control", "no-store");
    put_cors(out, false);
    put(out, "x-thalamus-reason", reason.code());
    put(out, "x-request-id", id);
    put(out, "content-length", &body.len().to_string());
    if let Some(seconds) = telling.retry_after {
        put(out, "retry-after", &seconds.to_string());
    }
    if close {
        put(out, "connection", "close");
    }
    out.extend_from_slice(b"\r\n");
    if !to_head {
        out.extend_from_slice(body.as_bytes());
    }
}

/// Writes an answer that is no error; gives its status.
pub(super) fn write_own(
    out: &mut Vec<u8>,
    own: Own,
    door: &Door,
    request: &Incoming,
    close: bool,
) -> u16 {
    let (line, body) = match own {
        Own::WellKnown(document) => ("200 OK", door.well_known.text(document).unwrap_or("{}")),
        Own::Preflight | Own::RendezvousPreflight => ("204 No Content", ""),
        Own::Root | Own::UnknownHost => ("302 Found", ""),
        Own::Https | Own::Files | Own::Refused(_) | Own::Limited(_) => {
            ("308 Permanent Redirect", "")
        }
    };
    out.extend_from_slice(format!("HTTP/1.1 {line}\r\n").as_bytes());
    match own {
        Own::WellKnown(_) => {
            put(out, "content-type", "application/json");
            put(out, "cache-control", "public, max-age=3600");
        }
        Own::Preflight | Own::RendezvousPreflight => put(out, "access-control-max-age", "86400"),
        Own::Root | Own::UnknownHost => put(out, "location", door.way(own).unwrap_or("/")),
        Own::Https | Own::Files | Own::Refused(_) | Own::Limited(_) => {
            put(out, "location", &with_https(request))
        }
    }
    put_cors(out, own == Own::RendezvousPreflight);
    if line != "204 No Content" {
        put(out, "content-length", &body.len().to_string());
    }
    if close {
        put(out, "connection", "close");
    }
    out.extend_from_slice(b"\r\n");
    if !request.to_head {
        out.extend_from_slice(body.as_bytes());
    }
    line[..3].parse().unwrap_or(0)
}

/// The same URL on the port of HTTPS.
fn with_https(request: &Incoming) -> String {
    let (host, target) = request.place();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => name,
        _ => host,
    };
    format!("https://{name}{target}")
}

/// What Synapse sends to browsers (`synapse/http/server.py`), so that they show our errors and not a CORS failure.
fn put_cors(out: &mut Vec<u8>, rendezvous: bool) {
    let (allow, expose) = match rendezvous {
        true => ("Content-Type, If-Match, If-None-Match", "ETag"),
        false => (
            "X-Requested-With, Content-Type, Authorization, Date",
            "Retry-After, X-Request-Id, X-Thalamus-Reason",
        ),
    };
    for (name, value) in [
        ("access-control-allow-origin", "*"),
        (
            "access-control-allow-methods",
            "GET, HEAD, POST, PUT, DELETE, OPTIONS",
        ),
        ("access-control-allow-headers", allow),
        ("access-control-expose-headers", expose),
    ] {
        put(out, name, value);
    }
}

fn put(out: &mut Vec<u8>, name: &str, value: &str) {
    for part in [name, ": ", value, "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

fn body(telling: &Telling<'_>) -> String {
    let mut body = serde_json::json!({ "errcode": telling.errcode, "error": telling.error });
    if let Some(seconds) = telling.retry_after {
        body["retry_after_ms"] = (u64::from(seconds) * 1000).into();
    }
    body.to_string()
}

fn tell(reason: Reason) -> Telling<'static> {
    let (status, errcode, error, retry_after) = match reason {
        Reason::NoWorker => (
            "503 Service Unavailable",
            "M_UNKNOWN",
            "No worker can answer this now",
            Some(2),
        ),
        Reason::Connect => (
            "503 Service Unavailable",
            "M_UNKNOWN",
            "The worker cannot be reached",
            Some(2),
        ),
        Reason::Full => (
            "503 Service Unavailable",
            "M_UNKNOWN",
            "Too many connections are open here",
            Some(5),
        ),
        Reason::Timeout => (
            "504 Gateway Timeout",
            "M_UNKNOWN",
            "The worker did not answer in time",
            Some(5),
        ),
        Reason::Closed | Reason::CutShort | Reason::Ejected => (
            "502 Bad Gateway",
            "M_UNKNOWN",
            "The worker went away; it may have done what was asked",
            None,
        ),
        Reason::BadAnswer => (
            "502 Bad Gateway",
            "M_UNKNOWN",
            "The worker's answer cannot be read",
            None,
        ),
        Reason::SlowClient => (
            "408 Request Timeout",
            "M_UNKNOWN",
            "The request came too slowly",
            None,
        ),
        Reason::BadRequest => (
            "400 Bad Request",
            "M_UNKNOWN",
            "The request cannot be read",
            None,
        ),
        Reason::HeadTooLarge => (
            "431 Request Header Fields Too Large",
            "M_TOO_LARGE",
            "The request's head is too large",
            None,
        ),
        Reason::BodyTooLarge => (
            "413 Content Too Large",
            "M_TOO_LARGE",
            "The request's body is too large",
            None,
        ),
        Reason::Busy => (
            "503 Service Unavailable",
            "M_UNKNOWN",
            "The workers have too much to do",
            Some(5),
        ),
        Reason::QueueFull => (
            "429 Too Many Requests",
            "M_LIMIT_EXCEEDED",
            "Too many requests wait for the workers",
            Some(5),
        ),
        Reason::Refused => (
            "403 Forbidden",
            "M_FORBIDDEN",
            "This path is not open here",
            None,
        ),
        Reason::RateLimited => (
            "429 Too Many Requests",
            "M_LIMIT_EXCEEDED",
            "Too many requests",
            Some(1),
        ),
        Reason::NotServed => (
            "404 Not Found",
            "M_UNRECOGNIZED",
            "This address does not serve this path",
            None,
        ),
        Reason::UnknownHost => (
            "421 Misdirected Request",
            "M_UNRECOGNIZED",
            "This host name is not served here",
            None,
        ),
        Reason::Maintenance => (
            "503 Service Unavailable",
            "M_UNKNOWN",
            "There is maintenance",
            Some(60),
        ),
        Reason::Ok | Reason::ClientLeft => (
            "500 Internal Server Error",
            "M_UNKNOWN",
            "Not an error",
            None,
        ),
    };
    Telling {
        status: status.into(),
        errcode,
        error,
        retry_after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(reason: Reason, to_head: bool) -> String {
        let mut out = vec![];
        let told = Told {
            reason,
            why: None,
            wait: None,
            id: "7",
        };
        write(&mut out, &told, to_head, false);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn errors_are_matrix_json_that_browsers_show() {
        let answer = answer(Reason::NoWorker, false);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
            "{head}"
        );
        assert!(
            head.contains("access-control-allow-origin: *") && head.contains("retry-after: 2"),
            "{head}"
        );
        assert!(
            head.contains(&format!("content-length: {}", body.len())),
            "{head}"
        );
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(
            (&body["errcode"], &body["retry_after_ms"]),
            (&"M_UNKNOWN".into(), &2000.into())
        );
    }

    #[test]
    fn head_gets_no_body() {
        assert!(answer(Reason::Timeout, true).ends_with("\r\n\r\n"));
    }

    #[test]
    fn every_reason_that_is_told_has_a_status() {
        assert!(
            Reason::ALL
                .iter()
                .all(|&reason| (400..=504).contains(&status(reason)))
        );
    }
}
