//! The bytes that stand-in workers answer with, made once.

use std::sync::LazyLock;

use crate::pattern;

/// Length of a sync answer's body in bytes.
const SYNC_BODY_LENGTH: usize = 1024;

/// The headers Synapse puts on every answer to a client.
pub const COMMON: &str = "Server: Synapse/1.163.2\r\n\
    Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n\
    Content-Type: application/json\r\n\
    Cache-Control: no-cache, no-store, must-revalidate\r\n\
    Access-Control-Allow-Origin: *\r\n\
    Access-Control-Allow-Methods: GET, HEAD, POST, PUT, DELETE, OPTIONS\r\n\
    Access-Control-Allow-Headers: X-Requested-With, Content-Type, Authorization, Date\r\n\
    Access-Control-Expose-Headers: Synapse-Trace-Id, Server\r\n";

/// Who the workers say they are.
pub const VERSION: &str = r#"{"server":{"name":"Synapse","version":"1.163.2"}}"#;

/// The body of every sync answer.
pub static SYNC_BODY: LazyLock<String> = LazyLock::new(|| {
    let start = r#"{"next_batch":"s124_457_0_1_2_3_4_5_6","rooms":{},"filler":""#;
    let filler = "x".repeat(SYNC_BODY_LENGTH - start.len() - 2);
    format!("{start}{filler}\"}}")
});

pub static SYNC: LazyLock<Vec<u8>> = LazyLock::new(|| json("200 OK", &SYNC_BODY));

/// The same answer as Synapse frames it: one chunk.
pub static SYNC_CHUNKED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let body = &*SYNC_BODY;
    let size = SYNC_BODY_LENGTH;
    format!("HTTP/1.1 200 OK\r\n{COMMON}Transfer-Encoding: chunked\r\n\r\n{size:x}\r\n{body}\r\n0\r\n\r\n")
        .into_bytes()
});

pub static DOWNLOAD_HEAD: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let length = pattern::LENGTH;
    format!(
        "HTTP/1.1 200 OK\r\nServer: Synapse/1.163.2\r\nContent-Type: application/octet-stream\r\n\
         Content-Length: {length}\r\n\r\n"
    )
    .into_bytes()
});

/// A JSON answer with a Content-Length.
pub fn json(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{COMMON}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}
