//! Passes a script into a server's container through a named pipe.
//!
//! The engine and its shim copy a client's standard input four times, so a dump of 1 GB took 50 %
//! longer than with `psql -f`. A pipe is as fast as a file.

use std::{
    fs::{File, OpenOptions, Permissions},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use nix::fcntl::{FcntlArg, fcntl};
use rustix::{fs::OFlags, io::Errno};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{
    exec::unpack,
    run::{Broken, Input},
    script::Script,
};
use crate::docker::container::mount::BindMount;

/// The path of the pipe's folder in the container.
const FOLDER: &str = "/dayfly-seed";
/// The path of the pipe in the container.
pub(super) const SCRIPT: &str = "/dayfly-seed/script";
/// The pipe's name in its folder.
const NAME: &str = "script";

/// Capacity of the pipe in bytes, if the kernel allows it.
const PIPE_BYTES: i32 = 1 << 20;

/// Interval for checking whether a reader has opened the pipe.
const CHECK_EVERY: Duration = Duration::from_millis(1);

/// A named pipe in its own folder. Programs in the container can neither replace it nor add files
/// beside it. Our side opens it by a path that only Dayfly can change.
pub(super) struct ScriptPipe(TempDir);

impl ScriptPipe {
    /// Creates one in a folder; dropping this removes it.
    pub(super) fn make(folder: &Path) -> io::Result<Self> {
        let pipe = Self(tempfile::tempdir_in(folder)?);
        let mode = nix::sys::stat::Mode::from_bits_truncate(0o644);
        nix::unistd::mkfifo(&pipe.path(), mode)?;
        // The server's user must be able to read it, whatever the process's umask is.
        std::fs::set_permissions(pipe.0.path(), Permissions::from_mode(0o755))?;
        std::fs::set_permissions(pipe.path(), Permissions::from_mode(0o644))?;
        Ok(pipe)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join(NAME)
    }

    /// The mount of its folder for a container.
    pub(super) fn mount(&self) -> BindMount {
        BindMount {
            path: FOLDER.to_owned(),
            source: self.0.path().to_owned(),
            read_only: true,
        }
    }

    /// Writes the processed script to the reader. Ends when `over` is cancelled, because the reader
    /// has exited.
    pub(super) async fn feed(&self, script: Script, over: CancellationToken) -> Fed {
        let path = self.path();
        let writing = tokio::task::spawn_blocking(move || {
            let mut file = match open(&path, &over) {
                Ok(Some(file)) => file,
                Ok(None) => return Fed::Part,
                Err(error) => return Fed::unread(&error),
            };
            let mut taken = true;
            let broken = unpack(Input::Script(script), |piece| {
                taken = write(&mut file, &piece, &over).is_ok();
                taken
            });
            match broken {
                Some(broken) => Fed::Broken(broken),
                None if taken => Fed::Whole,
                None => Fed::Part,
            }
        });
        let written = writing.await;
        written.unwrap_or_else(|error| Fed::unread(&io::Error::other(error)))
    }
}

/// How much of a script a client read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fed {
    /// All of it.
    Whole,
    /// It exited before the end.
    Part,
    /// The script could not be read further, for this reason.
    Broken(Broken),
}

impl Fed {
    fn unread(error: &io::Error) -> Self {
        Self::Broken(Broken::Unread(format!("cannot pass it on: {error}")))
    }
}

/// The writing end, once a reader has opened the pipe; `None` if `over` comes first.
fn open(path: &Path, over: &CancellationToken) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
    options.write(true).custom_flags(flags);
    while !over.is_cancelled() {
        match options.open(path) {
            Ok(file) => {
                // With a smaller pipe, scripts only take longer.
                let _ = fcntl(&file, FcntlArg::F_SETPIPE_SZ(PIPE_BYTES));
                return Ok(Some(file));
            }
            Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => {
                std::thread::sleep(CHECK_EVERY);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Writes all of a piece. It polls a full pipe, so that a stuck reader cannot block it once `over`
/// is cancelled. The pipe is large enough that a reader does not wait meanwhile.
fn write(file: &mut File, mut piece: &[u8], over: &CancellationToken) -> io::Result<()> {
    while !piece.is_empty() {
        match file.write(piece) {
            Ok(written) => piece = &piece[written..],
            Err(error) if error.kind() == ErrorKind::WouldBlock && !over.is_cancelled() => {
                std::thread::sleep(CHECK_EVERY);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::{databases::SeedFile, docker::database::script::Dialect};

    fn script(text: &str) -> Script {
        let file = SeedFile {
            path: "seed.sql".to_owned(),
            content: text.to_owned().into(),
        };
        let scripts = Script::each(&file.into(), Dialect::Postgres);
        scripts.into_iter().next().unwrap()
    }

    #[tokio::test]
    async fn one_reader_after_the_other_gets_a_script_and_one_that_stops_ends_it() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = ScriptPipe::make(folder.path()).unwrap();
        let over = CancellationToken::new();
        let path = pipe.path();
        let read = |most: u64| {
            let path = path.clone();
            let reading = move || {
                let mut text = String::new();
                let file = File::open(path).unwrap().take(most);
                file.take(most).read_to_string(&mut text).unwrap();
                text
            };
            tokio::task::spawn_blocking(reading)
        };
        let long = format!("select '{}';\n", "x".repeat(1 << 20));
        for text in ["select 1;\n", &long] {
            let (fed, text_read) =
                tokio::join!(pipe.feed(script(text), over.clone()), read(2 << 20));
            assert_eq!((fed, text_read.unwrap().as_str()), (Fed::Whole, text));
        }
        let longer = long.repeat(3);
        let (fed, _) = tokio::join!(pipe.feed(script(&longer), over.clone()), read(10));
        assert_eq!(fed, Fed::Part);
        // A reader that opens it and never reads.
        let _still = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        let later = over.clone();
        let (fed, ()) = tokio::join!(pipe.feed(script(&longer), over.clone()), async move {
            tokio::task::yield_now().await;
            later.cancel();
        });
        assert_eq!(fed, Fed::Part);
        assert_eq!(pipe.feed(script(&long), over).await, Fed::Part);
    }
}
