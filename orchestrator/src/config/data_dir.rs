//! The data directory.

use std::path::{Path, PathBuf};

/// The directory to use: `named`, else `$DAYFLY_DATA`, else `dayfly` in the
/// user's state directory.
pub fn data_dir(named: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let dir = named
        .or_else(|| set("DAYFLY_DATA").map(PathBuf::from))
        .or_else(|| set("XDG_STATE_HOME").map(|state| PathBuf::from(state).join("dayfly")))
        .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".local/state/dayfly")));
    let dir = dir.ok_or_else(|| {
        anyhow::anyhow!("no data directory: name one with --data or DAYFLY_DATA (HOME is not set)")
    })?;
    Ok(std::path::absolute(dir)?)
}

/// The socket of the API, which the command line uses.
pub fn api_socket(data: &Path) -> PathBuf {
    data.join("api.sock")
}
