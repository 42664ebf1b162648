//! The directories that the configuration names must be there.

use super::Fault;
use crate::route::Mounts;

/// What is wrong with the directories of mounts.
pub(super) fn faults(mounts: &Mounts) -> Vec<Fault> {
    let files = mounts.iter().filter_map(|place| {
        let files = place.mount.files()?;
        Some((&place.mount.name, &files.directory))
    });
    let mut faults: Vec<Fault> = files
        .filter_map(|(name, directory)| {
            let fault = match directory.read_dir() {
                Ok(_) => return None,
                Err(error) => format!("{name}: {}: {error}", directory.display()),
            };
            Some(Fault::new("mounts", fault))
        })
        .collect();
    // A mount at several places has one directory.
    faults.dedup();
    faults
}
