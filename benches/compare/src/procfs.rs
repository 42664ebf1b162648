//! What the kernel says about a process tree: CPU time and resident memory.

use std::fs;

use anyhow::{Context, Result};

/// A process and its descendants, as they were at the last look.
#[derive(Debug, Clone)]
pub struct Tree {
    pids: Vec<u32>,
}

impl Tree {
    /// The process `root` alone.
    pub fn of(root: u32) -> Tree {
        Tree { pids: vec![root] }
    }

    /// Finds what is below the root by now; returns how many processes that makes.
    pub fn look_again(&mut self) -> Result<usize> {
        let parents = parents()?;
        self.pids.truncate(1);
        let mut next = 0;
        while let Some(&parent) = self.pids.get(next) {
            self.pids.extend(
                parents
                    .iter()
                    .filter(|(_, up)| *up == parent)
                    .map(|(pid, _)| *pid),
            );
            next += 1;
        }
        Ok(self.pids.len())
    }

    /// Nanoseconds on a CPU since each process began (`/proc/PID/task/*/schedstat`).
    pub fn cpu_ns(&self) -> Result<u64> {
        self.pids.iter().map(|&pid| cpu_ns(pid)).sum()
    }

    /// Resident memory now, in bytes (`VmRSS`).
    pub fn resident(&self) -> Result<u64> {
        self.pids.iter().map(|&pid| status(pid, "VmRSS:")).sum()
    }

    /// The most memory resident since [`Tree::forget_peak`], in bytes (`VmHWM`).
    pub fn peak(&self) -> Result<u64> {
        self.pids.iter().map(|&pid| status(pid, "VmHWM:")).sum()
    }

    /// Makes the present the peak.
    pub fn forget_peak(&self) -> Result<()> {
        for pid in &self.pids {
            let path = format!("/proc/{pid}/clear_refs");
            fs::write(&path, "5").with_context(|| format!("write {path}"))?;
        }
        Ok(())
    }
}

/// (process, parent) for every process we can see.
fn parents() -> Result<Vec<(u32, u32)>> {
    let all = fs::read_dir("/proc").context("read /proc")?;
    let numbers = all
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(numbers
        .filter_map(|pid| Some((pid, parent(pid)?)))
        .collect())
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold spaces and brackets; what follows its last bracket does not.
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

fn cpu_ns(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/task");
    let mut total = 0;
    for task in fs::read_dir(&path).with_context(|| format!("read {path}"))? {
        let stat = fs::read_to_string(task?.path().join("schedstat"))?;
        let ran = stat.split(' ').next().context("empty schedstat")?;
        total += ran.parse::<u64>().context("schedstat is not a number")?;
    }
    Ok(total)
}

fn status(pid: u32, field: &str) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kilobytes.with_context(|| format!("no {field} in {path}"))? * 1024)
}
