//! File systems in a server's data directory: those that it mounts, and a small disk below it.

use std::{ffi::OsStr, fs::File, path::Path, process::Command};

use anyhow::{Context as _, ensure};

/// Mounts a disk of so many MiB on an empty directory. The file behind it has no name any more, so
/// that it goes with the mount.
pub(super) fn mount_disk(directory: &Path, mib: u64) -> anyhow::Result<()> {
    let mut path = directory.as_os_str().to_owned();
    path.push(".disk");
    let disk = Path::new(&path);
    File::create_new(disk)?.set_len(mib << 20)?;
    let made = run(
        "mkfs.ext4",
        &["-q", "-m", "0", "--"].map(OsStr::new),
        &[disk],
    );
    let mounted = made.and_then(|()| {
        let options = ["-t", "ext4", "-o", "loop", "--"].map(OsStr::new);
        run("mount", &options, &[disk, directory])
    });
    std::fs::remove_file(disk)?;
    mounted
}

fn run(program: &str, options: &[&OsStr], paths: &[&Path]) -> anyhow::Result<()> {
    let ran = Command::new(program).args(options).args(paths).output();
    let ran = ran.with_context(|| format!("{program} cannot be run"))?;
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    ensure!(ran.status.success(), "{program}: {said}");
    Ok(())
}

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
        let mut unmount = Command::new("umount");
        if Path::new(&point) == directory {
            // A disk of ours, on which we still listen.
            unmount.arg("--lazy");
        }
        // What is busy now is told by the removal of the directory, which fails.
        let _ = unmount.arg("--").arg(&point).status();
    }
}
