//! A worker that answers everything, polls only when it is told to; and clients that ask it through the proxy.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    time::{sleep, timeout},
};

/// Nothing here takes so long unless it hangs.
pub const HANGS: Duration = Duration::from_secs(60);

/// What a download has: more than all buffers on the way take.
pub const LARGE: usize = 16 << 20;

/// A stand-in worker, which serves as long as the test.
pub struct Worker {
    pub address: SocketAddr,
    parked: Arc<AtomicUsize>,
    released: watch::Sender<bool>,
}

/// A client's connection.
pub struct Client(BufReader<TcpStream>);

/// An answer, and whether it was the connection's last.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub is_last: bool,
}

impl Worker {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let parked = Arc::new(AtomicUsize::new(0));
        let (released, release) = watch::channel(false);
        let count = parked.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, count.clone(), release.clone()));
            }
        });
        Self {
            address,
            parked,
            released,
        }
    }

    /// Waits until so many polls are parked.
    pub async fn parked(&self, count: usize) {
        let seen = async {
            while self.parked.load(Ordering::Relaxed) != count {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(HANGS, seen).await.expect("they were never parked");
    }

    /// Answers all polls.
    pub fn release(&self) {
        self.released.send_replace(true);
    }
}

async fn serve(stream: TcpStream, parked: Arc<AtomicUsize>, mut release: watch::Receiver<bool>) {
    let mut stream = BufReader::new(stream);
    while let Ok(head) = head(&mut stream).await {
        if stream
            .read_exact(&mut vec![0; length(&head)])
            .await
            .is_err()
        {
            return;
        }
        if head.contains("timeout=30000") {
            parked.fetch_add(1, Ordering::Relaxed);
            // The test that held the other end is over when this fails.
            let _ = release.wait_for(|released| *released).await;
        }
        let size = if head.contains("/download/") {
            LARGE
        } else {
            2
        };
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n");
        if write(&mut stream, &answer, size).await.is_err() {
            return;
        }
    }
}

/// Writes an answer in pieces, however long its body is.
async fn write(stream: &mut BufReader<TcpStream>, head: &str, length: usize) -> io::Result<()> {
    const PIECE: [u8; 4096] = [b' '; 4096];
    if length <= PIECE.len() {
        let whole = [head.as_bytes(), &PIECE[..length]].concat();
        return stream.write_all(&whole).await;
    }
    stream.write_all(head.as_bytes()).await?;
    for start in (0..length).step_by(PIECE.len()) {
        let size = PIECE.len().min(length - start);
        stream.write_all(&PIECE[..size]).await?;
    }
    Ok(())
}

impl Client {
    pub async fn connect(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        Ok(Self(BufReader::new(stream)))
    }

    /// As `connect`, from that address of this machine.
    pub async fn from(source: [u8; 4], address: &str) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((source, 0).into())?;
        let stream = socket.connect(address.parse().unwrap()).await?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends these bytes.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await
    }

    /// Reads the head of an answer: its status and the proxy's reason.
    pub async fn told(&mut self) -> io::Result<(u16, String)> {
        let head = timeout(HANGS, head(&mut self.0))
            .await??
            .to_ascii_lowercase();
        let reason = head
            .lines()
            .find_map(|line| line.strip_prefix("x-thalamus-reason: "));
        Ok((
            head[9..12].parse().unwrap(),
            reason.unwrap_or("-").to_owned(),
        ))
    }

    /// Sends one request and reads its answer.
    pub async fn get(&mut self, target: &str) -> io::Result<Answer> {
        let request = format!("GET {target} HTTP/1.1\r\nHost: hs\r\n\r\n");
        self.0.write_all(request.as_bytes()).await?;
        let head = timeout(HANGS, head(&mut self.0)).await??;
        self.0.read_exact(&mut vec![0; length(&head)]).await?;
        Ok(Answer {
            status: head[9..12].parse().unwrap(),
            is_last: head.to_ascii_lowercase().contains("connection: close"),
        })
    }

    /// Waits until the other end closes.
    pub async fn closed(&mut self) {
        let read = timeout(HANGS, self.0.fill_buf()).await;
        let rest = read.expect("it stays open").unwrap_or_default();
        assert!(rest.is_empty(), "more came");
    }
}

/// How long the body behind a head is.
fn length(head: &str) -> usize {
    let head = head.to_ascii_lowercase();
    let mut lines = head.lines();
    lines
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
        .unwrap_or(0)
}

async fn head(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(head)
}
