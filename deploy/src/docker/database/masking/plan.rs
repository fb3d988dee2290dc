//! Plans which data to read from a server.

use super::{
    before::Before,
    names::is_personal,
    relations::{Column, Holds, Relation, RelationKind},
    rows::{Cell, KEYS_MAX, Reading},
};

/// Maximum number of rows to search for JSON keys, if nothing is compared.
const NAMING_ROWS_MAX: u64 = 10_000;

/// Maximum number of distinct values to keep in total, and the minimum and maximum per column. Each
/// takes 16 to 32 bytes. The minimum is enough for a useful sample; with more than
/// `VALUES_MAX / COLUMN_VALUES_MIN` columns, it exceeds the total.
const VALUES_MAX: usize = 1 << 21;
const COLUMN_VALUES_MIN: usize = 128;
const COLUMN_VALUES_MAX: usize = 1 << 17;

/// What to read.
pub(super) enum Plan<'a> {
    /// JSON keys, which no catalogue lists, to find names that look personal.
    Naming,
    /// Values that look personal, to compare them, and those of all columns that were read before:
    /// the type of a column may have changed since.
    Comparing(&'a Before),
}

impl Plan<'_> {
    pub(super) fn readings(&self, relations: &[Relation]) -> Vec<Reading> {
        match self {
            Self::Naming => naming(relations),
            Self::Comparing(before) => comparing(relations, before),
        }
    }
}

fn naming(relations: &[Relation]) -> Vec<Reading> {
    let reading = |relation: &Relation| Reading {
        cells: documents(relation, &Before::default()).collect(),
        relation: relation.clone(),
        rows_max: Some(NAMING_ROWS_MAX),
    };
    let with_rows = relations.iter().filter(|relation| holds_rows(relation));
    let mut readings: Vec<_> = with_rows.map(reading).collect();
    readings.retain(|reading| !reading.cells.is_empty());
    readings
}

fn comparing(relations: &[Relation], before: &Before) -> Vec<Reading> {
    let reading = |relation: &Relation| Reading {
        cells: match relation.kind {
            RelationKind::LargeObjects => vec![Cell::Page],
            RelationKind::Foreign => Vec::new(),
            _ => digests(relation, before)
                .chain(documents(relation, before))
                .collect(),
        },
        rows_max: (relation.kind == RelationKind::Foreign).then_some(1),
        relation: relation.clone(),
    };
    let is_read = |relation: &&Relation| match relation.kind {
        RelationKind::Foreign | RelationKind::LargeObjects => true,
        _ => holds_rows(relation),
    };
    let mut readings: Vec<_> = relations.iter().filter(is_read).map(reading).collect();
    readings.retain(|reading| {
        reading.relation.kind == RelationKind::Foreign || !reading.cells.is_empty()
    });
    readings
}

/// Number of distinct values to keep per column and per JSON key.
pub(super) fn values_kept(readings: &[Reading]) -> usize {
    let cells = readings.iter().flat_map(|reading| &reading.cells);
    let columns: usize = cells
        .map(|cell| match cell {
            Cell::Document(_) => 1 + KEYS_MAX,
            Cell::Digest(_) | Cell::Page => 1,
        })
        .sum();
    (VALUES_MAX / columns.max(1)).clamp(COLUMN_VALUES_MIN, COLUMN_VALUES_MAX)
}

/// Whether it stores rows of its own in the database.
fn holds_rows(relation: &Relation) -> bool {
    use RelationKind::{Table, Versioned, View};
    matches!(relation.kind, Table | Versioned | View)
}

/// Its columns whose names look personal.
pub(super) fn personal(relation: &Relation) -> impl Iterator<Item = &Column> {
    let columns = relation.columns.iter();
    columns.filter(move |column| looks_personal(relation, column))
}

fn looks_personal(relation: &Relation, column: &Column) -> bool {
    is_personal(&relation.table, &column.name, column.holds)
}

fn digests(relation: &Relation, before: &Before) -> impl Iterator<Item = Cell> {
    let columns = relation.columns.iter();
    columns.filter_map(move |column| {
        let cell = Cell::Digest(column.clone());
        let is_read = looks_personal(relation, column) || before.has_read(relation, &cell);
        is_read.then_some(cell)
    })
}

fn documents(relation: &Relation, before: &Before) -> impl Iterator<Item = Cell> {
    let columns = relation.columns.iter();
    columns.filter_map(move |column| {
        let cell = Cell::Document(column.clone());
        let is_read = column.holds == Holds::Json || before.has_read(relation, &cell);
        is_read.then_some(cell)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(count: usize, cell: fn(Column) -> Cell) -> Vec<Reading> {
        let column = Column {
            name: "email".to_owned(),
            holds: Holds::Json,
        };
        let relation = Relation {
            database: String::new(),
            kind: RelationKind::Table,
            schema: String::new(),
            table: "t".to_owned(),
            whole: None,
            columns: Vec::new(),
            size: 0,
            of_extension: false,
        };
        vec![Reading {
            relation,
            cells: vec![cell(column); count],
            rows_max: None,
        }]
    }

    #[test]
    fn all_columns_together_keep_no_more_values_than_the_most() {
        let kept = |count: usize, cell: fn(Column) -> Cell| values_kept(&readings(count, cell));
        assert_eq!(kept(1, Cell::Digest), COLUMN_VALUES_MAX);
        assert!(kept(4_000, Cell::Digest) * 4_000 <= VALUES_MAX);
        assert!(kept(200, Cell::Document) * 200 * (1 + KEYS_MAX) <= VALUES_MAX);
        assert_eq!(kept(100_000, Cell::Digest), COLUMN_VALUES_MIN);
    }

    #[test]
    fn a_column_that_was_read_before_is_read_with_another_type_too() {
        let column = |name: &str, holds| Column {
            name: name.to_owned(),
            holds,
        };
        let table = |columns: Vec<Column>| Relation {
            columns,
            ..readings(0, Cell::Digest).remove(0).relation
        };
        let cells = |relation: &Relation, before: &Before| -> Vec<String> {
            let readings = Plan::Comparing(before).readings(std::slice::from_ref(relation));
            let cells = readings.into_iter().flat_map(|reading| reading.cells);
            let cells = cells.map(|cell| match cell {
                Cell::Digest(column) => column.name,
                Cell::Document(column) => format!("{{{}}}", column.name),
                Cell::Page => "page".to_owned(),
            });
            cells.collect()
        };
        let old = [
            column("profile", Holds::Json),
            column("phone_id", Holds::Text),
        ];
        let old = table(old.into());
        let mut before = Before::default();
        for cell in comparing(std::slice::from_ref(&old), &before)
            .remove(0)
            .cells
        {
            before.reads(&old, &cell);
        }
        let new = table(vec![
            column("profile", Holds::Text),
            column("phone_id", Holds::Number),
            column("total", Holds::Number),
        ]);
        assert_eq!(cells(&new, &before), ["phone_id", "{profile}"]);
        let nothing: [&str; 0] = [];
        assert_eq!(cells(&new, &Before::default()), nothing);
        let dropped = table(vec![column("total", Holds::Number)]);
        assert_eq!(cells(&dropped, &before), nothing);
    }
}
