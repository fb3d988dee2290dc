//! Starts a server in the background, for commands that need one.

use std::{
    fs::{File, OpenOptions},
    os::unix::{fs::OpenOptionsExt as _, process::CommandExt as _},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::Context as _;
use nix::fcntl::{Flock, FlockArg};
use tokio::time::Instant;

use super::call::Caller;
use crate::{api::client::ClientError, serve::private, text};

/// How long a server may take until it answers.
const START_DEADLINE: Duration = Duration::from_secs(60);
/// How often to check whether it answers.
const CHECK_EVERY: Duration = Duration::from_millis(50);
/// How many lines of its log a failed start shows.
const LOG_LINES_SHOWN: usize = 10;
/// How much of its log is read for them, in bytes.
const LOG_BYTES_READ: u64 = 16 * 1024;

/// Makes sure that a server answers; starts one for local previews where none does.
pub(super) async fn ensure_server(caller: &Caller) -> anyhow::Result<()> {
    match caller.client.health().await {
        Ok(_) => return Ok(()),
        Err(ClientError::NoServer { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let log = caller.data.join("server.log");
    caller.output.line(&caller.output.faint(&format!(
        "starting a server for {} (its log: {})",
        caller.data.display(),
        log.display()
    )))?;
    let mut child = spawn(&caller.data, &log)?;
    let until = Instant::now() + START_DEADLINE;
    loop {
        if caller.client.health().await.is_ok() {
            return Ok(());
        }
        if let Some(status) = child
            .try_wait()
            .context("cannot check whether the server runs")?
        {
            // Another command may have started a server at the same moment; that one will answer.
            if !is_locked(&caller.data) {
                anyhow::bail!(
                    "the server exited at once ({status}):\n{}",
                    last_lines(&log)
                );
            }
        }
        anyhow::ensure!(
            Instant::now() < until,
            "the server did not answer within {}s:\n{}",
            START_DEADLINE.as_secs(),
            last_lines(&log)
        );
        tokio::time::sleep(CHECK_EVERY).await;
    }
}

/// Starts the server in its own process group, so that our interrupt does not stop it.
fn spawn(data: &Path, log: &Path) -> anyhow::Result<Child> {
    private::claim_data(data)?;
    let mut options = OpenOptions::new();
    let file = private::open(log, options.create(true).append(true).mode(0o600))?;
    let exe = std::env::current_exe().context("cannot find the dayfly program")?;
    Command::new(exe)
        .args(["serve", "--local", "--data"])
        .arg(data)
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .spawn()
        .context("cannot start a server")
}

/// Whether a server holds the data directory.
pub(super) fn is_locked(data: &Path) -> bool {
    let Ok(file) = File::open(data.join("lock")) else {
        return false;
    };
    Flock::lock(file, FlockArg::LockSharedNonblock).is_err()
}

fn last_lines(log: &Path) -> String {
    let text = read_end(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let skip = lines.len().saturating_sub(LOG_LINES_SHOWN);
    let lines: Vec<String> = lines.into_iter().skip(skip).map(text::plain).collect();
    lines.join("\n")
}

fn read_end(log: &Path) -> std::io::Result<String> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOG_BYTES_READ)))?;
    let mut bytes = Vec::new();
    file.take(LOG_BYTES_READ).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
