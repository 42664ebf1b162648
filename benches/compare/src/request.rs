//! The requests a client sends, as bytes: Element in a browser, ten headers and about 550 bytes.

use std::net::SocketAddr;

use anyhow::Result;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use http::{Request, Uri};

use crate::token;

const SYNC: &str = "/_matrix/client/v3/sync?since=s123_456&timeout=0";
const PARKED_SYNC: &str = "/_matrix/client/v3/sync?since=s123_456&timeout=30000";

/// What a browser says with each request, whose it is aside.
const BROWSER: [(&str, &str); 7] = [
    (
        "User-Agent",
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    ),
    ("Accept", "application/json"),
    ("Accept-Language", "en-GB,en;q=0.7,de;q=0.3"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Referer", "https://app.element.io/"),
    ("Origin", "https://app.element.io"),
    ("Sec-Fetch-Site", "cross-site"),
];

/// An incremental sync that is answered at once.
pub fn sync(proxy: SocketAddr, user: usize) -> Vec<u8> {
    get(proxy, user, SYNC)
}

/// An incremental sync that the worker keeps until it is let go.
pub fn parked_sync(proxy: SocketAddr, user: usize) -> Vec<u8> {
    get(proxy, user, PARKED_SYNC)
}

/// As [`sync`], for HTTP/2.
pub fn h2_sync(proxy: SocketAddr, user: usize) -> Result<Request<()>> {
    h2_get(proxy, user, SYNC)
}

/// As [`parked_sync`], for HTTP/2.
pub fn h2_parked_sync(proxy: SocketAddr, user: usize) -> Result<Request<()>> {
    h2_get(proxy, user, PARKED_SYNC)
}

/// A sync with a large answer, by a client that knows gzip and nothing else.
pub fn large_sync(proxy: SocketAddr, user: usize) -> Vec<u8> {
    let request = get(
        proxy,
        user,
        "/_matrix/client/v3/sync?since=s1_large&timeout=0",
    );
    let text = String::from_utf8(request).expect("requests are text");
    text.replace("gzip, deflate, br, zstd", "gzip").into_bytes()
}

/// The first sync of a new device.
pub fn initial_sync(proxy: SocketAddr, user: usize) -> Vec<u8> {
    get(proxy, user, "/_matrix/client/v3/sync?timeout=0")
}

/// A request that only the main process serves.
pub fn main_only(proxy: SocketAddr, user: usize) -> Vec<u8> {
    get(proxy, user, "/_matrix/client/v3/pushers")
}

/// A download of the stand-in's one large file.
pub fn download(proxy: SocketAddr, user: usize) -> Vec<u8> {
    get(
        proxy,
        user,
        "/_matrix/client/v1/media/download/example.org/large",
    )
}

/// The head of an upload of `length` bytes.
pub fn upload(proxy: SocketAddr, user: usize, length: u64) -> Vec<u8> {
    let body = format!("Content-Type: application/octet-stream\r\nContent-Length: {length}\r\n");
    head(
        "POST",
        "/_matrix/media/v3/upload?filename=large",
        proxy,
        user,
        &body,
    )
}

fn get(proxy: SocketAddr, user: usize, target: &str) -> Vec<u8> {
    head("GET", target, proxy, user, "")
}

fn head(method: &str, target: &str, proxy: SocketAddr, user: usize, more: &str) -> Vec<u8> {
    let token = token::of_user(user);
    let browser: String = BROWSER
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let text = format!(
        "{method} {target} HTTP/1.1\r\n\
         Host: {proxy}\r\n\
         {browser}\
         Authorization: Bearer {token}\r\n\
         {more}\
         Connection: keep-alive\r\n\
         \r\n"
    );
    text.into_bytes()
}

fn h2_get(proxy: SocketAddr, user: usize, target: &str) -> Result<Request<()>> {
    let uri: Uri = format!("https://{proxy}{target}").parse()?;
    let mut request = Request::get(uri).body(())?;
    for (name, value) in BROWSER {
        let name = HeaderName::from_bytes(name.as_bytes())?;
        request
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    let mut token = HeaderValue::try_from(format!("Bearer {}", token::of_user(user)))?;
    // As in Firefox, no index may hold it.
    token.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, token);
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_is_of_the_size_a_browser_sends() {
        let request = sync(([127, 0, 0, 1], 8080).into(), 1);
        assert!((450..650).contains(&request.len()), "{}", request.len());
    }
}
