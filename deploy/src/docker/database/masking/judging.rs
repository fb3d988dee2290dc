//! Finds data that looks personal, and judges its state after a mask.

use std::collections::BTreeSet;

use super::{
    before::Before,
    plan::personal,
    relations::{Database, Relation, RelationKind},
    rows::{Cell, Reading, Seen, Values},
    sketch::{Known, Sketch},
    titles::{full_title, group_of, is_own, name_of},
};
use crate::personal::{Found, Place, State, Verdict, one_line};

/// The content of a server at one time.
pub(super) struct Look {
    pub(super) databases: Vec<Database>,
    pub(super) relations: Vec<Relation>,
    pub(super) readings: Vec<Reading>,
    pub(super) seen: Vec<Seen>,
}

impl Look {
    /// Only the values.
    pub(super) fn into_values(self) -> Before {
        let mut before = Before::default();
        for (reading, seen) in self.readings.iter().zip(self.seen) {
            for (cell, values) in reading.cells.iter().zip(seen.cells) {
                before.reads(&reading.relation, cell);
                let group = group_of(&reading.relation, &name_of(&reading.relation, cell));
                match values {
                    Values::Whole(sketch) => {
                        before.add(group, Some(sketch).filter(|_| seen.is_whole));
                    }
                    Values::Keys { keys, is_part } if seen.is_whole && !is_part => {
                        for (key, sketch) in keys {
                            before.add(format!("{group}:{key}"), Some(sketch));
                        }
                    }
                    Values::Keys { .. } => before.add(group, None),
                }
            }
        }
        before
    }

    /// All names that look personal.
    pub(super) fn named(&self) -> Vec<Found> {
        let keys = self
            .readings
            .iter()
            .zip(&self.seen)
            .flat_map(|(reading, seen)| {
                let cells = reading.cells.iter().zip(&seen.cells);
                cells.flat_map(|(cell, values)| keys(&reading.relation, cell, values))
            });
        let keys = keys.map(|(name, _)| Found::new(&name, Place::Key));
        let mut all: Vec<Found> = self.relations.iter().flat_map(of_catalogue).collect();
        all.extend(keys);
        all.extend(self.further().map(|database| further(&database.name)));
        all
    }

    /// Databases other than the application's that are or may be non-empty.
    fn further(&self) -> impl Iterator<Item = &Database> {
        let others = self.databases.iter();
        let others = others.filter(|database| !is_own(&database.name));
        others.filter(|database| {
            let relations = self.relations.iter();
            let mut own = relations.filter(|relation| relation.database == database.name);
            !database.is_open || own.any(|relation| relation.size > 0 && !relation.of_extension)
        })
    }

    /// Judges all data that looks personal. `reached` are the databases that the mask connected to.
    pub(super) fn judged(
        &self,
        before: &Before,
        reached: &BTreeSet<String>,
        accepted: &[String],
    ) -> Vec<Found> {
        let judge = Judge {
            before,
            known: Known::new(before.sketches()),
            reached,
            accepted,
        };
        let read = self.readings.iter().zip(&self.seen);
        let mut all: Vec<Found> = read
            .flat_map(|(reading, seen)| judge.relation(reading, seen))
            .collect();
        join_partitions(&mut all, &self.relations);
        all.extend(self.further().filter_map(|database| {
            let state = match (reached.contains(&database.name), database.is_open) {
                (true, true) => return None,
                // The mask closed it: what the mask replaced in it is unknown.
                (true, false) => State::Unread,
                (false, _) => State::Unreached,
            };
            let mut found = further(&database.name);
            let word = found.name.clone();
            found.judge(state, &[&word], accepted);
            Some(found)
        }));
        all.sort_by_key(|found| match found.verdict {
            Verdict::Left => 0,
            Verdict::Accepted => 1,
            Verdict::Fine => 2,
        });
        all
    }
}

/// The inputs of a verdict.
struct Judge<'a> {
    before: &'a Before,
    known: Known,
    reached: &'a BTreeSet<String>,
    accepted: &'a [String],
}

impl Judge<'_> {
    /// All data of a relation that looks personal.
    fn relation(&self, reading: &Reading, seen: &Seen) -> Vec<Found> {
        let relation = &reading.relation;
        if relation.kind == RelationKind::Foreign {
            return self.foreign(relation, seen);
        }
        let mut all = Vec::new();
        for (cell, values) in reading.cells.iter().zip(&seen.cells) {
            let name = name_of(relation, cell);
            let place = match cell {
                Cell::Page => Place::LargeObjects,
                Cell::Digest(_) | Cell::Document(_) => Place::Column,
            };
            match values {
                Values::Whole(sketch) => {
                    let state = self.state(relation, [&name, &name], sketch, seen.is_whole);
                    all.push(self.found(relation, (&name, place), state));
                }
                Values::Keys { is_part, .. } => {
                    for (key, sketch) in keys(relation, cell, values) {
                        let is_whole = seen.is_whole && !is_part;
                        let state = self.state(relation, [&name, &key], sketch, is_whole);
                        all.push(self.found(relation, (&key, Place::Key), state));
                    }
                    if *is_part || !seen.is_whole {
                        all.push(self.found(relation, (&name, place), State::Unread));
                    }
                }
            }
        }
        all
    }

    /// The state of the values of a column or a JSON key. They may come from any place before.
    fn state(
        &self,
        relation: &Relation,
        [column, name]: [&str; 2],
        now: &Sketch,
        is_whole: bool,
    ) -> State {
        let before = |name| self.before.values(&group_of(relation, name));
        let is_unknown = |all: &[Option<Sketch>]| all.iter().any(Option::is_none);
        if !is_whole || before(column).is_some_and(is_unknown) {
            return State::Unread;
        }
        let own: Option<Vec<&Sketch>> = before(name).map(|same| same.iter().flatten().collect());
        let state = match &own {
            Some(own) => now.since(own),
            // A new place may also have values that are in several places by chance.
            None => now.since(&self.before.sketches().collect::<Vec<_>>()),
        };
        now.or_moved(state, &own.unwrap_or_default(), &self.known)
    }

    /// A foreign table is judged and accepted as a whole.
    fn foreign(&self, relation: &Relation, seen: &Seen) -> Vec<Found> {
        let state = match seen.rows {
            0 if seen.is_whole => State::There,
            0 => State::Silent,
            _ => State::Unreached,
        };
        let word = format!("foreign-table:{}", full_title(relation));
        let table = self.found(relation, (&word, Place::ForeignTable), state);
        let columns = personal(relation).map(|column| {
            let name = format!("{}.{}", full_title(relation), column.name);
            Found {
                name: one_line(&name),
                place: Place::ForeignColumn,
                ..table.clone()
            }
        });
        let columns: Vec<_> = columns.collect();
        std::iter::once(table).chain(columns).collect()
    }

    fn found(&self, relation: &Relation, (name, place): (&str, Place), state: State) -> Found {
        let mut found = Found::new(name, place);
        let database = format!("database:{}", relation.database);
        let group = group_of(relation, name);
        let mut words = vec![name, &group];
        words.extend((!is_own(&relation.database)).then_some(database.as_str()));
        found.judge(state, &words, self.accepted);
        // A database that the mask does not connect to is accepted as a whole.
        if !is_own(&relation.database) && !self.reached.contains(&relation.database) {
            found.accept = one_line(&database);
        }
        found
    }
}

/// Adds findings for partitioned tables, from their partitions. If all partitions are left
/// unmasked, the name of the partitioned table accepts them.
fn join_partitions(all: &mut Vec<Found>, relations: &[Relation]) {
    let mut joined = Vec::new();
    let wholes = relations
        .iter()
        .filter(|relation| relation.kind == RelationKind::Partitioned && relation.whole.is_none());
    for whole in wholes {
        let title = whole.title();
        let parts = relations.iter().filter(|relation| {
            relation.database == whole.database && relation.whole.as_deref() == Some(title.as_str())
        });
        let parts: Vec<String> = parts.map(full_title).collect();
        for column in personal(whole) {
            let name = |table: &String| one_line(&format!("{table}.{}", column.name));
            let names: BTreeSet<String> = parts.iter().map(name).collect();
            let is_part =
                |found: &Found| found.place == Place::Column && names.contains(&found.name);
            let found = join(
                &name(&full_title(whole)),
                all.iter().filter(|found| is_part(found)),
            );
            if found.verdict == Verdict::Left {
                for part in all.iter_mut().filter(|part| is_part(part)) {
                    part.accept.clone_from(&found.accept);
                }
            }
            joined.push(found);
        }
    }
    all.extend(joined);
}

/// The finding for a column of a partitioned table, from those of its partitions.
fn join<'a>(name: &str, parts: impl Iterator<Item = &'a Found>) -> Found {
    let filled: Vec<_> = parts.filter(|part| !is_empty(part.state)).collect();
    let mut found = Found::new(name, Place::Column);
    found.state = together(&filled);
    let are = |verdict| filled.iter().any(|part| part.verdict == verdict);
    found.verdict = match filled.first() {
        Some(first) if filled.iter().all(|part| part.verdict == Verdict::Left) => {
            if first.accept != first.name {
                found.accept.clone_from(&first.accept);
            }
            Verdict::Left
        }
        _ if are(Verdict::Accepted) && !are(Verdict::Left) => Verdict::Accepted,
        _ => Verdict::Fine,
    };
    found
}

/// The combined state of several findings.
fn together(parts: &[&Found]) -> State {
    let zero = State::Compared {
        unchanged: 0,
        of: 0,
        sampled: false,
    };
    parts
        .iter()
        .fold(zero, |sum, part| match (sum, part.state) {
            (
                State::Compared {
                    unchanged,
                    of,
                    sampled,
                },
                State::Compared {
                    unchanged: more,
                    of: more_of,
                    sampled: also,
                },
            ) => State::Compared {
                unchanged: unchanged + more,
                of: of + more_of,
                sampled: sampled || also,
            },
            // The number of unchanged values in both is unknown.
            (State::Compared { of: 1.., .. }, State::MostlyNew)
            | (State::MostlyNew, State::Compared { of: 1.., .. }) => State::Unread,
            (State::Compared { .. }, other) => other,
            (State::MostlyNew, State::Unread | State::Unreached) => part.state,
            (other, _) => other,
        })
}

fn is_empty(state: State) -> bool {
    matches!(state, State::Compared { of: 0, .. })
}

/// Findings about a relation from the catalogue alone.
fn of_catalogue(relation: &Relation) -> Vec<Found> {
    match relation.kind {
        RelationKind::LargeObjects => {
            vec![Found::new(
                &name_of(relation, &Cell::Page),
                Place::LargeObjects,
            )]
        }
        // A partition with partitions is neither the top table nor a holder of rows.
        RelationKind::Partitioned if relation.whole.is_some() => Vec::new(),
        kind => {
            let place = match kind {
                RelationKind::Foreign => Place::ForeignColumn,
                _ => Place::Column,
            };
            let name = |name: &str| format!("{}.{name}", full_title(relation));
            let table = format!("foreign-table:{}", full_title(relation));
            let table =
                (kind == RelationKind::Foreign).then(|| Found::new(&table, Place::ForeignTable));
            let columns = personal(relation).map(|column| Found::new(&name(&column.name), place));
            table.into_iter().chain(columns).collect()
        }
    }
}

/// JSON keys of a column, with their values.
fn keys<'a>(
    relation: &Relation,
    cell: &Cell,
    values: &'a Values,
) -> impl Iterator<Item = (String, &'a Sketch)> {
    let name = name_of(relation, cell);
    let keys = match values {
        Values::Keys { keys, .. } => Some(keys),
        Values::Whole(_) => None,
    };
    let keys = keys.into_iter().flatten();
    keys.map(move |(key, sketch)| (format!("{name}:{key}"), sketch))
}

fn further(database: &str) -> Found {
    Found::new(&format!("database:{database}"), Place::Database)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::database::masking::{
        relations::{Column, Holds},
        sketch::marked,
    };

    fn relation(database: &str, kind: RelationKind, table: &str, whole: Option<&str>) -> Relation {
        let email = Column {
            name: "email".to_owned(),
            holds: Holds::Text,
        };
        Relation {
            database: database.to_owned(),
            kind,
            schema: "s".to_owned(),
            table: table.to_owned(),
            whole: whole.map(|whole| format!("s.{whole}")),
            columns: vec![email],
            size: 8192,
            of_extension: false,
        }
    }

    /// A survey of relations with one column each; `None` are values that could not be read.
    fn look(all: Vec<(Relation, Option<&[u64]>)>) -> Look {
        let mut look = Look {
            databases: Vec::new(),
            relations: Vec::new(),
            readings: Vec::new(),
            seen: Vec::new(),
        };
        for (relation, values) in all {
            let mut sketch = Sketch::new(1000);
            let numbers = values.unwrap_or_default();
            numbers.iter().for_each(|value| sketch.add(*value));
            let database = Database {
                name: relation.database.clone(),
                is_open: true,
            };
            if !look.databases.contains(&database) {
                look.databases.push(database);
            }
            let has_cells = !matches!(
                relation.kind,
                RelationKind::Foreign | RelationKind::Partitioned
            );
            if relation.kind != RelationKind::Partitioned {
                let column = relation.columns[0].clone();
                look.readings.push(Reading {
                    relation: relation.clone(),
                    cells: Vec::from_iter(has_cells.then_some(Cell::Digest(column))),
                    rows_max: None,
                });
                look.seen.push(Seen {
                    is_whole: values.is_some(),
                    rows: numbers.len() as u64,
                    cells: Vec::from_iter(has_cells.then_some(Values::Whole(sketch))),
                });
            }
            look.relations.push(relation);
        }
        look
    }

    /// The unmasked data, with the names that accept it.
    fn left(before: Look, after: &Look, reached: &[&str], accepted: &[&str]) -> Vec<String> {
        let own = |words: &[&str]| {
            words
                .iter()
                .map(|&word| word.to_owned())
                .collect::<Vec<_>>()
        };
        let reached = own(reached).into_iter().collect();
        let found = after.judged(&before.into_values(), &reached, &own(accepted));
        let left = found
            .into_iter()
            .filter(|found| found.verdict == Verdict::Left);
        left.map(|found| format!("{} by {}", found.name, found.accept))
            .collect()
    }

    const TABLE: RelationKind = RelationKind::Table;

    #[test]
    fn rows_that_go_to_another_partition_are_the_same_rows() {
        let parts = |old: &'static [u64], new: &'static [u64]| {
            let whole = relation("app", RelationKind::Partitioned, "all", None);
            let part = |name| relation("app", TABLE, name, Some("all"));
            look(vec![
                (whole, None),
                (part("old"), Some(old)),
                (part("new"), Some(new)),
            ])
        };
        let before = || parts(&[1, 2, 3, 4], &[5]);
        let moved = parts(&[], &[1, 2, 3, 4, 50]);
        let told = ["s.new.email by s.all.email", "s.all.email by s.all.email"];
        assert_eq!(left(before(), &moved, &[], &[]), told);
        let nothing: [&str; 0] = [];
        assert_eq!(left(before(), &moved, &[], &["s.all.email"]), nothing);
        let forgotten = parts(&[10, 20, 30, 40], &[5]);
        let told = ["s.new.email by s.new.email"];
        assert_eq!(left(before(), &forgotten, &[], &[]), told);
    }

    #[test]
    fn a_copy_of_a_table_is_known_by_its_values_and_what_cannot_be_read_is_left() {
        let before = || look(vec![(relation("app", TABLE, "t", None), Some(&[1, 2, 3]))]);
        let copied = look(vec![
            (relation("app", TABLE, "t", None), Some(&[7, 8, 9])),
            (relation("app", TABLE, "copy", None), Some(&[1, 2, 3])),
        ]);
        assert_eq!(
            left(before(), &copied, &[], &[]),
            ["s.copy.email by s.copy.email"]
        );
        let unread = || look(vec![(relation("app", TABLE, "t", None), None)]);
        let told = ["s.t.email by s.t.email"];
        assert_eq!(left(before(), &unread(), &[], &[]), told);
        let masked = look(vec![(relation("app", TABLE, "t", None), Some(&[7]))]);
        assert_eq!(left(unread(), &masked, &[], &[]), told);
    }

    #[test]
    fn a_database_that_the_mask_does_not_go_to_is_accepted_as_one() {
        let table = |values| look(vec![(relation("old", TABLE, "t", None), Some(values))]);
        let (before, same) = (|| table(&[1, 2]), table(&[1, 2]));
        let told = [
            "old.s.t.email by database:old",
            "database:old by database:old",
        ];
        assert_eq!(left(before(), &same, &[], &[]), told);
        let nothing: [&str; 0] = [];
        assert_eq!(left(before(), &same, &[], &["database:old"]), nothing);
        let told = ["old.s.t.email by old.s.t.email"];
        assert_eq!(left(before(), &same, &["old"], &[]), told);
        assert_eq!(left(before(), &table(&[8, 9]), &["old"], &[]), nothing);
    }

    #[test]
    fn a_database_that_the_mask_closes_is_left() {
        let before = look(vec![(relation("old", TABLE, "t", None), Some(&[1, 2]))]);
        let closed = Look {
            databases: vec![Database {
                name: "old".to_owned(),
                is_open: false,
            }],
            relations: Vec::new(),
            readings: Vec::new(),
            seen: Vec::new(),
        };
        let found = closed.judged(
            &before.into_values(),
            &BTreeSet::from(["old".to_owned()]),
            &[],
        );
        let told: Vec<_> = found.iter().map(Found::describe).collect();
        assert_eq!(
            told,
            ["database:old: it accepts no connections, so its values cannot be compared"]
        );
        assert_eq!(found[0].verdict, Verdict::Left);
    }

    #[test]
    fn values_that_change_places_are_left_unless_they_may_be_there_by_chance() {
        let two = |mails: &[u64], phones: &[u64]| {
            look(vec![
                (relation("app", TABLE, "mails", None), Some(mails)),
                (relation("app", TABLE, "phones", None), Some(phones)),
            ])
        };
        let before = || two(&[1, 2, 3], &[4, 5, 6]);
        let (mails, phones) = ("s.mails.email", "s.phones.email");
        let by = |name: &str| format!("{name} by {name}");
        let swapped = left(before(), &two(&[4, 5, 6], &[1, 2, 3]), &[], &[]);
        assert_eq!(swapped, [by(mails), by(phones)]);
        let copied = left(before(), &two(&[7, 8, 9], &[1, 2, 3]), &[], &[]);
        assert_eq!(copied, [by(phones)]);
        let short = |value| marked(value, true);
        let before = two(&[short(1), short(2)], &[short(3), short(4)]);
        let swapped = two(&[short(3), short(4)], &[short(1), short(2)]);
        let nothing: [&str; 0] = [];
        assert_eq!(left(before, &swapped, &[], &[]), nothing);
    }

    #[test]
    fn a_foreign_table_is_left_where_it_gives_rows() {
        let table = |values| {
            let foreign = relation("app", RelationKind::Foreign, "far", None);
            look(vec![(foreign, values)])
        };
        let some: Option<&[u64]> = Some(&[1]);
        let told = [
            "foreign-table:s.far by foreign-table:s.far",
            "s.far.email by foreign-table:s.far",
        ];
        assert_eq!(left(table(None), &table(some), &[], &[]), told);
        let nothing: [&str; 0] = [];
        assert_eq!(left(table(None), &table(None), &[], &[]), nothing);
        let accepted = ["foreign-table:s.far"];
        assert_eq!(left(table(None), &table(some), &[], &accepted), nothing);
    }
}
