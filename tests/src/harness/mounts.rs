//! File systems that a server mounts in its data directory.

use std::{path::Path, process::Command};

/// Where something is mounted at or below a directory, the deepest first.
pub(super) fn mounted_below(directory: &Path) -> Vec<String> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    let mut below: Vec<String> = points
        .filter(|point| Path::new(point).starts_with(directory))
        .map(str::to_owned)
        .collect();
    below.sort_by_key(|point| std::cmp::Reverse(point.len()));
    below
}

/// Unmounts everything at or below a directory, so that it can be removed.
pub(super) fn unmount_below(directory: &Path) {
    for point in mounted_below(directory) {
        // What is busy now is told by the removal of the directory, which fails.
        let _ = Command::new("umount").arg("--").arg(&point).status();
    }
}
