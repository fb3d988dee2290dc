//! Runs a file system program with a list of arguments, a time limit, an output limit and a minimal
//! environment.

use std::{ffi::OsStr, io, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
};

/// Additional folders to search for these programs, since services often lack them in their PATH.
const SEARCHED_TOO: &str = "/usr/local/sbin:/usr/sbin:/sbin";
/// Maximum output that is read; a program that prints more fails.
const PRINTED_BYTES_MAX: u64 = 64 << 20;

/// Why a program failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ProgramError {
    #[error("the program {0} is not installed")]
    NotInstalled(&'static str),
    #[error("{program} did not exit within {} s", limit.as_secs())]
    TimedOut {
        program: &'static str,
        limit: Duration,
    },
    #[error("{program} failed: {message}")]
    Failed {
        program: &'static str,
        message: String,
    },
}

impl From<ProgramError> for io::Error {
    fn from(error: ProgramError) -> Self {
        Self::other(error)
    }
}

/// Runs `program` and returns its output.
pub(super) async fn run(
    program: &'static str,
    arguments: &[&OsStr],
    limit: Duration,
) -> Result<String, ProgramError> {
    let failed = |message: String| ProgramError::Failed { program, message };
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    if !path.is_empty() {
        path.push(":");
    }
    path.push(SEARCHED_TOO);
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", path)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ProgramError::NotInstalled(program),
            _ => failed(error.to_string()),
        })?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let whole = async {
        let (printed, said) = tokio::join!(read(stdout), read(stderr));
        (child.wait().await, printed, said)
    };
    let (status, printed, said) = tokio::time::timeout(limit, whole)
        .await
        .map_err(|_| ProgramError::TimedOut { program, limit })?;
    if status.map_err(|error| failed(error.to_string()))?.success() {
        return Ok(printed);
    }
    let line = said.lines().map(str::trim).find(|line| !line.is_empty());
    Err(failed(line.unwrap_or("it gave no reason").to_owned()))
}

async fn read(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // The output before an error is still useful.
        let _ended = pipe.take(PRINTED_BYTES_MAX).read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
