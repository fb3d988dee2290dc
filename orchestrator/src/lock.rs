//! One server per data directory.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use anyhow::Context as _;
use nix::fcntl::{Flock, FlockArg};

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
    pub fn take(data: &Path) -> anyhow::Result<Self> {
        refuse_shared(data)?;
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(data)
            .with_context(|| format!("cannot make the data directory {}", data.display()))?;
        std::fs::set_permissions(data, std::fs::Permissions::from_mode(0o700))
            .with_context(|| format!("cannot close {} to others", data.display()))?;
        let path = data.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        let mut holder = String::new();
        file.read_to_string(&mut holder)?;
        let mut file = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, _)| {
            anyhow::anyhow!(
                "{} is in use by the server with process id {}; stop it with `dayfly down`, or name another directory with --data",
                data.display(),
                holder.trim()
            )
        })?;
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Self { _file: file })
    }
}
