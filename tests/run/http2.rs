//! A client of HTTP/2 that says what a client of HTTP/1.1 says, and one that says what none may.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use h2::{RecvStream, client};
use hyper::{HeaderMap, Request, Response, body::Bytes, header::HeaderValue};
use tokio::{runtime, time::timeout};

/// Nothing here takes so long unless it hangs.
const HANGS: Duration = Duration::from_secs(30);

/// All that comes for the request of that text, with this trailer; none when HTTP/2 cannot say it.
pub fn ask(address: &str, before: &str, text: &str, trailer: &str) -> Option<String> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let request = request(head)?;
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(before.as_bytes()).unwrap();
    stream.set_nonblocking(true).unwrap();
    let body = Bytes::copy_from_slice(body.as_bytes());
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let talk = talk(stream, request, body, trailer);
    let told = runtime
        .unwrap()
        .block_on(async { timeout(HANGS, talk).await.expect("it hangs") });
    Some(told.unwrap_or_else(|error| error.to_string()))
}

/// The same head; without the fields that HTTP/2 says in another way.
fn request(head: &str) -> Option<Request<()>> {
    let mut lines = head.split("\r\n");
    let line: Vec<&str> = lines.next()?.split(' ').collect();
    let [method, target, "HTTP/1.1"] = line[..] else {
        return None;
    };
    let mut request = Request::builder()
        .method(method)
        .uri(format!("http://hs{target}"));
    for line in lines {
        let (name, value) = line.split_once(": ")?;
        if !matches!(name, "Host" | "Content-Length" | "Connection" | "Upgrade") {
            request = request.header(name, value);
        }
    }
    request.body(()).ok()
}

async fn talk(
    stream: TcpStream,
    request: Request<()>,
    body: Bytes,
    trailer: &str,
) -> Result<String, h2::Error> {
    let stream = tokio::net::TcpStream::from_std(stream).unwrap();
    let (mut requests, connection) = client::handshake(stream).await?;
    let connection = tokio::spawn(connection);
    let is_whole = body.is_empty();
    let (answer, mut upload) = requests.send_request(request, is_whole)?;
    if !is_whole {
        // It may be answered before all of it was sent.
        let _ = upload.send_data(body, false);
        let trailer = ("x-secret".parse().unwrap(), trailer.parse().unwrap());
        let _ = upload.send_trailers(HeaderMap::from_iter([trailer]));
    }
    let told = read(answer.await?).await;
    connection.abort();
    told
}

/// All fields and the whole body of an answer.
async fn read(answer: Response<RecvStream>) -> Result<String, h2::Error> {
    let (head, mut body) = answer.into_parts();
    let mut told = format!("{}\n", head.status);
    let lossy = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    for (name, value) in &head.headers {
        told += &format!("{name}: {}\n", lossy(value));
    }
    while let Some(data) = body.data().await {
        told += &String::from_utf8_lossy(&data?);
    }
    Ok(told)
}

/// Sends a head of these fields, whatever they are; gives all that comes.
pub fn send(address: &str, before: &str, fields: &[(&str, String)]) -> String {
    let mut block = vec![];
    for (name, value) in fields {
        block.push(0);
        put(&mut block, name.as_bytes());
        put(&mut block, value.as_bytes());
    }
    let mut bytes = before.as_bytes().to_vec();
    bytes.extend(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    bytes.extend(&(block.len() as u32).to_be_bytes()[1..]);
    bytes.extend(b"\x01\x05\0\0\0\x01");
    bytes.extend(block);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(HANGS)).unwrap();
    // It may be refused before it is sent whole.
    let _ = stream.write_all(&bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = vec![];
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// A text of the header compression, as it stands (RFC 7541, section 5.2).
fn put(block: &mut Vec<u8>, text: &[u8]) {
    assert!(text.len() < 127, "it needs more than a byte for its length");
    block.push(text.len() as u8);
    block.extend(text);
}
