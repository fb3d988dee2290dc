//! Relations of a server, from its catalogue.

use std::io::{self, BufRead};

use super::fields::{field, unescaped};

/// Maximum number of columns to inspect.
const COLUMNS_MAX: usize = 200_000;

/// Maximum length of one catalogue line, in bytes.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// A database of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Database {
    /// Its name; empty if the server has only the application's.
    pub(crate) name: String,
    /// Whether it accepts connections.
    pub(crate) is_open: bool,
}

/// The kind of a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RelationKind {
    /// A table, or a partition.
    Table,
    /// A system-versioned table, which keeps older rows for queries.
    Versioned,
    /// A partitioned table, whose rows are in its partitions.
    Partitioned,
    /// A materialised view.
    View,
    /// A foreign table.
    Foreign,
    /// The large objects of the database.
    LargeObjects,
}

/// The type of data in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// Text, and any type that converts to text.
    Text,
    /// Integers and ids.
    Number,
    /// Booleans.
    Truth,
    /// Bytes.
    Bytes,
    /// JSON.
    Json,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) holds: Holds,
}

/// A relation with rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Relation {
    /// The name of its database.
    pub(crate) database: String,
    pub(crate) kind: RelationKind,
    /// Its schema; empty if the server has no schemas.
    pub(crate) schema: String,
    pub(crate) table: String,
    /// For a partition, the topmost partitioned table, as `schema.table`.
    pub(crate) whole: Option<String>,
    /// Its columns, in order.
    pub(crate) columns: Vec<Column>,
    /// Size of its rows in bytes; for large objects, their number.
    pub(crate) size: u64,
    /// Whether an extension created it.
    pub(crate) of_extension: bool,
}

impl Relation {
    /// `schema.table`, or `table`.
    pub(super) fn title(&self) -> String {
        match self.schema.as_str() {
            "" => self.table.clone(),
            schema => format!("{schema}.{}", self.table),
        }
    }
}

/// Parses databases: one line each, with the name, a tab, and whether it accepts connections.
///
/// # Errors
/// If a line has another format.
pub(super) fn databases(text: &str) -> io::Result<Vec<Database>> {
    let database = |line: &str| {
        let (name, open) = line.rsplit_once('\t')?;
        let name = unescaped(name.as_bytes());
        Some(Database {
            name: String::from_utf8_lossy(&name).into_owned(),
            is_open: open == "t",
        })
    };
    text.lines()
        .map(|line| database(line).ok_or_else(strange))
        .collect()
}

/// Parses relations: one line per column; the columns of a relation are consecutive.
///
/// # Errors
/// If a line has another format, or there are too many columns.
pub(super) fn relations(reader: &mut impl BufRead) -> io::Result<Vec<Relation>> {
    let mut relations: Vec<Relation> = Vec::new();
    let mut line = Vec::new();
    for _ in 0..COLUMNS_MAX {
        line.clear();
        let mut bounded = io::Read::take(&mut *reader, LINE_BYTES_MAX);
        if bounded.read_until(b'\n', &mut line)? == 0 {
            return Ok(relations);
        }
        let line = line.strip_suffix(b"\n").ok_or_else(strange)?;
        let (relation, column) = relation(line).ok_or_else(strange)?;
        match relations.last_mut() {
            Some(last) if is_same(last, &relation) => last.columns.extend(column),
            _ => relations.push(Relation {
                columns: column.into_iter().collect(),
                ..relation
            }),
        }
    }
    let many = format!("it has more than {COLUMNS_MAX} columns");
    Err(io::Error::other(many))
}

fn is_same(one: &Relation, other: &Relation) -> bool {
    one.database == other.database && one.schema == other.schema && one.table == other.table
}

fn relation(line: &[u8]) -> Option<(Relation, Option<Column>)> {
    let mut fields = line.split(|&byte| byte == b'\t').map(field);
    let mut next = || fields.next();
    let database = next()??;
    let kind = match next()??.as_str() {
        "r" => RelationKind::Table,
        "v" => RelationKind::Versioned,
        "p" => RelationKind::Partitioned,
        "m" => RelationKind::View,
        "f" => RelationKind::Foreign,
        "L" => RelationKind::LargeObjects,
        _ => return None,
    };
    let (schema, table, whole, column) = (next()??, next()??, next()?, next()?);
    let holds = match next()?.unwrap_or_default().as_str() {
        "j" => Holds::Json,
        "b" => Holds::Truth,
        "k" => Holds::Number,
        "y" => Holds::Bytes,
        _ => Holds::Text,
    };
    let relation = Relation {
        database,
        kind,
        schema,
        table,
        whole: whole.filter(|whole| !whole.is_empty()),
        columns: Vec::new(),
        size: next()??.parse().ok()?,
        of_extension: next()??.as_str() == "t",
    };
    Some((relation, column.map(|name| Column { name, holds })))
}

fn strange() -> io::Error {
    io::Error::other("cannot parse its catalogue")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> io::Result<Vec<Relation>> {
        relations(&mut text.as_bytes())
    }

    #[test]
    fn columns_of_a_relation_come_together() {
        let text = "app\tr\tpublic\tusers\t\\N\tid\tk\t8192\tf\n\
                    app\tr\tpublic\tusers\t\\N\te\\tmail\tt\t8192\tf\n\
                    app\tr\tpublic\tusers_1\tpublic.users\tdata\tj\t0\tt\n\
                    app\tL\t\t\t\\N\t\\N\t\\N\t3\tf\n";
        let all = read(text).unwrap();
        assert_eq!(all.len(), 3);
        assert_eq!(all[0].columns.len(), 2);
        assert_eq!(all[0].columns[1].name, "e\tmail");
        assert_eq!(all[0].title(), "public.users");
        assert_eq!(all[1].whole.as_deref(), Some("public.users"));
        assert_eq!(all[1].columns[0].holds, Holds::Json);
        assert!(all[1].of_extension);
        assert_eq!((all[2].kind, all[2].size), (RelationKind::LargeObjects, 3));
        assert!(all[2].columns.is_empty());
    }

    #[test]
    fn what_is_no_catalogue_is_not_taken_for_one() {
        assert!(read("app\tr\tpublic\n").is_err());
        assert!(read("app\tr\tpublic\tusers\t\\N\tid\tk\t8192\tf").is_err());
        assert!(databases("app").is_err());
        let two = databases("app\tt\nold\tf\n").unwrap();
        assert_eq!((two[0].is_open, two[1].is_open), (true, false));
        assert_eq!(two[1].name, "old");
    }
}
