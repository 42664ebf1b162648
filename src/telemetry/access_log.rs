//! One line a request, buffered per thread and written by a thread of its own, so that a slow disk or a stalled pipe
//! never holds up a request.

use std::{
    cell::RefCell,
    fmt::Arguments,
    io::Write,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::JoinHandle,
    time::{Duration, SystemTime},
};

use super::{Record, shown::shown};

/// What the access log looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessLog {
    /// One line of text a request.
    #[default]
    Text,
    /// One JSON object a request.
    Json,
    /// No log.
    None,
}

/// Lines wait until there are so many bytes, or until the next flush.
const FULL: usize = 32 * 1024;

/// So many full buffers may wait for the writing thread; what comes then is dropped and counted.
const WAITING: usize = 64;

/// The writing end of the log, one for all threads.
#[derive(Debug)]
pub struct LogWriter {
    buffers: SyncSender<Vec<u8>>,
    thread: JoinHandle<()>,
}

/// The log of one data-plane thread.
#[derive(Debug)]
pub struct Logger {
    format: AccessLog,
    lines: RefCell<Vec<u8>>,
    stamp: RefCell<Stamp>,
    buffers: SyncSender<Vec<u8>>,
}

impl LogWriter {
    /// Starts the writing thread.
    pub fn start(out: impl Write + Send + 'static) -> std::io::Result<Self> {
        let (buffers, waiting) = sync_channel(WAITING);
        let thread = std::thread::Builder::new()
            .name("access-log".into())
            .spawn(move || write_all(waiting, out))?;
        Ok(Self { buffers, thread })
    }

    /// A log for one more thread.
    pub fn logger(&self, format: AccessLog) -> Logger {
        Logger {
            format,
            lines: RefCell::default(),
            stamp: RefCell::default(),
            buffers: self.buffers.clone(),
        }
    }

    /// Waits until all is written; every [`Logger`] must be gone.
    pub fn finish(self) {
        drop(self.buffers);
        // A panic of the writing thread was reported when it happened; there is nothing left to write.
        let _ = self.thread.join();
    }
}

fn write_all(waiting: Receiver<Vec<u8>>, mut out: impl Write) {
    for lines in waiting {
        if let Err(error) = out.write_all(&lines).and_then(|()| out.flush()) {
            tracing::warn!(%error, "the access log cannot be written");
        }
    }
}

impl Logger {
    /// True when lines are wanted at all.
    pub fn is_on(&self) -> bool {
        self.format != AccessLog::None
    }

    /// Adds the line of a request that ended just now.
    pub fn write(&self, record: &Record<'_>) {
        let mut lines = self.lines.borrow_mut();
        match self.format {
            AccessLog::None => return,
            AccessLog::Text => self.stamp.borrow_mut().text(&mut lines, record),
            AccessLog::Json => self.stamp.borrow_mut().json(&mut lines, record),
        }
        if lines.len() >= FULL {
            self.hand_over(&mut lines);
        }
    }

    /// Hands what there is to the writing thread.
    pub fn flush(&self) {
        let mut lines = self.lines.borrow_mut();
        if !lines.is_empty() {
            self.hand_over(&mut lines);
        }
    }

    fn hand_over(&self, lines: &mut Vec<u8>) {
        let full = std::mem::replace(lines, Vec::with_capacity(FULL + 1024));
        if self.buffers.try_send(full).is_err() {
            tracing::warn!("the access log is written too slowly: lines were dropped");
        }
    }
}

impl Drop for Logger {
    fn drop(&mut self) {
        let lines = std::mem::take(self.lines.get_mut());
        // The writing thread is only gone when the process ends.
        let _ = self.buffers.send(lines);
    }
}

/// The text of the current second (RFC 3339), made once a second.
#[derive(Debug, Default)]
struct Stamp {
    second: u64,
    text: String,
}

impl Stamp {
    fn text(&mut self, out: &mut Vec<u8>, record: &Record<'_>) {
        self.time(out, SystemTime::now());
        out.push(b' ');
        put_client(out, record);
        for word in [record.method, shown(record.path)] {
            out.push(b' ');
            out.extend_from_slice(word.as_bytes());
        }
        out.push(b' ');
        put_number(out, record.status.into());
        let (pool, worker) = record.worker.unwrap_or(("-", "-"));
        let group = record.group.map_or("-", |group| group.name());
        for (name, value) in [
            (" group=", group),
            (" pool=", pool),
            (" worker=", worker),
            (" reason=", record.reason.code()),
            (" id=", record.id),
        ] {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(value.as_bytes());
        }
        for (name, value) in [(" in=", record.bytes_in), (" out=", record.bytes_out)] {
            out.extend_from_slice(name.as_bytes());
            put_number(out, value);
        }
        for (name, value) in [(" wait=", record.waited), (" time=", record.took)] {
            out.extend_from_slice(name.as_bytes());
            put_seconds(out, value);
        }
        out.push(b'\n');
    }

    fn json(&mut self, out: &mut Vec<u8>, record: &Record<'_>) {
        out.extend_from_slice(b"{\"time\":\"");
        self.time(out, SystemTime::now());
        out.extend_from_slice(b"\",\"client\":\"");
        put_client(out, record);
        out.push(b'"');
        let (pool, worker) = record.worker.unwrap_or(("", ""));
        let group = record.group.map_or("", |group| group.name());
        for (name, value) in [
            ("method", record.method),
            ("path", shown(record.path)),
            ("group", group),
            ("pool", pool),
            ("worker", worker),
            ("reason", record.reason.code()),
            ("id", record.id),
        ] {
            out.extend_from_slice(b",\"");
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":");
            put_json(out, value);
        }
        for (name, value) in [
            (",\"status\":", u64::from(record.status)),
            (",\"bytes_in\":", record.bytes_in),
            (",\"bytes_out\":", record.bytes_out),
        ] {
            out.extend_from_slice(name.as_bytes());
            put_number(out, value);
        }
        for (name, value) in [(",\"waited\":", record.waited), (",\"took\":", record.took)] {
            out.extend_from_slice(name.as_bytes());
            put_seconds(out, value);
        }
        out.extend_from_slice(b"}\n");
    }

    fn time(&mut self, out: &mut Vec<u8>, at: SystemTime) {
        let since = at
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        if self.second != since.as_secs() || self.text.is_empty() {
            self.second = since.as_secs();
            self.text = humantime::format_rfc3339_seconds(at).to_string();
        }
        out.extend_from_slice(self.text.trim_end_matches('Z').as_bytes());
        out.push(b'.');
        put_thousandths(out, since.subsec_millis());
        out.push(b'Z');
    }
}

fn put_client(out: &mut Vec<u8>, record: &Record<'_>) {
    match record.client {
        Some(client) => put_display(out, format_args!("{client}")),
        None => out.push(b'-'),
    }
}

fn put_display(out: &mut Vec<u8>, value: Arguments<'_>) {
    // A vector takes every write.
    let _ = out.write_fmt(value);
}

fn put_number(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Seconds with three decimals.
fn put_seconds(out: &mut Vec<u8>, time: Duration) {
    put_number(out, time.as_secs());
    out.push(b'.');
    put_thousandths(out, time.subsec_millis());
}

fn put_thousandths(out: &mut Vec<u8>, value: u32) {
    out.extend([value / 100, value / 10 % 10, value % 10].map(|digit| b'0' + digit as u8));
}

/// Methods and paths are visible ASCII: only two of its characters need an escape.
fn put_json(out: &mut Vec<u8>, value: &str) {
    out.push(b'"');
    for byte in value.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}
