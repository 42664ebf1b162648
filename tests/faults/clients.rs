//! Clients: one connection each, one request at a time.

use std::net::SocketAddr;

use thalamus::net::Address;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};

use crate::house::HANGS;

/// One client.
pub struct Client(BufReader<TcpStream>);

/// What it was answered.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    /// The worker that answered, or none when it was the proxy.
    pub worker: Option<String>,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        Self(BufReader::new(TcpStream::connect(address).await.unwrap()))
    }

    /// A client of that listener.
    pub async fn at(listener: &Address) -> Self {
        let Address::Ip(address) = listener else {
            panic!("not TCP")
        };
        Self::connect(*address).await
    }

    /// Waits until the proxy closes; false when it sends something instead.
    pub async fn is_closed(&mut self) -> bool {
        let read = timeout(HANGS, self.0.fill_buf()).await;
        read.expect("it stays open").map_or(true, <[u8]>::is_empty)
    }

    /// Asks, and waits for the answer.
    pub async fn ask(&mut self, method: &str, target: &str, user: usize) -> Answer {
        let token = token(user);
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: hs\r\nAuthorization: Bearer {token}\r\n\r\n"
        );
        self.0.write_all(head.as_bytes()).await.unwrap();
        timeout(HANGS, self.answer()).await.expect("no answer")
    }

    /// A long poll.
    pub async fn sync(&mut self, user: usize) -> Answer {
        self.ask(
            "GET",
            "/_matrix/client/v3/sync?since=s1&timeout=30000",
            user,
        )
        .await
    }

    async fn answer(&mut self) -> Answer {
        let (mut status, mut worker, mut length) = (0, None, 0);
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await.unwrap();
            let line = line.trim_end().to_ascii_lowercase();
            match line.split_once(": ") {
                Some(("x-worker", name)) => worker = Some(name.to_owned()),
                Some(("content-length", value)) => length = value.parse().unwrap(),
                Some(_) => {}
                None if line.starts_with("http/1.1 ") => status = line[9..12].parse().unwrap(),
                None => break,
            }
        }
        self.0.read_exact(&mut vec![0; length]).await.unwrap();
        Answer { status, worker }
    }
}

/// A token that does not say whose it is: placed by its own hash, the same each time.
fn token(user: usize) -> String {
    format!("mat_user{user}")
}
