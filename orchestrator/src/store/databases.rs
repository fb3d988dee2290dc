//! Databases: their passwords, and whether their making is complete.

use deploy::names::{DatabaseName, PreviewId};
use rusqlite::{OptionalExtension, params};

use crate::random;

use super::{
    revisions,
    writer::{Store, StoreError, word},
};

/// A database of a preview's present life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseRow {
    /// Its name.
    pub name: DatabaseName,
    /// The password of its one user.
    pub password: String,
    /// Whether its making is complete.
    pub born: bool,
}

impl Store {
    /// The databases of a preview.
    pub async fn databases(&self, preview: &PreviewId) -> Result<Vec<DatabaseRow>, StoreError> {
        let preview = preview.clone();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT name, password, born_at IS NOT NULL FROM databases
                 WHERE preview = ?1 ORDER BY name",
            )?;
            let rows = statement.query_map([preview.as_str()], |row| {
                Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?))
            })?;
            rows.map(|row| {
                let (name, password, born) = row?;
                Ok(DatabaseRow {
                    name: word("a database name", &name)?,
                    password,
                    born,
                })
            })
            .collect()
        })
        .await
    }

    /// The password of a database that is about to be made; drawn the first time.
    pub async fn ensure_password(
        &self,
        preview: &PreviewId,
        name: &DatabaseName,
    ) -> Result<String, StoreError> {
        let (preview, name) = (preview.clone(), name.clone());
        self.write(move |tx| {
            let known: Option<String> = tx
                .prepare_cached("SELECT password FROM databases WHERE preview = ?1 AND name = ?2")?
                .query_row(params![preview.as_str(), name.as_str()], |row| row.get(0))
                .optional()?;
            if let Some(password) = known {
                return Ok(password);
            }
            let password = random::hex::<16>()?;
            tx.prepare_cached(
                "INSERT INTO databases (preview, name, life, password)
                 SELECT id, ?2, life, ?3 FROM previews WHERE id = ?1",
            )?
            .execute(params![preview.as_str(), name.as_str(), password])?;
            Ok(password)
        })
        .await
    }

    /// Writes down that the making of a database is complete.
    pub async fn set_born(
        &self,
        preview: &PreviewId,
        name: &DatabaseName,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let (preview, name) = (preview.clone(), name.clone());
        self.write(move |tx| {
            revisions::forget_migrations(tx, &preview, &name)?;
            tx.prepare_cached(
                "UPDATE databases SET born_at = ?3 WHERE preview = ?1 AND name = ?2",
            )?
            .execute(params![
                preview.as_str(),
                name.as_str(),
                now_ms.cast_signed()
            ])?;
            Ok(())
        })
        .await
    }

    /// Forgets a database before it is removed or made anew.
    pub async fn forget_database(
        &self,
        preview: &PreviewId,
        name: &DatabaseName,
    ) -> Result<(), StoreError> {
        let (preview, name) = (preview.clone(), name.clone());
        self.write(move |tx| {
            revisions::forget_migrations(tx, &preview, &name)?;
            tx.prepare_cached("DELETE FROM databases WHERE preview = ?1 AND name = ?2")?
                .execute(params![preview.as_str(), name.as_str()])?;
            Ok(())
        })
        .await
    }
}
