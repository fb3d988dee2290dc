//! Backups: all state of a server in one archive, written while the server runs, checked, and
//! restored.
//!
//! An archive is a tar: `backup.json` first, `end.json` last. Between them are the store as of one
//! moment, the mirrors, the logs, and every snapshot and database of the pool under `pool/`, unless
//! data is left out. Data is copied after the store. The next start resolves differences between
//! the two: it removes data that the store does not know, and creates missing data again.
//!
//! Since format 2 an archive holds the SHA-256 of each of its records, in entries below
//! `checksums/`. An entry has one line of hex for each record since the previous entry, in the
//! order of the records. The last entry comes after `end.json`. A record is everything that the tar
//! holds of a file: its header, its content, and the padding of its last block. So reading an
//! archive to its end verifies all of it.
//!
//! A backup is valid only once it is verified ([`check()`]). Then its file gets its final name
//! ([`Target`]).

mod accepted;
mod backups;
mod check;
mod contents;
mod mirrors;
mod packing;
mod paths;
mod reading;
mod records;
mod restore;
mod scratch;
mod settle;
mod shelf;
mod store_facts;
mod target;
#[cfg(test)]
mod tests;
mod write;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use backups::{Backups, Failure, Turn};
pub use check::{Checked, check};
pub use contents::manifest_of;
pub use packing::BackupError;
pub use reading::Progress;
pub use restore::{Restored, restore};
pub use settle::{finish_restore, settle};
pub use shelf::{MOUNT_OR_CREATE, Shelved, shelved};
pub use target::Target;
pub use write::write;

/// The format of new archives. It grows with each change that older versions cannot read.
const FORMAT: u32 = 2;
/// The first format with checksums.
const FORMAT_WITH_CHECKSUMS: u32 = 2;
/// The oldest format that this version reads.
const FORMAT_MIN: u32 = 1;

/// The manifest, which is the first entry.
const MANIFEST: &str = "backup.json";
/// What was left out. Only checksums follow it, so an archive without it is truncated.
const END: &str = "end.json";
/// The store, in an archive and in a data directory.
const STORE: &str = "dayfly.db";
/// Folders that are kept as they are.
const FOLDERS: [&str; 2] = [MIRRORS, LOGS];
/// The folder of git mirrors.
const MIRRORS: &str = "mirrors";
/// The folder of logs.
const LOGS: &str = "logs";
/// Where the pool's places are in an archive.
const POOL: &str = "pool";
/// Where the checksums of its records are.
const CHECKSUMS: &str = "checksums";

/// The folder into which a restore unpacks everything but data. It exists until the restore is
/// complete.
const UNPACKED: &str = "restoring";

/// How many files a report names; it only counts the others.
const TOLD_MAX: usize = 100;

/// Left by a restore in the data directory: running containers belong to other data.
const RESTORED: &str = "restored";
/// Its content.
const WITH_DATA: &str = "with data";
const WITHOUT_DATA: &str = "without data";

/// The manifest of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Its format.
    pub format: u32,
    /// The version of Dayfly that wrote it.
    pub version: String,
    /// The instance that wrote it.
    pub instance: String,
    /// When it was begun.
    pub made_at: Timestamp,
    /// Whether it holds snapshots and databases.
    pub data: bool,
}

/// The last entry of an archive, apart from checksums.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Data that could not be copied and why; files of mirrors that no mirror needs.
    pub left_out: Vec<String>,
}

/// File names for a report, of limited length.
#[derive(Clone, Debug, Default)]
struct Told {
    names: Vec<String>,
    more: usize,
}

impl Told {
    fn add(&mut self, name: String) {
        if self.names.len() < TOLD_MAX {
            self.names.push(name);
        } else {
            self.more += 1;
        }
    }

    fn into_names(mut self) -> Vec<String> {
        if self.more > 0 {
            self.names.push(format!("and {} more", self.more));
        }
        self.names
    }
}
