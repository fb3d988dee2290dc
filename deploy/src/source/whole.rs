//! Whether a mirror has all that its commits need.

use std::{path::Path, time::Duration};

use futures_util::future::join3;

use super::{
    SourceError,
    git::{Repository, last_words, unforeseen},
};

/// How long one mirror may take.
const CHECK_DEADLINE: Duration = Duration::from_secs(600);
const DOING: &str = "check the mirror";

/// Makes sure that everything which the commits of a mirror need is in it. `dir` is a bare repository
/// whose settings are ours, and `home` an empty folder.
///
/// # Errors
/// Where something is missing, with git's words, and where git cannot be asked.
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
    // A notice is no fault.
    let faults = found.lines().chain(said.lines());
    let faults: Vec<&str> = faults
        .filter(|line| !line.starts_with("notice:"))
        .take(3)
        .collect();
    Err(unforeseen(DOING, &faults.join("; ")))
}
