//! Parses rows from a server's client. A line starts with the number of its reading, followed by
//! the columns, separated by tabs. A full stop after the number marks the end of a reading.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher as _, RandomState},
    io::{self, BufRead},
    str,
};

use super::{
    digest::{CHANCE_MARK, printed},
    fields::unescaped,
    names::{OTHER_KEYS, is_personal, personal_key},
    relations::{Column, Holds, Relation},
    sketch::{Sketch, marked},
};

/// Maximum length of a line, in bytes.
const LINE_BYTES_MAX: u64 = 16 << 20;

/// Maximum number of JSON keys to report per column; the others share one name.
pub(super) const KEYS_MAX: usize = 64;

/// A reading of a relation.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) relation: Relation,
    pub(crate) cells: Vec<Cell>,
    /// Maximum number of rows; `None` reads all.
    pub(crate) rows_max: Option<u64>,
}

/// One value to read from each row.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    /// The server's digest of a column's value, as [`printed`] describes it; empty if the value is
    /// empty or null.
    Digest(Column),
    /// A column's JSON document.
    Document(Column),
    /// A digest of a page of a large object.
    Page,
}

/// The values read from a relation.
#[derive(Debug)]
pub(super) struct Seen {
    /// Whether the reading is complete.
    pub(super) is_whole: bool,
    pub(super) rows: u64,
    /// The values of each cell.
    pub(super) cells: Vec<Values>,
}

/// The values read from a column.
#[derive(Debug)]
pub(super) enum Values {
    Whole(Sketch),
    /// Values by JSON keys that look personal.
    Keys {
        keys: BTreeMap<String, Sketch>,
        /// Whether a part could not be parsed.
        is_part: bool,
    },
}

/// Parses all readings. `most` is the maximum number of distinct values to keep of each.
///
/// # Errors
/// If the rest cannot be read.
pub(super) fn read(
    reader: &mut impl BufRead,
    readings: &[Reading],
    (hasher, most): (&RandomState, usize),
) -> io::Result<Vec<Seen>> {
    let mut all: Vec<Seen> = readings
        .iter()
        .map(|reading| unseen(reading, most))
        .collect();
    let mut line = Vec::new();
    while let Some(is_whole) = next_line(reader, &mut line)? {
        let mut fields = line.split(|&byte| byte == b'\t').peekable();
        let Some((at, is_end)) = fields.next().and_then(number) else {
            continue;
        };
        let Some((seen, reading)) = all.get_mut(at).zip(readings.get(at)) else {
            continue;
        };
        if is_end {
            seen.is_whole = true;
            continue;
        }
        seen.rows += 1;
        let cells = seen.cells.iter_mut().zip(&reading.cells);
        for (values, cell) in cells {
            // In a truncated line, the last field is truncated.
            let text = fields.next();
            let text = text.filter(|_| is_whole || fields.peek().is_some());
            take(values, text, (&reading.relation, cell), (hasher, most));
        }
    }
    Ok(all)
}

fn unseen(reading: &Reading, most: usize) -> Seen {
    let values = |cell: &Cell| match cell {
        Cell::Digest(_) | Cell::Page => Values::Whole(Sketch::new(most)),
        Cell::Document(_) => Values::Keys {
            keys: BTreeMap::new(),
            is_part: false,
        },
    };
    Seen {
        is_whole: false,
        rows: 0,
        cells: reading.cells.iter().map(values).collect(),
    }
}

/// Adds a value of a row; `None` is a value that could not be read.
fn take(
    values: &mut Values,
    text: Option<&[u8]>,
    (relation, cell): (&Relation, &Cell),
    (hasher, most): (&RandomState, usize),
) {
    match (values, cell, text) {
        (Values::Whole(sketch), _, Some(text)) => {
            if !matches!(text, b"" | b"\\N") {
                sketch.add(hashed(hasher, text));
            }
        }
        (Values::Keys { .. }, _, Some(b"" | b"\\N")) => {}
        (Values::Keys { keys, is_part }, Cell::Document(column), Some(text)) => {
            let Ok(document) = serde_json::from_slice(&unescaped(text)) else {
                *is_part = true;
                return;
            };
            let context = format!("{} {}", relation.table, column.name);
            walk(&document, (&context, None), &mut |key, value| {
                if !keys.contains_key(key) {
                    let told = keys.len() - usize::from(keys.contains_key(OTHER_KEYS));
                    if key != OTHER_KEYS && told == KEYS_MAX {
                        *is_part = true;
                        return;
                    }
                    keys.insert(key.to_owned(), Sketch::new(most));
                }
                if let Some(sketch) = keys.get_mut(key) {
                    sketch.add(hashed(hasher, printed(value).as_bytes()));
                }
            });
        }
        (Values::Keys { is_part, .. }, ..) => *is_part = true,
        (Values::Whole(_), _, None) => {}
    }
}

/// The hash of a printed digest.
fn hashed(hasher: &RandomState, printed: &[u8]) -> u64 {
    match printed.strip_prefix(CHANCE_MARK.as_bytes()) {
        Some(digest) => marked(hasher.hash_one(digest), true),
        None => marked(hasher.hash_one(printed), false),
    }
}

/// A JSON key that looks personal.
#[derive(Clone, Copy)]
struct Key<'a> {
    /// The name to report.
    told: &'a str,
    /// Whether its values may be numbers.
    has_numbers: bool,
}

impl<'a> Key<'a> {
    fn new(context: &str, key: &'a str) -> Option<Self> {
        Some(Self {
            told: personal_key(context, key)?,
            has_numbers: is_personal(context, key, Holds::Number),
        })
    }
}

/// Collects every value below a key that looks personal, with the nearest such key.
fn walk(
    value: &serde_json::Value,
    (context, within): (&str, Option<Key<'_>>),
    take: &mut impl FnMut(&str, &str),
) {
    use serde_json::Value;
    match (value, within) {
        (Value::Object(entries), _) => {
            for (key, value) in entries {
                let own = Key::new(context, key);
                walk(value, (context, own.or(within)), take);
            }
        }
        (Value::Array(values), _) => {
            for value in values {
                walk(value, (context, within), take);
            }
        }
        (Value::String(text), Some(key)) if !text.trim().is_empty() => take(key.told, text),
        (Value::Number(number), Some(key)) if key.has_numbers => {
            take(key.told, &number.to_string());
        }
        _ => {}
    }
}

/// The number at the start of a line, and whether it marks an end.
fn number(text: &[u8]) -> Option<(usize, bool)> {
    let text = str::from_utf8(text).ok()?;
    let (digits, is_end) = match text.strip_suffix('.') {
        Some(digits) => (digits, true),
        None => (text, false),
    };
    Some((digits.parse().ok()?, is_end))
}

/// The next line, and whether it is complete; `None` after the last.
fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    let mut bounded = io::Read::take(&mut *reader, LINE_BYTES_MAX);
    if bounded.read_until(b'\n', line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(Some(true));
    }
    reader.skip_until(b'\n')?;
    Ok(Some(false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{docker::database::masking::relations::RelationKind, personal::State};

    fn readings() -> Vec<Reading> {
        let column = |name: &str, holds| Column {
            name: name.to_owned(),
            holds,
        };
        let relation = Relation {
            database: "app".to_owned(),
            kind: RelationKind::Table,
            schema: "public".to_owned(),
            table: "users".to_owned(),
            whole: None,
            columns: Vec::new(),
            size: 0,
            of_extension: false,
        };
        let cells = vec![
            Cell::Digest(column("email", Holds::Text)),
            Cell::Document(column("data", Holds::Json)),
        ];
        let reading = Reading {
            relation,
            cells,
            rows_max: None,
        };
        vec![reading.clone(), reading]
    }

    fn seen(text: &str) -> Vec<Seen> {
        let hasher = RandomState::new();
        read(&mut text.as_bytes(), &readings(), (&hasher, 100)).unwrap()
    }

    fn count(sketch: &Sketch) -> u64 {
        match sketch.since(&[]) {
            State::Compared { of, .. } => of,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn empty_values_do_not_count_and_keys_are_found_at_any_depth() {
        let all = seen(
            "0\td1\t{\"a\":[{\"phone\":\"01\\\\n\",\"ok\":true}],\"total\":7}\n\
             0\t\\N\t\\N\n0\t\t{\"phone\":\"  \",\"address\":{\"x\":\"y\",\"zip_id\":3}}\n0.\t\t\n",
        );
        assert!(all[0].is_whole && !all[1].is_whole);
        assert_eq!(all[0].rows, 3);
        let [Values::Whole(emails), Values::Keys { keys, is_part }] = &all[0].cells[..] else {
            panic!("{:?}", all[0]);
        };
        assert_eq!(count(emails), 1);
        assert!(!is_part);
        let keys: Vec<_> = keys
            .iter()
            .map(|(key, sketch)| (key.as_str(), count(sketch)))
            .collect();
        assert_eq!(keys, [("address", 2), ("phone", 1)]);
    }

    #[test]
    fn a_value_of_a_column_and_of_a_key_is_the_same_value() {
        let [mail, short, number] = ["ada@real.test", "Rome", "491715550000"].map(printed);
        let all = seen(&format!(
            "0\t{mail}\t{{\"email\":\" ada@real.test \"}}\n0\t{short}\t{{\"email\":\"Rome\"}}\n\
             0\t{number}\t{{\"email\":491715550000}}\n0.\t\t\n"
        ));
        let [Values::Whole(emails), Values::Keys { keys, .. }] = &all[0].cells[..] else {
            panic!("{:?}", all[0]);
        };
        let same = State::Compared {
            unchanged: 3,
            of: 3,
            sampled: false,
        };
        assert_eq!(keys["email"].since(&[emails]), same);
    }

    #[test]
    fn values_of_keys_that_are_no_words_are_taken_under_one_name() {
        let all = seen(
            "0\td1\t{\"Phone Number\":491715550000,\"contact.email\":\"x\",\
             \"E-Mail\":\"y\",\"a b\":1}\n0.\t\t\n",
        );
        let [_, Values::Keys { keys, is_part }] = &all[0].cells[..] else {
            panic!("{:?}", all[0]);
        };
        assert!(!is_part);
        let keys: Vec<_> = keys
            .iter()
            .map(|(key, sketch)| (key.as_str(), count(sketch)))
            .collect();
        assert_eq!(keys, [(OTHER_KEYS, 2), ("E-Mail", 1)]);
    }

    #[test]
    fn what_is_not_understood_is_not_taken_for_nothing() {
        let all = seen("1\td1\t{\"phone\n1.\t\t\nERROR\n7\tx\n");
        let [_, Values::Keys { is_part: true, .. }] = &all[1].cells[..] else {
            panic!("{:?}", all[1]);
        };
        assert!(all[1].is_whole && !all[0].is_whole);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let bytes_max = usize::try_from(LINE_BYTES_MAX).unwrap();
        let text = format!("0\td1\t\"{}\"\n0\td2\t1\n0.\t\t\n", "x".repeat(bytes_max));
        let all = seen(&text);
        assert_eq!(all[0].rows, 2);
        let [Values::Whole(emails), Values::Keys { is_part: true, .. }] = &all[0].cells[..] else {
            panic!("{:?}", all[0]);
        };
        assert_eq!(count(emails), 2);
    }
}
