//! The requests a client sends, as bytes: Element in a browser, ten headers and about 550 bytes.

use std::net::SocketAddr;

use crate::token;

/// An incremental sync that is answered at once.
pub fn sync(proxy: SocketAddr, user: usize) -> Vec<u8> {
    get(
        proxy,
        user,
        "/_matrix/client/v3/sync?since=s123_456&timeout=0",
    )
}

/// An incremental sync that the worker keeps until it is let go.
pub fn parked_sync(proxy: SocketAddr, user: usize) -> Vec<u8> {
    get(
        proxy,
        user,
        "/_matrix/client/v3/sync?since=s123_456&timeout=30000",
    )
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
    let text = format!(
        "{method} {target} HTTP/1.1\r\n\
         Host: {proxy}\r\n\
         User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
         Accept: application/json\r\n\
         Accept-Language: en-GB,en;q=0.7,de;q=0.3\r\n\
         Accept-Encoding: gzip, deflate, br, zstd\r\n\
         Referer: https://app.element.io/\r\n\
         Authorization: Bearer {token}\r\n\
         Origin: https://app.element.io\r\n\
         {more}\
         Connection: keep-alive\r\n\
         Sec-Fetch-Site: cross-site\r\n\
         \r\n"
    );
    text.into_bytes()
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
