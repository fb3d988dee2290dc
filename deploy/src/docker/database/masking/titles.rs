//! Names of places with data, as users see them.

use super::{relations::Relation, rows::Cell};
use crate::databases::USER;

/// The name of a column, or of the large objects of a database.
pub(super) fn name_of(relation: &Relation, cell: &Cell) -> String {
    match cell {
        Cell::Digest(column) | Cell::Document(column) => {
            format!("{}.{}", full_title(relation), column.name)
        }
        Cell::Page => in_database(relation, "large-objects"),
    }
}

/// Maps a name in a partition to its partitioned table, because a mask may move rows between
/// partitions. Other names stay unchanged.
pub(super) fn group_of(relation: &Relation, name: &str) -> String {
    let whole = relation.whole.as_deref();
    match whole.zip(name.strip_prefix(&full_title(relation))) {
        Some((whole, rest)) => format!("{}{rest}", in_database(relation, whole)),
        None => name.to_owned(),
    }
}

/// `schema.table`, with the database in front unless it is the application's.
pub(super) fn full_title(relation: &Relation) -> String {
    in_database(relation, &relation.title())
}

/// Adds the database in front, unless it is the application's.
fn in_database(relation: &Relation, name: &str) -> String {
    match relation.database.as_str() {
        database if is_own(database) => name.to_owned(),
        database => format!("{database}.{name}"),
    }
}

/// Whether a database is the application's.
pub(super) fn is_own(database: &str) -> bool {
    database.is_empty() || database == USER
}
