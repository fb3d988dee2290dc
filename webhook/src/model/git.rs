//! Real bare repositories, written without a working tree.

use std::{collections::BTreeMap, path::Path, process::Stdio, time::Duration};

use tokio::{io::AsyncWriteExt, process::Command, time::timeout};

use crate::names::CommitSha;

use super::config::ModelError;

/// Time limit of one git command; the repositories are small.
const GIT_DEADLINE: Duration = Duration::from_secs(60);
/// Commit times start here and grow by one second per commit, so that ids are the same in each run.
const FIRST_COMMIT_UNIX_SECONDS: u64 = 1_700_000_000;

/// An entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum File {
    /// Mode 100644.
    Regular(Vec<u8>),
    /// Mode 100755.
    Executable(Vec<u8>),
    /// Mode 120000, with its target, which may be any text.
    Symlink(String),
    /// Mode 160000: a commit of another repository.
    Submodule(CommitSha),
}

impl From<&str> for File {
    fn from(text: &str) -> Self {
        Self::Regular(text.into())
    }
}

impl From<&[u8]> for File {
    fn from(bytes: &[u8]) -> Self {
        Self::Regular(bytes.to_vec())
    }
}

/// A whole tree by path.
pub type Files = BTreeMap<String, File>;

/// Paths with new content, or `None` for removal.
pub type Changes = BTreeMap<String, Option<File>>;

/// A commit to create.
pub(super) struct NewCommit<'a> {
    pub(super) refname: &'a str,
    pub(super) parent: Option<&'a CommitSha>,
    pub(super) changes: &'a Changes,
    pub(super) message: &'a str,
    pub(super) counter: u64,
}

/// A git command that ignores the host's configuration.
pub(super) fn git(dir: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .current_dir(dir)
        .kill_on_drop(true)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Creates a bare repository that serves any commit by its id, like GitHub.
pub(super) async fn init(dir: &Path) -> Result<(), ModelError> {
    tokio::fs::create_dir_all(dir)
        .await
        .map_err(|error| ModelError(format!("create a repository: {error}")))?;
    run(dir, &["init", "--quiet", "--bare", "-b", "main", "."], b"").await?;
    for (key, value) in [
        ("uploadpack.allowAnySHA1InWant", "true"),
        ("uploadpack.allowFilter", "true"),
        ("http.receivepack", "false"),
        ("gc.auto", "0"),
    ] {
        run(dir, &["config", key, value], b"").await?;
    }
    Ok(())
}

/// Creates a commit and moves the ref to it.
pub(super) async fn commit(dir: &Path, new: NewCommit<'_>) -> Result<CommitSha, ModelError> {
    let script = script(&new);
    let arguments = ["fast-import", "--quiet", "--force", "--done"];
    let printed = run(dir, &arguments, &script).await?;
    CommitSha::parse(printed.trim())
        .map_err(|error| ModelError(format!("read the id of a commit: {error}")))
}

/// Points a ref at a commit.
pub(super) async fn update_ref(
    dir: &Path,
    refname: &str,
    sha: &CommitSha,
) -> Result<(), ModelError> {
    let arguments = ["update-ref", "--", refname, sha.as_str()];
    run(dir, &arguments, b"").await.map(drop)
}

fn script(new: &NewCommit<'_>) -> Vec<u8> {
    let when = FIRST_COMMIT_UNIX_SECONDS + new.counter;
    let mut script = format!(
        "commit {}\nmark :1\ncommitter Model <model@example.com> {when} +0000\ndata {}\n{}\n",
        new.refname,
        new.message.len(),
        new.message,
    )
    .into_bytes();
    if let Some(parent) = new.parent {
        script.extend(format!("from {parent}\n").bytes());
    }
    for (path, file) in new.changes {
        let path = quoted(path);
        let Some(file) = file else {
            script.extend(format!("D {path}\n").bytes());
            continue;
        };
        let (mode, bytes) = match file {
            File::Regular(bytes) => ("100644", bytes.as_slice()),
            File::Executable(bytes) => ("100755", bytes.as_slice()),
            File::Symlink(target) => ("120000", target.as_bytes()),
            File::Submodule(commit) => {
                script.extend(format!("M 160000 {commit} {path}\n").bytes());
                continue;
            }
        };
        script.extend(format!("M {mode} inline {path}\ndata {}\n", bytes.len()).bytes());
        script.extend(bytes);
        script.push(b'\n');
    }
    script.extend(b"get-mark :1\ndone\n");
    script
}

fn quoted(path: &str) -> String {
    let escaped = path
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("\"{escaped}\"")
}

async fn run(dir: &Path, arguments: &[&str], input: &[u8]) -> Result<String, ModelError> {
    let failed = |why: String| ModelError(format!("run git {}: {why}", arguments[0]));
    let work = async {
        let mut child = git(dir).args(arguments).stdin(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take();
        let write = async {
            if let Some(mut stdin) = stdin {
                // A git that exits early reports the reason itself.
                let _ = stdin.write_all(input).await;
            }
        };
        let ((), output) = tokio::join!(write, child.wait_with_output());
        output
    };
    let output = timeout(GIT_DEADLINE, work)
        .await
        .map_err(|_| failed("it did not exit in time".to_owned()))?
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
