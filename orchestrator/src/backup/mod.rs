//! Everything that a server remembers in one archive, taken while it runs; checked, and brought back.
//!
//! An archive is a tar: `backup.json` first, `end.json` last; between them the store as it was at
//! one moment, mirrors, logs, and, unless they are left out, every snapshot and database of the pool
//! under `pool/`. Data are copied after the store. What came or went between the two puts itself
//! right at the next start: data that the store does not know are removed, and those that it misses
//! are made anew.
//!
//! Since format 2 an archive holds the SHA-256 of each of its records, in entries below `checksums/`:
//! a line of hex for each record since the entry before, in the order of the records; the last of them
//! comes after `end.json`. A record is all that the tar has of a file: its head, its content, what fills its
//! last block. So whoever reads an archive to its end knows that all of it is as it was written.
//!
//! A backup counts only once it was read back ([`check()`]): then its file gets its name ([`Target`]).

mod accepted;
mod backups;
mod check;
mod contents;
mod mirrors;
mod packing;
mod reading;
mod records;
mod restore;
mod scratch;
mod settle;
mod shelf;
mod target;
#[cfg(test)]
mod tests;
mod write;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use backups::{Backups, Failure, Turn};
pub use check::{Checked, check};
pub use packing::BackupError;
pub use reading::Progress;
pub use restore::{Restored, restore};
pub use settle::settle;
pub use shelf::{Shelved, shelved};
pub use target::Target;
pub use write::write;

/// Grows when an archive is made in another way, which older versions cannot read.
const FORMAT: u32 = 2;
/// The first one whose archives hold checksums.
const FORMAT_WITH_CHECKSUMS: u32 = 2;
/// The oldest one that is still read.
const FORMAT_MIN: u32 = 1;

/// What an archive says of itself; its first entry.
const MANIFEST: &str = "backup.json";
/// What was left out; its last entry but checksums, so that one without it is not whole.
const END: &str = "end.json";
/// The store, in an archive and in a data directory.
const STORE: &str = "dayfly.db";
/// Folders that are kept as they are.
const FOLDERS: [&str; 2] = [MIRRORS, LOGS];
/// The one with what was fetched.
const MIRRORS: &str = "mirrors";
/// The one with what was printed.
const LOGS: &str = "logs";
/// Where the pool's places are in an archive.
const POOL: &str = "pool";
/// Where the checksums of its records are.
const CHECKSUMS: &str = "checksums";

/// Names of files that are told one by one; of more only how many.
const TOLD_MAX: usize = 100;

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
    /// Data that could not be copied and why; files of mirrors that no mirror needs.
    pub left_out: Vec<String>,
}

/// Names of files for people; never more than they would read.
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
