//! What a migration does to tables: what it locks and what it writes anew.
//!
//! A preview's migration runs on a copy and hinders nobody. The same migration will meet tables that
//! people use; so it is told here, before that.

use std::{fmt, time::Duration};

use async_trait::async_trait;

/// A watch over the tables of one database. Dropped, it ends without an answer.
#[async_trait]
pub trait TableWatch: Send {
    /// Ends the watch. What could not be seen is not in the report.
    async fn end(self: Box<Self>) -> TableReport;
}

/// What happened to tables that were there when the watch began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableReport {
    /// Tables that now are in other files than before, in the order of their names.
    pub rewritten: Vec<RewrittenTable>,
    /// Tables that others could not write to, or not even read, for a while.
    pub locked: Vec<LockedTable>,
}

/// A table that was written anew as a whole, or emptied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RewrittenTable {
    /// Its name, with its schema where that is needed.
    pub table: String,
    /// Its size afterwards, in bytes.
    pub bytes: u64,
}

/// A table that was locked against others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedTable {
    /// Its name, with its schema where that is needed.
    pub table: String,
    /// The strongest lock.
    pub lock: TableLock,
    /// For how long it was seen, about.
    pub held: Duration,
}

/// How much a lock keeps from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TableLock {
    /// Others read, and cannot write.
    Writes,
    /// Others can do neither.
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
