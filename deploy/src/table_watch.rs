//! Effects of a migration on tables: the tables that it locks and the tables that it rewrites.
//!
//! A preview's migration runs on a copy and blocks no user. In production the same migration can
//! block users, so Dayfly reports its locks and rewrites early.

use std::{fmt, time::Duration};

use async_trait::async_trait;

/// A watch over the tables of one database. Dropping it ends it without a report.
#[async_trait]
pub trait TableWatch: Send {
    /// Ends the watch. The report omits everything that could not be observed.
    async fn end(self: Box<Self>) -> TableReport;
}

/// Changes to the tables that existed when the watch began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableReport {
    /// Tables whose files were replaced, sorted by name.
    pub rewritten: Vec<RewrittenTable>,
    /// Tables that other sessions could not write or read for a while.
    pub locked: Vec<LockedTable>,
}

/// A table that was rewritten as a whole, or truncated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RewrittenTable {
    /// Its name, with its schema if needed.
    pub table: String,
    /// Its size afterwards, in bytes.
    pub bytes: u64,
}

/// A table that was locked against other sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedTable {
    /// Its name, with its schema if needed.
    pub table: String,
    /// The strongest lock.
    pub lock: TableLock,
    /// Approximate time for which the lock was observed.
    pub held: Duration,
}

/// How much a lock blocks other sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TableLock {
    /// Other sessions can read but not write.
    Writes,
    /// Other sessions can neither read nor write.
    Everything,
}

impl fmt::Display for TableLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Writes => "writes",
            Self::Everything => "reads and writes",
        })
    }
}
