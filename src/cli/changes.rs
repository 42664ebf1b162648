//! When to load the configuration again: on SIGHUP, and when its file has changed.

use std::{
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{Interval, MissedTickBehavior, interval},
};

/// How often the file is looked at. Asked by its path: a symlink that is swapped, as a ConfigMap's are, shows at once,
/// and it works on every file system.
const LOOK: Duration = Duration::from_millis(500);

/// Waits for the next change.
pub(super) struct Changes {
    hangup: Signal,
    file: FileWatch,
}

/// Looks at a file now and then.
struct FileWatch {
    path: PathBuf,
    looks: Interval,
    loaded: Option<Stamp>,
    seen: Option<Stamp>,
}

/// What differs when a file has another content: device, inode, length, seconds and nanoseconds of its last change.
type Stamp = (u64, u64, u64, i64, i64);

impl Changes {
    /// Of the file at `path`, which has just been loaded.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            file: FileWatch::new(path),
        })
    }

    /// Ends when the configuration should be loaded again.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.hangup.recv() => self.file.loaded = stamp(&self.file.path),
            () = self.file.changed() => {}
        }
    }
}

impl FileWatch {
    fn new(path: &Path) -> Self {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let now = stamp(path);
        Self {
            path: path.into(),
            looks,
            loaded: now,
            seen: now,
        }
    }

    /// Ends when the file differs from what was loaded, and two looks in a row find the same: an editor may still
    /// write. A file that is gone is no change; one that comes again is.
    async fn changed(&mut self) {
        loop {
            self.looks.tick().await;
            let now = stamp(&self.path);
            let settled = now == self.seen;
            self.seen = now;
            if now.is_some() && now != self.loaded && settled {
                self.loaded = now;
                return;
            }
        }
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let file = std::fs::metadata(path).ok()?;
    Some((
        file.dev(),
        file.ino(),
        file.len(),
        file.ctime(),
        file.ctime_nsec(),
    ))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use tokio::time::timeout;

    use super::*;

    async fn is_seen(watch: &mut FileWatch) -> bool {
        timeout(LOOK * 4, watch.changed()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_is_seen_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("thalamus.yaml");
        fs::write(&path, "one").unwrap();
        let mut watch = FileWatch::new(&path);
        assert!(!is_seen(&mut watch).await);
        fs::write(&path, "other").unwrap();
        assert!(is_seen(&mut watch).await);
        assert!(!is_seen(&mut watch).await);
        fs::remove_file(&path).unwrap();
        assert!(!is_seen(&mut watch).await, "a file that is gone");
        fs::write(&path, "other").unwrap();
        assert!(is_seen(&mut watch).await, "and comes again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_symlink_that_is_swapped_is_seen() {
        // As Kubernetes does it: the file leads to `..data`, which leads to a folder, and is renamed over.
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for version in ["v1", "v2"] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("thalamus.yaml"), "same length").unwrap();
        }
        symlink("v1", at("..data")).unwrap();
        symlink("..data/thalamus.yaml", at("thalamus.yaml")).unwrap();
        let mut watch = FileWatch::new(&at("thalamus.yaml"));
        assert!(!is_seen(&mut watch).await);
        symlink("v2", at("..tmp")).unwrap();
        fs::rename(at("..tmp"), at("..data")).unwrap();
        assert!(is_seen(&mut watch).await);
        assert!(!is_seen(&mut watch).await);
    }
}
