//! Databases: generations of their data, their passwords, and whether their data is complete.

use std::collections::{BTreeMap, BTreeSet};

use deploy::{
    names::{DatabaseName, Generation, PreviewId, RevisionNumber},
    random,
};
use rusqlite::{Connection, OptionalExtension, Savepoint, params};

use super::{
    inherit,
    writer::{Store, StoreError, from_json, parse_stored, to_json},
};
use crate::lifecycle::{DataSource, GenerationFacts};

/// A database of a preview's current life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseRow {
    /// The generation of its data.
    pub generation: Generation,
    /// Its name.
    pub name: DatabaseName,
    /// The password of its one user.
    pub password: String,
    /// Whether its data is complete.
    pub complete: bool,
    /// Whether the last start of its server succeeded.
    pub answers: bool,
    /// Whether its data is of real people.
    pub real: bool,
}

/// The data that a revision runs on.
#[derive(Clone, Debug)]
pub struct DataAssignment {
    /// The revision.
    pub revision: RevisionNumber,
    /// Its generation, new or existing.
    pub generation: Generation,
    /// The source of the data of a new generation.
    pub from: DataSource,
    /// Databases that start from their seeds instead.
    pub reseed: BTreeSet<DatabaseName>,
    /// Databases on which its migrations need not run.
    pub migrated: BTreeSet<DatabaseName>,
}

impl Store {
    /// The databases of a preview, of all its generations.
    pub async fn databases(&self, preview: &PreviewId) -> Result<Vec<DatabaseRow>, StoreError> {
        let preview = preview.clone();
        self.read(move |connection| rows(connection, &preview))
            .await
    }

    /// The generations of a preview's current life.
    pub async fn generations(
        &self,
        preview: &PreviewId,
    ) -> Result<BTreeMap<Generation, GenerationFacts>, StoreError> {
        let preview = preview.clone();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT generation, source, fresh FROM generations WHERE preview = ?1",
            )?;
            let mut found = statement.query([preview.as_str()])?;
            let mut generations = BTreeMap::new();
            while let Some(row) = found.next()? {
                let facts = GenerationFacts {
                    from: from_json("a source of data", &row.get::<_, String>(1)?)?,
                    reseed: from_json("databases to reseed", &row.get::<_, String>(2)?)?,
                    complete: BTreeSet::new(),
                    answering: BTreeSet::new(),
                };
                generations.insert(Generation(row.get(0)?), facts);
            }
            for row in rows(connection, &preview)?
                .into_iter()
                .filter(|row| row.complete)
            {
                if let Some(facts) = generations.get_mut(&row.generation) {
                    if row.answers {
                        facts.answering.insert(row.name.clone());
                    }
                    facts.complete.insert(row.name);
                }
            }
            Ok(generations)
        })
        .await
    }

    /// Stores which data a revision runs on, and its generation where that is new.
    pub async fn assign_data(
        &self,
        preview: &PreviewId,
        assignment: DataAssignment,
    ) -> Result<(), StoreError> {
        let preview = preview.clone();
        self.write(move |tx| {
            let known: Option<String> = tx
                .prepare_cached(
                    "SELECT fresh FROM generations WHERE preview = ?1 AND generation = ?2",
                )?
                .query_row(params![preview.as_str(), assignment.generation.0], |row| {
                    row.get(0)
                })
                .optional()?;
            let mut reseed = assignment.reseed.clone();
            if let Some(known) = known {
                reseed.extend(from_json::<BTreeSet<_>>("databases to reseed", &known)?);
            }
            tx.prepare_cached(
                "INSERT INTO generations (preview, generation, source, fresh)
                 VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET fresh = excluded.fresh",
            )?
            .execute(params![
                preview.as_str(),
                assignment.generation.0,
                to_json("a source of data", &assignment.from)?,
                to_json("databases to reseed", &reseed)?,
            ])?;
            tx.prepare_cached(
                "UPDATE previews SET last_generation = max(last_generation, ?2) WHERE id = ?1",
            )?
            .execute(params![preview.as_str(), assignment.generation.0])?;
            inherit::assign(
                tx,
                &preview,
                assignment.revision,
                assignment.generation,
                &assignment.migrated,
            )
        })
        .await
    }

    /// The password of a database that is about to be created, generated the first time. Its data
    /// counts as data of real people where the data of its other generations does.
    pub async fn ensure_password(
        &self,
        preview: &PreviewId,
        generation: Generation,
        name: &DatabaseName,
    ) -> Result<String, StoreError> {
        let (preview, name) = (preview.clone(), name.clone());
        self.write(move |tx| {
            let known: Option<String> = tx
                .prepare_cached(
                    "SELECT password FROM databases
                     WHERE preview = ?1 AND generation = ?2 AND name = ?3",
                )?
                .query_row(
                    params![preview.as_str(), generation.0, name.as_str()],
                    |row| row.get(0),
                )
                .optional()?;
            if let Some(password) = known {
                return Ok(password);
            }
            let password = random::hex::<16>()?;
            tx.prepare_cached(
                "INSERT INTO databases (preview, generation, name, password, real)
                 SELECT ?1, ?2, ?3, ?4, coalesce(max(real), 0) FROM databases
                 WHERE preview = ?1 AND name = ?3",
            )?
            .execute(params![
                preview.as_str(),
                generation.0,
                name.as_str(),
                password
            ])?;
            Ok(password)
        })
        .await
    }

    /// Stores that the data of databases is complete. No migration of their revisions has run on
    /// data that was created again.
    pub async fn set_complete(
        &self,
        preview: &PreviewId,
        generation: Generation,
        names: BTreeSet<DatabaseName>,
        fresh: bool,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let preview = preview.clone();
        self.write(move |tx| {
            for name in &names {
                if fresh {
                    inherit::forget_migrations(tx, &preview, generation, name)?;
                }
                tx.prepare_cached(
                    "UPDATE databases SET born_at = ?4, answers = 0
                     WHERE preview = ?1 AND generation = ?2 AND name = ?3",
                )?
                .execute(params![
                    preview.as_str(),
                    generation.0,
                    name.as_str(),
                    now_ms.cast_signed()
                ])?;
            }
            Ok(())
        })
        .await
    }

    /// Stores, before the data is created, whether a database will hold data of real people.
    pub async fn set_real(
        &self,
        preview: &PreviewId,
        generation: Generation,
        name: &DatabaseName,
        real: bool,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE databases SET real = ?4
             WHERE preview = ?1 AND generation = ?2 AND name = ?3 AND real <> ?4";
        let values = (preview.to_string(), generation.0, name.to_string(), real);
        self.execute(sql, values).await
    }

    /// Stores that the start of a database's server begins, or that it succeeded.
    pub async fn set_answers(
        &self,
        preview: &PreviewId,
        generation: Generation,
        name: &DatabaseName,
        answers: bool,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE databases SET answers = ?4
             WHERE preview = ?1 AND generation = ?2 AND name = ?3";
        let values = (preview.to_string(), generation.0, name.to_string(), answers);
        self.execute(sql, values).await
    }

    /// Forgets all data, so that databases are created again from their seeds. Also forgets named
    /// snapshots, and returns their names.
    pub async fn forget_data(&self) -> Result<Vec<String>, StoreError> {
        self.write(|tx| {
            tx.execute("UPDATE databases SET born_at = NULL, answers = 0", [])?;
            let mut statement = tx.prepare("DELETE FROM snapshots RETURNING name")?;
            let names = statement.query_map([], |row| row.get(0))?;
            Ok(names.collect::<Result<Vec<String>, _>>()?)
        })
        .await
    }

    /// Forgets a database before it is removed or created again.
    pub async fn forget_database(
        &self,
        preview: &PreviewId,
        generation: Generation,
        name: &DatabaseName,
    ) -> Result<(), StoreError> {
        let (preview, name) = (preview.clone(), name.clone());
        self.write(move |tx| forget(tx, &preview, generation, &name))
            .await
    }
}

fn forget(
    tx: &Savepoint<'_>,
    preview: &PreviewId,
    generation: Generation,
    name: &DatabaseName,
) -> Result<(), StoreError> {
    inherit::forget_migrations(tx, preview, generation, name)?;
    tx.prepare_cached(
        "DELETE FROM databases WHERE preview = ?1 AND generation = ?2 AND name = ?3",
    )?
    .execute(params![preview.as_str(), generation.0, name.as_str()])?;
    Ok(())
}

fn rows(connection: &Connection, preview: &PreviewId) -> Result<Vec<DatabaseRow>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT generation, name, password, born_at IS NOT NULL, answers, real FROM databases
         WHERE preview = ?1 ORDER BY generation, name",
    )?;
    let rows = statement.query_map([preview.as_str()], |row| {
        let name: String = row.get(1)?;
        let facts = (row.get(3)?, row.get(4)?, row.get(5)?);
        Ok((row.get(0)?, name, row.get(2)?, facts))
    })?;
    rows.map(|row| {
        let (generation, name, password, (complete, answers, real)) = row?;
        Ok(DatabaseRow {
            generation: Generation(generation),
            name: parse_stored("a database name", &name)?,
            password,
            complete,
            answers,
            real,
        })
    })
    .collect()
}
