//! The program `dayfly`, run for real.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::Context as _;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::process::{Child, Command};

/// How long a command may take.
const COMMAND_DEADLINE: Duration = Duration::from_secs(120);

/// The program, as built beside this test.
///
/// # Errors
/// Where it was not built.
fn binary() -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let beside = test
        .ancestors()
        .skip(1)
        .take(3)
        .map(|folder| folder.join("dayfly"));
    beside.into_iter().find(|path| path.is_file()).with_context(|| {
        format!(
            "the program dayfly is not built beside {}; run: cargo build --workspace --all-features --bins",
            test.display()
        )
    })
}

/// A call of the program that is told nothing by the environment of whoever runs the tests.
///
/// # Errors
/// Where the program was not built.
pub fn dayfly() -> anyhow::Result<Command> {
    let mut command = Command::new(binary()?);
    for name in ours(std::env::vars_os().map(|(name, _)| name)) {
        command.env_remove(name);
    }
    Ok(command)
}

/// The variables that a server or a command line would take for its own.
fn ours(names: impl Iterator<Item = OsString>) -> impl Iterator<Item = OsString> {
    names.filter(|name| name.as_encoded_bytes().starts_with(b"DAYFLY_"))
}

/// Starts `dayfly serve`.
pub(super) fn serve(config: &Path, data: &Path) -> anyhow::Result<Child> {
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(server_log(data))?;
    let mut command = dayfly()?;
    command
        .arg("serve")
        .arg("--config")
        .arg(config)
        .arg("--data")
        .arg(data)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .kill_on_drop(true);
    command.spawn().context("the server could not be started")
}

/// Where a server writes what it does.
pub(super) fn server_log(data: &Path) -> PathBuf {
    data.join("server.log")
}

/// Ends a process at once, as a power cut would. One that is gone already is fine.
pub(super) fn kill9(pid: u32) {
    if let Ok(pid) = i32::try_from(pid) {
        // The only failure is that it is gone.
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}

/// Asks a process to end. One that is gone already is fine.
pub(super) fn terminate(pid: u32) {
    if let Ok(pid) = i32::try_from(pid) {
        // The only failure is that it is gone.
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
}

/// Every process that was started for a data directory, servers and proxies, with its words.
pub(super) fn all_of(data: &Path) -> Vec<(u32, String)> {
    let data = data.as_os_str().as_encoded_bytes();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let found = processes.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let words = std::fs::read(entry.path().join("cmdline")).ok()?;
        let mut each = words.split(|byte| *byte == 0);
        let names_it = each.any(|word| word.starts_with(data));
        let meant = pid > 1 && pid != std::process::id() && names_it;
        meant.then(|| (pid, String::from_utf8_lossy(&words).replace('\0', " ")))
    });
    found.collect()
}

/// Ends all of them.
pub(super) fn kill9_all_of(data: &Path) {
    for (pid, _) in all_of(data) {
        kill9(pid);
    }
}

/// What a command said.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Whether it ended with 0.
    pub success: bool,
    /// Its output.
    pub stdout: String,
    /// Its complaints.
    pub stderr: String,
}

impl Ran {
    /// What it printed, where it ended with 0.
    ///
    /// # Errors
    /// Where it ended otherwise.
    pub fn printed(self) -> anyhow::Result<String> {
        anyhow::ensure!(
            self.success,
            "the command failed:\n{}{}",
            self.stdout,
            self.stderr
        );
        Ok(self.stdout)
    }
}

/// Runs `dayfly` to its end, in a folder, for a data directory.
///
/// # Errors
/// Where it does not end.
pub async fn run_to_end(data: &Path, folder: &Path, arguments: &[&str]) -> anyhow::Result<Ran> {
    let mut command = dayfly()?;
    command
        .args(arguments)
        .env("DAYFLY_DATA", data)
        // For a server that the command starts by itself.
        .env("DAYFLY_LISTEN", "127.0.0.1:0")
        .env("NO_COLOR", "1")
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(COMMAND_DEADLINE, command.output())
        .await
        .with_context(|| format!("dayfly {} does not end", arguments.join(" ")))??;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Ran {
        success: output.status.success(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_callers_environment_says_to_a_dayfly_is_left_out() {
        let names = [
            "PATH",
            "DAYFLY_DATA",
            "DAYFLY_DOMAIN",
            "HOME",
            "MY_DAYFLY_X",
        ];
        let left_out: Vec<_> = ours(names.into_iter().map(OsString::from)).collect();
        assert_eq!(left_out, ["DAYFLY_DATA", "DAYFLY_DOMAIN"]);
    }
}
