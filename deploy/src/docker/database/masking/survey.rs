//! What has to be known of one kind of server to see what a mask does.

use super::{
    relations::{Database, Relation},
    rows::Reading,
};
use crate::docker::database::run::Run;

/// How a server is looked over, and what a mask replaced is forgotten. What the runs print is one
/// line each; line feeds, tabs and backslashes in values are written with a backslash.
pub(crate) trait Survey: Send + Sync {
    /// What prints the names of its databases, a line each: the name, a tab, and `t` where somebody is let
    /// in, else `f`. None where there is but the application's, which has no name then.
    fn databases(&self) -> Option<Run>;

    /// What prints a line for each column of everything that holds rows, with tabs between: database, kind
    /// (`r` table, `v` table with older rows, `p` partitioned table, `m` materialised view, `f` foreign
    /// table, `L` large objects), schema, relation, the whole that a partition belongs to, column, what it
    /// holds (`j` JSON, `b` truth, `k` number, `y` bytes, `t` anything else), bytes of the rows, and `t`
    /// where an extension brought it, else `f`. Null is `\N`.
    fn columns(&self, databases: &[Database]) -> Run;

    /// What prints the rows of all readings, by the reading's number: the number, and a column for each
    /// [cell](super::Cell). The number and a full stop come after the last row of a reading, and only then.
    /// One that fails keeps no other from being read.
    fn rows(&self, readings: &[Reading]) -> Run;

    /// What makes everything anew that the server derived from rows before a mask, so that nothing of them
    /// is left where the application could read it; fails where that is not possible. None where there is
    /// nothing to do.
    fn forget(&self, databases: &[Database], relations: &[Relation]) -> Option<Run>;
}
