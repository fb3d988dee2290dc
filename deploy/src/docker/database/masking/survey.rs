//! The interface of one kind of server for checking a mask.

use super::{
    relations::{Database, Relation},
    rows::Reading,
};
use crate::docker::database::run::Run;

/// Programs to survey a server and to purge replaced values. They print one line per item; line
/// feeds, tabs and backslashes in values are escaped with a backslash.
pub(crate) trait Survey: Send + Sync {
    /// Prints its databases, one line each: the name, a tab, and `t` if it accepts connections,
    /// else `f`. `None` if only the application's exists; its name is then empty.
    fn databases(&self) -> Option<Run>;

    /// Prints a line for each column of each relation, separated by tabs: database, kind (`r`
    /// table, `v` system-versioned table, `p` partitioned table, `m` materialised view, `f` foreign
    /// table, `L` large objects), schema, relation, the topmost table of a partition, column, its
    /// type (`j` JSON, `b` boolean, `k` number, `y` bytes, `t` anything else), size of the rows in
    /// bytes, and `t` if an extension created it, else `f`. Null is `\N`.
    fn columns(&self, databases: &[Database]) -> Run;

    /// Prints the rows of all readings: the reading's number, and a column for each
    /// [cell](super::Cell). Only after the last row of a reading, it prints the number and a full
    /// stop. A failed reading does not affect the others.
    fn rows(&self, readings: &[Reading]) -> Run;

    /// Rebuilds all data that the server derived from rows before a mask, so that the application
    /// cannot read old values. It fails if that is impossible. `None` if there is nothing to do.
    fn forget(&self, databases: &[Database], relations: &[Relation]) -> Option<Run>;
}
