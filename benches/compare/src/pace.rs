//! A clock that says how many requests are due.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use anyhow::{Context, Result};
use mio::unix::SourceFd;
use mio::{Interest, Poll, Token};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

/// A timer among the events of a poll.
#[derive(Debug)]
pub struct Pace(OwnedFd);

impl Pace {
    /// Marks its events.
    pub const TOKEN: Token = Token(usize::MAX - 1);

    /// So many times a second, from now on.
    pub fn start(poll: &Poll, rate: u32) -> Result<Pace> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags).context("make a timer")?;
        let interval = Timespec {
            tv_sec: 0,
            tv_nsec: 1_000_000_000 / i64::from(rate.max(2)),
        };
        let times = Itimerspec {
            it_interval: interval,
            it_value: interval,
        };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &times).context("start a timer")?;
        poll.registry().register(
            &mut SourceFd(&timer.as_raw_fd()),
            Self::TOKEN,
            Interest::READABLE,
        )?;
        Ok(Pace(timer))
    }

    /// How many have become due since the last look.
    pub fn due(&self) -> Result<usize> {
        let mut count = [0; 8];
        match rustix::io::read(&self.0, &mut count) {
            Ok(_) => Ok(u64::from_ne_bytes(count) as usize),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error).context("read a timer"),
        }
    }

    /// Takes it out of the poll.
    pub fn stop(self, poll: &Poll) -> Result<()> {
        poll.registry()
            .deregister(&mut SourceFd(&self.0.as_raw_fd()))
            .context("forget a timer")
    }
}
