//! The file that a backup becomes: under its own name only once it was read back.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, ensure};
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use super::{Checked, Progress, check};

/// What is written of an archive so far, under a name of its own. It goes when dropped.
#[derive(Debug)]
pub struct Target {
    path: PathBuf,
    part: PathBuf,
    file: File,
    is_done: bool,
}

impl Target {
    /// Begins a file beside `path`, which must not be there.
    ///
    /// # Errors
    /// Where it is there, and where nothing can be written in its folder.
    pub fn begin(path: &Path) -> anyhow::Result<Self> {
        refuse_what_is_there(path)?;
        let part = part_of(path);
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&part);
        let file = made.map_err(|error| {
            // It belongs to another backup that runs, or was cut off.
            let cut_off = match error.kind() {
                io::ErrorKind::AlreadyExists => "; where another backup was cut off, remove it",
                _ => "",
            };
            anyhow::Error::new(error).context(format!("cannot make {}{cut_off}", part.display()))
        })?;
        Ok(Self {
            path: path.to_owned(),
            part,
            file,
            is_done: false,
        })
    }

    /// Reads what was written back from the disk, checks all of it, and gives it its name. What has to be
    /// unpacked for that lies below `scratch`, or else in the file's own folder, and goes again.
    ///
    /// # Errors
    /// Where it could not be restored; nothing is left then.
    pub async fn finish(
        mut self,
        scratch: Option<&Path>,
        progress: Arc<Progress>,
    ) -> anyhow::Result<Checked> {
        self.file.sync_all()?;
        // What memory still holds says nothing about the disk. Where this cannot be, it is read from memory.
        let _forgotten = posix_fadvise(&self.file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED);
        let folder = self.path.parent();
        let folder = folder.filter(|path| !path.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let checked = check(&self.part, scratch.unwrap_or(folder), progress)
            .await
            .context("what was written could not be restored")?;
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
            // Best effort: what is cut off is no backup, and its name says so.
            let _gone = std::fs::remove_file(&self.part);
        }
    }
}

fn refuse_what_is_there(path: &Path) -> anyhow::Result<()> {
    ensure!(
        !path.try_exists()?,
        "{} is there already; name another file",
        path.display()
    );
    Ok(())
}

/// The name of a file's beginning.
pub(super) fn part_of(path: &Path) -> PathBuf {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    part.into()
}
