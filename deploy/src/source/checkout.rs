//! Asks git about a checkout on this machine, without trusting its configuration.
//!
//! Blocking: for the command line, not for the server.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use super::{SourceError, said};

/// A `git` command for a checkout with untrusted configuration. It fetches nothing, so it runs no
/// program that the repository names, and it finds no program through a relative folder.
pub fn git_in_checkout(folder: &Path) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let absolute = std::env::split_paths(&path).filter(|entry| entry.is_absolute());
    let path = std::env::join_paths(absolute).unwrap_or_default();
    let mut command = Command::new("git");
    // Variables from a surrounding hook would point git to another repository.
    for name in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_PREFIX",
        "GIT_NAMESPACE",
    ] {
        command.env_remove(name);
    }
    command
        .args([
            "-c",
            "core.fsmonitor=false",
            "-c",
            "core.hooksPath=/dev/null",
        ])
        .current_dir(folder)
        .env("PATH", path)
        .env("LC_ALL", "C")
        .env("GIT_OPTIONAL_LOCKS", "0")
        // A repository may name a program that fetches missing objects. Older git versions do not
        // know the second variable.
        .env("GIT_ALLOW_PROTOCOL", "")
        .env("GIT_NO_LAZY_FETCH", "1")
        .stdin(Stdio::null());
    command
}

/// The tracked files and the untracked files that are not ignored, each with whether it is a
/// submodule.
pub(super) fn listed(checkout: &Path) -> Result<Vec<(String, bool)>, SourceError> {
    let doing = "list the checkout's files";
    let output = git_in_checkout(checkout)
        .args(["ls-files", "-cost", "--exclude-standard", "-z", "--", "."])
        .output()
        .map_err(SourceError::io("run git"))?;
    if !output.status.success() {
        let message = said::clean(&String::from_utf8_lossy(&output.stderr), &[]);
        return Err(SourceError::Git { doing, message });
    }
    output
        .stdout
        .split(|b| *b == 0)
        .filter(|line| !line.is_empty())
        .map(named)
        .collect()
}

/// Parses `? <path>` and `H <mode> <id> <stage>\t<path>`. The letter differs for unmerged files and
/// files missing from the working tree.
fn named(line: &[u8]) -> Result<(String, bool), SourceError> {
    if let Some(untracked) = line.strip_prefix(b"? ") {
        return Ok((utf8(untracked)?, false));
    }
    let mut parts = line.splitn(2, |b| *b == b'\t');
    let (Some(about), Some(path)) = (parts.next(), parts.next()) else {
        let message = format!("ls-files printed {:?}", String::from_utf8_lossy(line));
        let doing = "list the checkout's files";
        return Err(SourceError::Git { doing, message });
    };
    let is_submodule = about
        .get(2..)
        .is_some_and(|about| about.starts_with(b"160000 "));
    Ok((utf8(path)?, is_submodule))
}

/// The name as UTF-8; builds do not support other names.
pub(super) fn utf8(name: &[u8]) -> Result<String, SourceError> {
    String::from_utf8(name.to_vec()).map_err(|_| {
        let shown = String::from_utf8_lossy(name);
        SourceError::unfit(
            &shown,
            "the name is not UTF-8, which builds do not support; rename it",
        )
    })
}
