//! Stores the last table on disk, so that a restarted proxy serves before the control plane is up.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

use crate::{
    directory::{TABLE_FILE, TABLE_STAGED},
    table::RouteTable,
};

/// Maximum bytes of a table, on disk or on the control socket; far above the needs of one host.
pub(crate) const TABLE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The last table, if there is one. An unreadable file is an error, not an absence.
pub(crate) fn read(dir: &Path) -> io::Result<Option<RouteTable>> {
    let file = match File::open(dir.join(TABLE_FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut text = Vec::new();
    file.take(TABLE_BYTES_MAX as u64 + 1)
        .read_to_end(&mut text)?;
    if text.len() > TABLE_BYTES_MAX {
        return Err(io::Error::other(format!(
            "{TABLE_FILE} is larger than {TABLE_BYTES_MAX}"
        )));
    }
    Ok(Some(serde_json::from_slice(&text)?))
}

/// Replaces the table on disk atomically: a power cut leaves the old table or the new one, and
/// after success it is the new one.
pub(crate) fn write(dir: &Path, table: &RouteTable) -> io::Result<()> {
    let (path, beside) = (dir.join(TABLE_FILE), dir.join(TABLE_STAGED));
    let mut file = File::create(&beside)?;
    file.write_all(&serde_json::to_vec(table)?)?;
    file.sync_all()?;
    fs::rename(&beside, &path)?;
    File::open(dir)?.sync_all()
}
