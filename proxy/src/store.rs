//! The last table on disk, so that a restarted proxy serves before the control plane is there.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use crate::{ProxyError, directory::TABLE_FILE, table::RouteTable};

/// Octets of a table, on disk or on the control socket; far above what one host can run.
pub(crate) const TABLE_OCTETS_MAX: usize = 64 * 1024 * 1024;

/// The last table, if there is one. A file that cannot be understood is an error, not an absence.
pub(crate) fn read(dir: &Path) -> Result<Option<RouteTable>, ProxyError> {
    let path = dir.join(TABLE_FILE);
    let failed = |source: io::Error| ProxyError::Table {
        path: path.clone(),
        source,
    };
    match fs::metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
        Ok(found) if found.len() > TABLE_OCTETS_MAX as u64 => {
            return Err(failed(io::Error::other("larger than 64 MiB")));
        }
        Ok(_) => {}
    }
    let text = fs::read(&path).map_err(failed)?;
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|e| failed(e.into()))
}

/// Replaces the table on disk; when it returns, either table survives a power cut whole, and after
/// success it is the new one.
pub(crate) fn write(dir: &Path, table: &RouteTable) -> io::Result<()> {
    let (path, beside) = (dir.join(TABLE_FILE), dir.join("table.json.new"));
    let mut file = File::create(&beside)?;
    file.write_all(&serde_json::to_vec(table)?)?;
    file.sync_all()?;
    fs::rename(&beside, &path)?;
    File::open(dir)?.sync_all()
}
