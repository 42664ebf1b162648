//! Many requests of all kinds through one process, whose memory must not grow: `ENDURANCE=10000000` sets how many,
//! `ENDURANCE_BINARY=target/release/thalamus` what is tested.

use std::{
    env,
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{JoinHandle, sleep, spawn},
    time::{Duration, Instant},
};

use crate::{
    served::{PROGRAM, Served},
    token,
};

/// Memory is compared with what it was after so many.
const FIRST: usize = 100_000;
/// With fewer in all it is only printed: caches and buffers still fill.
const ENOUGH: usize = 300_000;
const THREADS: usize = 4;
/// Connections of one thread, each with one request at a time.
const EACH: usize = 16;
const USERS: usize = 2_000;
/// A connection ends after so many requests, one of four in the middle of an answer.
const KEPT: usize = 150;

#[test]
fn memory_does_not_grow_with_requests() {
    let total = env::var("ENDURANCE").map_or(10_000, |total| total.parse().unwrap());
    let program = env::var("ENDURANCE_BINARY").unwrap_or_else(|_| PROGRAM.into());
    let (main, sync) = (worker(), worker());
    let served = Served::start_program(
        &program,
        &format!(
            "access_log: none\n\
             pools: {{main: {{workers: [\"{main}\"]}}, sync: {{serves: [sync, sliding_sync], workers: [\"{sync}\"]}}}}"
        ),
    );
    let front: SocketAddr = served.front.parse().unwrap();
    let (done, began) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let clients = (0..THREADS).map(|place| {
        let done = done.clone();
        spawn(move || ask(front, place, total, &done))
    });
    let clients: Vec<_> = clients.collect();
    let (mut first, mut shown) = (None, 0);
    loop {
        let now = done.load(Ordering::Relaxed);
        if first.is_none() && now >= FIRST.min(total / 3) {
            first = Some(served.resident());
        }
        if now >= shown + (total / 20).max(FIRST) || now >= total {
            let (memory, took) = (served.resident(), began.elapsed().as_secs());
            println!("{now} requests, {took} s: {memory} KiB");
            shown = now;
        }
        if now >= total {
            break;
        }
        let has_failed =
            clients.iter().any(JoinHandle::is_finished) && done.load(Ordering::Relaxed) < total;
        assert!(!has_failed, "a client failed: {}", served.log());
        sleep(Duration::from_millis(20));
    }
    for client in clients {
        client.join().unwrap();
    }
    let (first, last) = (first.unwrap(), served.resident());
    let ratio = last as f64 / first as f64;
    println!(
        "memory after {total} requests is {ratio:.3} of that after the first: {first} -> {last} KiB"
    );
    assert!(ratio <= 1.05 || total < ENOUGH, "{ratio}");
}

/// One thread's clients.
fn ask(front: SocketAddr, place: usize, total: usize, done: &AtomicUsize) {
    let mut conns: Vec<_> = (0..EACH).map(|_| connect(front)).collect();
    let mut scratch = vec![0; 256 * 1024];
    for round in 0.. {
        if done.load(Ordering::Relaxed) >= total {
            return;
        }
        for (index, conn) in conns.iter_mut().enumerate() {
            let number = (round * EACH + index) * THREADS + place;
            conn.write_all(&request(number)).unwrap();
        }
        for (index, conn) in conns.iter_mut().enumerate() {
            let leaves = (round + index * 9) % KEPT == 0;
            if leaves && index % 4 == 0 {
                // In the middle of whatever comes.
                *conn = connect(front);
                continue;
            }
            receive(conn, &mut scratch);
            if leaves {
                *conn = connect(front);
            }
        }
        done.fetch_add(EACH, Ordering::Relaxed);
    }
}

fn connect(front: SocketAddr) -> TcpStream {
    let conn = TcpStream::connect(front).unwrap();
    conn.set_nodelay(true).unwrap();
    conn.set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    conn
}

/// A request of one of the kinds that there are.
fn request(number: usize) -> Vec<u8> {
    let user = number * 7 % USERS;
    let room = format!("%21room{}%3Ahs", number % 500);
    let (method, target, body) = match number % 16 {
        0 => (
            "PUT",
            format!("rooms/{room}/send/m.room.message/{number}"),
            400,
        ),
        1 => ("POST", format!("rooms/{room}/receipt/m.read/%24event"), 2),
        2 => ("POST", "keys/query".into(), 3_000),
        3 => ("GET", "sync".into(), 0),
        4 => ("GET", format!("rooms/{room}/messages?dir=b&limit=30"), 0),
        5 => ("OPTIONS", "sync".into(), 0),
        6 => ("GET", "admin/none/such".into(), 0),
        7 if number % 512 == 7 => ("GET", "large".into(), 0),
        7 => ("POST", "createRoom".into(), 20_000),
        _ => ("GET", format!("sync?since=s{number}&timeout=0"), 0),
    };
    let mut text = format!(
        "{method} /_matrix/client/v3/{target} HTTP/1.1\r\nHost: hs\r\nUser-Agent: endurance\r\n\
         Authorization: Bearer {}\r\n",
        token_of(user)
    );
    let body = "x".repeat(body);
    match (body.len(), number % 2) {
        (0, _) => text += "\r\n",
        (length, 0) => text += &format!("Content-Length: {length}\r\n\r\n{body}"),
        (length, _) => {
            text += &format!("Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n")
        }
    }
    text.into_bytes()
}

/// Of four users, one has a token that does not say whose it is.
fn token_of(user: usize) -> String {
    match user % 4 {
        0 => format!("mat_user{user:05}"),
        _ => token::of_user(user),
    }
}

/// Reads one whole answer.
fn receive(conn: &mut TcpStream, scratch: &mut [u8]) {
    let mut filled = 0;
    loop {
        let count = conn.read(&mut scratch[filled..]).unwrap();
        assert!(
            count > 0,
            "closed: {}",
            String::from_utf8_lossy(&scratch[..filled])
        );
        filled += count;
        let Some(end) = find(&scratch[..filled], b"\r\n\r\n") else {
            continue;
        };
        let head = std::str::from_utf8(&scratch[..end]).unwrap();
        let status = &head[9..12];
        assert!(["200", "204", "403", "404"].contains(&status), "{head}");
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.parse::<usize>().unwrap())
        });
        let is_whole = match length {
            Some(length) => filled == end + 4 + length,
            None if status == "204" => true,
            None => scratch[..filled].ends_with(b"\r\n0\r\n\r\n"),
        };
        if is_whole {
            return;
        }
    }
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

/// A worker that answers everything, on threads of its own for as long as the test runs.
fn worker() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            // The proxy may close at any time.
            spawn(move || talk(stream));
        }
    });
    address
}

fn talk(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = (BufReader::new(stream.try_clone()?), stream);
    let (small, large) = (" ".repeat(1_000), " ".repeat(200_000));
    let (mut line, mut first) = (String::new(), String::new());
    loop {
        let (mut length, mut is_chunked) = (0, false);
        first.clear();
        reader.read_line(&mut first)?;
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let field = line.trim_end().to_ascii_lowercase();
            match field.split_once(": ") {
                Some(("content-length", value)) => length = value.parse().unwrap(),
                Some(("transfer-encoding", _)) => is_chunked = true,
                Some(_) => {}
                None => break,
            }
        }
        if is_chunked {
            length = chunks(&mut reader)?;
        }
        io::copy(&mut (&mut reader).take(length), &mut io::sink())?;
        let answer = if first.contains("/whoami") {
            framed("{\"user_id\":\"@somebody:hs\"}", false)
        } else if first.contains("/large") {
            framed(&large, false)
        } else {
            framed(&small, first.contains("sync"))
        };
        writer.write_all(answer.as_bytes())?;
    }
}

/// Reads to the end of a chunked body.
fn chunks(reader: &mut impl BufRead) -> io::Result<u64> {
    let mut line = String::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let length = u64::from_str_radix(line.trim_end(), 16).unwrap();
        io::copy(&mut reader.by_ref().take(length + 2), &mut io::sink())?;
        if length == 0 {
            return Ok(0);
        }
    }
}

fn framed(body: &str, is_chunked: bool) -> String {
    let length = body.len();
    match is_chunked {
        true => format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"
        ),
        false => format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"),
    }
}
