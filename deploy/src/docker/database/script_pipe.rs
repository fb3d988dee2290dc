//! How a script gets into a server's container: through a named pipe that the container sees.
//!
//! What a client reads from its standard input passes the engine and its shim, which copy it four
//! times: a dump of 1 GB took half as long again as `psql -f`. A pipe costs what a file costs.

use std::{
    fs::{File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::{fs::OFlags, io::Errno};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::{exec::unpack, run::Input, script::Script};
use crate::docker::container::host_config::BindMount;

/// Where the pipe's folder is inside.
const FOLDER: &str = "/dayfly-seed";
/// The pipe inside.
pub(super) const SCRIPT: &str = "/dayfly-seed/script";
/// The pipe in its folder.
const NAME: &str = "script";

/// How often it is looked at whether somebody reads.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A named pipe in a folder of its own. What runs in the container can neither replace it nor put
/// anything beside it; our side is opened by a path that only we can change.
pub(super) struct ScriptPipe(TempDir);

impl ScriptPipe {
    /// Makes one in a folder; it goes when this is dropped.
    pub(super) fn make(folder: &Path) -> io::Result<Self> {
        let readable = Permissions::from_mode(0o755);
        let pipe = Self(
            tempfile::Builder::new()
                .permissions(readable)
                .tempdir_in(folder)?,
        );
        let mode = nix::sys::stat::Mode::from_bits_truncate(0o644);
        nix::unistd::mkfifo(&pipe.path(), mode)?;
        // Whatever the process's mask is, the server's user reads it.
        std::fs::set_permissions(pipe.0.path(), Permissions::from_mode(0o755))?;
        std::fs::set_permissions(pipe.path(), Permissions::from_mode(0o644))?;
        Ok(pipe)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join(NAME)
    }

    /// Its folder, as a container sees it.
    pub(super) fn mount(&self) -> BindMount {
        BindMount {
            path: FOLDER.to_owned(),
            source: self.0.path().to_owned(),
            read_only: true,
        }
    }

    /// Writes what a script becomes to whoever reads, and answers why that was not possible. A client
    /// that stopped at an error reads no further; its answer says why. Ends when `over` is cancelled
    /// before anybody read.
    pub(super) async fn feed(&self, script: Script, over: CancellationToken) -> Option<String> {
        let path = self.path();
        let writing = tokio::task::spawn_blocking(move || {
            let mut reader = match open(&path, &over) {
                Ok(reader) => reader?,
                Err(error) => return Some(format!("it cannot be handed over: {error}")),
            };
            unpack(Input::Script(script), |piece| {
                reader.write_all(&piece).is_ok()
            })
        });
        writing
            .await
            .unwrap_or_else(|error| Some(error.to_string()))
    }
}

/// The writing side, once somebody reads; nothing where that will not be.
fn open(path: &Path, over: &CancellationToken) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
    options.write(true).custom_flags(flags);
    loop {
        match options.open(path) {
            Ok(file) => {
                rustix::fs::fcntl_setfl(&file, OFlags::empty())?;
                return Ok(Some(file));
            }
            Err(error) if error.raw_os_error() != Some(Errno::NXIO.raw_os_error()) => {
                return Err(error);
            }
            Err(_) if over.is_cancelled() => return Ok(None),
            Err(_) => std::thread::sleep(LOOK_EVERY),
        }
    }
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
            assert_eq!((fed, text_read.unwrap().as_str()), (None, text));
        }
        let (fed, _) = tokio::join!(pipe.feed(script(&long), over.clone()), read(10));
        assert_eq!(fed, None);
        over.cancel();
        assert_eq!(pipe.feed(script(&long), over).await, None);
    }
}
