//! Everything that a server remembers in one archive, taken while it runs; and back.
//!
//! An archive is a tar: `backup.json` first, `end.json` last; between them the store as it was at
//! one moment, mirrors, logs, and, unless they are left out, every snapshot and database of the pool
//! under `pool/`. Data are copied after the store. What came or went between the two puts itself
//! right at the next start: data that the store does not know are removed, and those that it misses
//! are made anew.

mod accepted;
mod reading;
mod restore;
mod settle;
mod write;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use reading::Progress;
pub use restore::{Restored, read_end, restore};
pub use settle::settle;
pub use write::{BackupError, write};

/// Grows when an archive is made in another way, which older versions cannot read.
const FORMAT: u32 = 1;

/// What an archive says of itself; its first entry.
const MANIFEST: &str = "backup.json";
/// What was left out; its last entry, so that one without it is not whole.
const END: &str = "end.json";
/// The store, in an archive and in a data directory.
const STORE: &str = "dayfly.db";
/// Folders that are kept as they are.
const FOLDERS: [&str; 2] = [MIRRORS, "logs"];
/// The one with what was fetched.
const MIRRORS: &str = "mirrors";
/// Where the pool's places are in an archive.
const POOL: &str = "pool";

/// Left by a restore in the data directory: containers that run were made for other data.
const RESTORED: &str = "restored";
/// What it says.
const WITH_DATA: &str = "with data";
const WITHOUT_DATA: &str = "without data";

/// What an archive says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// In which way it was made.
    pub format: u32,
    /// By which version.
    pub version: String,
    /// Whose it is.
    pub instance: String,
    /// When it was begun.
    pub made_at: Timestamp,
    /// Whether it holds snapshots and databases.
    pub data: bool,
}

/// What the end of an archive says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Data that could not be copied, and why.
    pub left_out: Vec<String>,
}
