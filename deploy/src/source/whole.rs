//! Checks that a mirror has all objects that its commits need.

use std::{path::Path, time::Duration};

use futures_util::future::join3;

use super::{
    SourceError,
    git::{Repository, last_words, unforeseen},
};

/// Time limit for one mirror.
const CHECK_DEADLINE: Duration = Duration::from_secs(600);
const DOING: &str = "check the mirror";

/// Checks that a mirror has everything that its commits need. `dir` is a bare repository with
/// Dayfly's settings, and `home` an empty folder.
///
/// # Errors
/// If something is missing, with git's message, or if git cannot run.
pub async fn check_mirror(dir: &Path, home: &Path) -> Result<(), SourceError> {
    let repository = Repository {
        dir: dir.to_owned(),
        home: home.to_owned(),
    };
    let mut command = repository.command(&[]);
    command.args([
        "fsck",
        "--connectivity-only",
        "--no-dangling",
        "--no-progress",
        "--no-reflogs",
    ]);
    let mut child = command.spawn().map_err(SourceError::io("run git"))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let ended = join3(child.wait(), last_words(stdout), last_words(stderr));
    let late = SourceError::Timeout {
        doing: "the check of a mirror",
        limit: CHECK_DEADLINE,
    };
    let (status, found, said) = tokio::time::timeout(CHECK_DEADLINE, ended)
        .await
        .map_err(|_| late)?;
    if status.map_err(SourceError::io("run git"))?.success() {
        return Ok(());
    }
    // A notice is not an error.
    let faults = found.lines().chain(said.lines());
    let faults: Vec<&str> = faults
        .filter(|line| !line.starts_with("notice:"))
        .take(3)
        .collect();
    Err(unforeseen(DOING, &faults.join("; ")))
}
