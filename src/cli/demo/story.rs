//! The story the demo tells: all are online, a worker dies, it comes back, its users go home.

use std::{
    io::{self, Write},
    time::{Duration, Instant},
};

use super::{
    deployment::VICTIM,
    ledger::Ledger,
    progress::{Progress, clock},
    workers::Workers,
};

/// When things happen, after the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Script {
    /// All devices are online by then.
    pub ramp: Duration,
    /// The worker dies then, or when all users were seen, if that is later.
    pub death: Duration,
    /// How long it stays dead.
    pub outage: Duration,
}

/// The story so far.
#[derive(Debug)]
pub struct Story<'a> {
    script: Script,
    start: Instant,
    ledger: &'a Ledger,
    workers: &'a mut Workers,
    progress: Progress,
    victim: Victim,
}

/// How the worker that dies is.
#[derive(Clone, Copy, Debug)]
enum Victim {
    Alive,
    Dead {
        since: Instant,
    },
    /// Back, and some of its users are still elsewhere.
    Back,
    Home,
}

impl Script {
    /// The script for a demo that ends after `seconds`, or never.
    pub fn new(seconds: Option<u64>) -> Self {
        let all = seconds.map_or(Duration::MAX, Duration::from_secs);
        Self {
            ramp: Duration::from_secs(2).min(all / 8),
            death: Duration::from_secs(8).min(all / 4),
            outage: Duration::from_secs(6).min(all / 4),
        }
    }
}

impl<'a> Story<'a> {
    /// The story begins now.
    pub fn new(script: Script, ledger: &'a Ledger, workers: &'a mut Workers) -> Self {
        Self {
            script,
            start: Instant::now(),
            ledger,
            workers,
            progress: Progress::default(),
            victim: Victim::Alive,
        }
    }

    /// Seconds since the start.
    pub fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// Tells what is new, once a second, until somebody drops this.
    pub async fn tell(&mut self) -> io::Result<()> {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.tick().await;
        loop {
            second.tick().await;
            let line = self
                .progress
                .line(self.seconds(), self.ledger, self.workers);
            say(&line)?;
            self.go_on().await?;
        }
    }

    async fn go_on(&mut self) -> io::Result<()> {
        let users = self.ledger.users.counts();
        match self.victim {
            Victim::Alive
                if self.start.elapsed() >= self.script.death && users.placed == users.all =>
            {
                self.die().await
            }
            Victim::Dead { since } if since.elapsed() >= self.script.outage => {
                self.come_back(users.moved)
            }
            Victim::Back if users.returned == users.moved => {
                self.victim = Victim::Home;
                self.event(format!(
                    "all {} users that had moved are home on {VICTIM} again",
                    users.moved
                ))
            }
            _ => Ok(()),
        }
    }

    async fn die(&mut self) -> io::Result<()> {
        self.victim = Victim::Dead {
            since: Instant::now(),
        };
        let users = self.ledger.users.died(VICTIM);
        let parked = self.workers.named_mut(VICTIM).kill().await;
        self.event(format!(
            "{VICTIM} dies, as by kill -9: {parked} syncs of {users} users were parked there"
        ))
    }

    fn come_back(&mut self, moved: usize) -> io::Result<()> {
        self.victim = Victim::Back;
        self.workers.named_mut(VICTIM).revive()?;
        self.ledger.users.revived();
        self.event(format!(
            "{VICTIM} is back on its port; {moved} users had moved to the others"
        ))
    }

    fn event(&self, text: String) -> io::Result<()> {
        say(&format!("{} **  {text}", clock(self.seconds())))
    }
}

/// Prints a line.
pub fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_demo_has_time_for_the_whole_story() {
        for seconds in [3, 5, 20, 600] {
            let script = Script::new(Some(seconds));
            assert!(script.ramp < script.death, "{script:?}");
            assert!(
                script.death + script.outage < Duration::from_secs(seconds),
                "{script:?}"
            );
        }
        assert_eq!(Script::new(None).death, Duration::from_secs(8));
    }
}
