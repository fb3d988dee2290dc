//! The file of a backup. It gets its final name only once it is verified.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail};
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use super::{Checked, Progress, check};

/// An unfinished archive under a temporary name. The file is removed when this is dropped.
#[derive(Debug)]
pub struct Target {
    path: PathBuf,
    part: PathBuf,
    file: File,
    is_done: bool,
}

impl Target {
    /// Creates a temporary file beside `path`, which must not exist.
    ///
    /// # Errors
    /// Where `path` exists, and where its folder is not writable.
    pub fn begin(path: &Path) -> anyhow::Result<Self> {
        refuse_what_is_there(path)?;
        let part = part_of(path);
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&part);
        let file = made.map_err(|error| {
            // The file belongs to another backup that is running or was interrupted.
            let cut_off = match error.kind() {
                io::ErrorKind::AlreadyExists => "; if no other backup is running, remove it",
                _ => "",
            };
            anyhow::Error::new(error).context(format!("cannot create {}{cut_off}", part.display()))
        })?;
        Ok(Self {
            path: path.to_owned(),
            part,
            file,
            is_done: false,
        })
    }

    /// Reads the file back from the disk, checks all of it, and gives it its final name. The check
    /// unpacks to a temporary folder below `scratch`, or else in the file's own folder.
    ///
    /// # Errors
    /// Where the backup could not be restored; the file is removed then.
    pub async fn finish(
        mut self,
        scratch: Option<&Path>,
        progress: Arc<Progress>,
    ) -> anyhow::Result<Checked> {
        self.file.sync_all()?;
        // The check has to read the disk and not the page cache. Best effort.
        let _forgotten = posix_fadvise(&self.file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED);
        let folder = self.path.parent();
        let folder = folder.filter(|path| !path.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let checked = check(&self.part, scratch.unwrap_or(folder), progress)
            .await
            .context("the new backup could not be restored")?;
        refuse_what_is_there(&self.path)?;
        std::fs::rename(&self.part, &self.path)?;
        self.is_done = true;
        File::open(folder)?.sync_all()?;
        Ok(checked)
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if !self.is_done {
            // Best effort: the name of a leftover says that it is unfinished.
            let _gone = std::fs::remove_file(&self.part);
        }
    }
}

fn refuse_what_is_there(path: &Path) -> anyhow::Result<()> {
    // A link that leads nowhere counts too: the file would replace it.
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot look for {}", path.display())),
        Ok(_) => bail!("{} already exists; name another file", path.display()),
    }
}

/// The temporary name of an unfinished file.
pub(super) fn part_of(path: &Path) -> PathBuf {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    part.into()
}
