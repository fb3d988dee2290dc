//! One server per data directory.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use deploy::names::Instance;
use nix::fcntl::{Flock, FlockArg, OFlag};

/// How long the lock of a server that is dead is waited for.
const DEAD_HOLDER_WAIT: Duration = Duration::from_secs(5);
const DEAD_HOLDER_PAUSE: Duration = Duration::from_millis(20);

/// A folder that others write to (somebody named `/tmp`) is not ours to close.
fn refuse_shared(data: &Path) -> anyhow::Result<()> {
    let Ok(found) = std::fs::metadata(data) else {
        return Ok(());
    };
    let written_by_others = found.permissions().mode() & 0o022 != 0;
    anyhow::ensure!(
        !written_by_others || data.join("lock").exists(),
        "{} can be written by others; name a folder of its own for the data with --data",
        data.display()
    );
    Ok(())
}

/// Held for as long as the server lives.
pub struct DataLock {
    _file: Flock<File>,
}

impl DataLock {
    /// Makes the data directory (mode 0700) and locks it. A second server is told who holds it.
    pub fn acquire(data: &Path) -> anyhow::Result<Self> {
        refuse_shared(data)?;
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(data)
            .with_context(|| format!("cannot make the data directory {}", data.display()))?;
        std::fs::set_permissions(data, std::fs::Permissions::from_mode(0o700))
            .with_context(|| format!("cannot close {} to others", data.display()))?;
        let path = data.join("lock");
        let file = lockable().open(&path);
        let file = file.with_context(|| format!("cannot open {}", path.display()))?;
        let held = hold(file, |holder| {
            format!(
                "{} is in use by the server with process id {holder}; stop it with `dayfly down`, or name another directory with --data",
                data.display(),
            )
        })?;
        Ok(Self { _file: held })
    }
}

/// Where locks of this host are, on systems that have such a folder.
const HOST_LOCKS: &str = "/run/lock";

/// Held for as long as the server lives, so that no other server of this host works with the same
/// records, copied or restored: the two would take each other's containers away.
pub struct RecordsLock {
    _file: Option<Flock<File>>,
}

impl RecordsLock {
    /// Takes it. Where this host has no place for such locks, or it is not ours to use, nothing is
    /// held.
    pub fn acquire(instance: &Instance) -> anyhow::Result<Self> {
        let path = Path::new(HOST_LOCKS).join(format!("dayfly-{instance}"));
        let opened = lockable()
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(&path);
        let file = match opened {
            Ok(file) => file,
            Err(error) => {
                tracing::debug!(path = %path.display(), %error, "nothing keeps a second server away");
                return Ok(Self { _file: None });
            }
        };
        let held = hold(file, |holder| {
            format!(
                "the server with process id {holder} works with the same records; stop it first: \
                 of a data directory and its copies only one can be used at a time"
            )
        })?;
        Ok(Self { _file: Some(held) })
    }
}

/// How a file that says who holds its lock is opened.
fn lockable() -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600);
    options
}

/// Locks the file and writes down that we hold it; where somebody else does, `refused` says so.
fn hold(mut file: File, refused: impl FnOnce(&str) -> String) -> anyhow::Result<Flock<File>> {
    let mut holder = String::new();
    file.read_to_string(&mut holder)?;
    let holder = holder.trim();
    let mut held = lock(file, holder).with_context(|| refused(holder))?;
    held.set_len(0)?;
    held.rewind()?;
    writeln!(held, "{}", std::process::id())?;
    Ok(held)
}

/// Locks the file; `None` where somebody holds it. A process that a server was starting at the
/// moment of its death holds the lock until it has become the program it is to be, so the lock of
/// a dead server is waited for.
fn lock(mut file: File, holder: &str) -> Option<Flock<File>> {
    let end = Instant::now() + DEAD_HOLDER_WAIT;
    loop {
        file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(locked) => return Some(locked),
            Err((file, _)) => file,
        };
        if lives(holder) || Instant::now() >= end {
            return None;
        }
        std::thread::sleep(DEAD_HOLDER_PAUSE);
    }
}

/// Whether the process runs; one that ended and was not waited for does not.
fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').map(|(_, rest)| rest.trim_start());
    state.is_some_and(|state| !state.starts_with(['Z', 'X']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lock_of_a_dead_server_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let held = DataLock::acquire(&data).unwrap();
        let began = Instant::now();
        let refused = DataLock::acquire(&data).err().unwrap().to_string();
        assert!(
            refused.contains(&std::process::id().to_string()),
            "{refused}"
        );
        assert!(began.elapsed() < DEAD_HOLDER_WAIT);

        // A process that has ended; its id stays taken until it is waited for.
        let mut dead = std::process::Command::new("true").spawn().unwrap();
        let pid = dead.id().to_string();
        while lives(&pid) {
            std::thread::yield_now();
        }
        std::fs::write(data.join("lock"), &pid).unwrap();
        let waiting = std::thread::spawn({
            let data = data.clone();
            move || DataLock::acquire(&data).map(drop)
        });
        drop(held);
        waiting.join().unwrap().unwrap();
        dead.wait().unwrap();
    }
}
