//! Allows one server per data directory, and one per set of records.
//!
//! Each is a lock on a file that no other user of this host can create, hold or replace: a private
//! file in a private folder.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use deploy::names::Instance;
use nix::{
    fcntl::{Flock, FlockArg},
    unistd::geteuid,
};

use super::private;

/// How long to wait for the lock of a dead server.
const DEAD_HOLDER_WAIT: Duration = Duration::from_secs(5);
const DEAD_HOLDER_PAUSE: Duration = Duration::from_millis(20);

/// Held for as long as the server lives.
pub struct DataLock {
    _file: Flock<File>,
}

impl DataLock {
    /// Creates the data directory (mode 0700) and locks it. The error for a second server names the
    /// process that holds it.
    ///
    /// # Errors
    /// Where another server holds it, and where other users can change it.
    pub fn acquire(data: &Path) -> anyhow::Result<Self> {
        private::claim_data(data)?;
        let file = private::open(&data.join("lock"), &mut lockable())?;
        let held = hold(file, |holder| {
            format!(
                "{} is in use by the server with process id {holder}; stop it with `dayfly down`, \
                 or name another directory with --data",
                data.display(),
            )
        })?;
        Ok(Self { _file: held })
    }
}

/// The folder for locks of root's servers. Its parent is root's, so no one else can create it.
const ROOTS_LOCKS: &str = "/run/dayfly";
/// Attempts to take a lock whose holder just removes its file.
const RECORDS_TRIES: usize = 10;

/// Held for as long as the server lives, so that no other server of this host uses the same
/// records, copied or restored: the two would remove each other's containers. Dropping it removes
/// the file.
pub struct RecordsLock {
    path: PathBuf,
    _file: Flock<File>,
}

impl RecordsLock {
    /// Takes the lock.
    ///
    /// # Errors
    /// Where another server holds it, and where this host has no private folder for it.
    pub fn acquire(instance: &Instance) -> anyhow::Result<Self> {
        let folder = locks_folder()?;
        private::claim(&folder, "remove it, then start again")?;
        let path = folder.join(format!("{instance}.lock"));
        for _ in 0..RECORDS_TRIES {
            let file = private::open(&path, &mut lockable())?;
            let held = hold(file, |holder| {
                format!(
                    "the server with process id {holder} uses the same records; stop it first: \
                     only one of a data directory and its copies can be in use at a time"
                )
            })?;
            // Otherwise the last holder has removed the file, and the next server would create
            // another.
            if is_at(&held, &path)? {
                return Ok(Self { path, _file: held });
            }
        }
        anyhow::bail!(
            "other servers keep creating and removing {}; retry",
            path.display()
        )
    }
}

impl Drop for RecordsLock {
    fn drop(&mut self) {
        // Only the holder of the lock removes the file. The next server reuses a file that stays.
        let _removed = std::fs::remove_file(&self.path);
    }
}

/// The folder for locks of this user's servers: one that a restart of the host clears, else one
/// that every server of this user finds.
fn locks_folder() -> anyhow::Result<PathBuf> {
    let user = geteuid();
    if user.is_root() {
        return Ok(PathBuf::from(ROOTS_LOCKS));
    }
    let runtime = PathBuf::from(format!("/run/user/{user}"));
    if runtime.is_dir() {
        return Ok(runtime.join("dayfly"));
    }
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let absolute = |path: &PathBuf| path.is_absolute();
    set("XDG_RUNTIME_DIR")
        .filter(absolute)
        .map(|folder| folder.join("dayfly"))
        .or_else(|| {
            set("HOME")
                .filter(absolute)
                .map(|home| home.join(".local/state/dayfly-locks"))
        })
        .context(
            "no folder for the lock of this user's servers; set XDG_RUNTIME_DIR or HOME to a \
             directory of this user",
        )
}

/// Whether the file that is open still has that name.
fn is_at(file: &File, path: &Path) -> anyhow::Result<bool> {
    let open = file.metadata()?;
    let named = std::fs::symlink_metadata(path);
    Ok(named.is_ok_and(|named| (named.dev(), named.ino()) == (open.dev(), open.ino())))
}

/// The options to open a lock file, which names its holder.
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

/// Locks the file and writes this process's id to it. Where another process holds the lock,
/// `refused` makes the error.
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

/// Locks the file; `None` where another process holds it. A child that a server was starting when
/// it died holds the lock until the child has called `exec`, so this waits for the lock of a dead
/// server.
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

/// Whether the process runs; a zombie does not.
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
