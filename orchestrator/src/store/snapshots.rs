//! Named snapshots.

use std::str::FromStr;

use deploy::names::SnapshotId;
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::writer::{Store, StoreError, parse_stored};

/// What kind of data a snapshot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Holds {
    /// Synthetic data.
    Synthetic,
    /// Data of real people, with all personal data replaced.
    Masked,
    /// Data of real people.
    Real,
}

impl Holds {
    /// Its name as text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Synthetic => "synthetic",
            Self::Masked => "masked",
            Self::Real => "real",
        }
    }
}

impl FromStr for Holds {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        [Self::Synthetic, Self::Masked, Self::Real]
            .into_iter()
            .find(|holds| holds.as_str() == word)
            .ok_or_else(|| format!("{word:?} is not one of synthetic, masked and real"))
    }
}

/// A named snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotRow {
    /// Its name.
    pub name: String,
    /// Its id in the pool.
    pub id: SnapshotId,
    /// The kind of its data.
    pub holds: Holds,
    /// The person who is responsible for it.
    pub owner: String,
    /// Milliseconds since 1970.
    pub created_at_ms: u64,
    /// When it expires, where that was set.
    pub expires_at_ms: Option<u64>,
}

const COLUMNS: &str = "name, id, holds, owner, created_at, expires_at";

impl Store {
    /// Names a snapshot. Returns the snapshot that had the name before and loses it.
    pub async fn name_snapshot(&self, row: SnapshotRow) -> Result<Option<SnapshotId>, StoreError> {
        self.write(move |tx| {
            let before: Option<String> = tx
                .prepare_cached("SELECT id FROM snapshots WHERE name = ?1")?
                .query_row([&row.name], |row| row.get(0))
                .optional()?;
            tx.prepare_cached(
                "INSERT OR REPLACE INTO snapshots (name, id, holds, owner, created_at, expires_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                row.name,
                row.id.as_str(),
                row.holds.as_str(),
                row.owner,
                row.created_at_ms.cast_signed(),
                row.expires_at_ms.map(u64::cast_signed),
            ])?;
            before
                .map(|id| parse_stored("a snapshot id", &id))
                .transpose()
        })
        .await
    }

    /// The snapshot of that name.
    pub async fn snapshot(&self, name: &str) -> Result<Option<SnapshotRow>, StoreError> {
        let name = name.to_owned();
        self.read(move |connection| {
            let sql = format!("SELECT {COLUMNS} FROM snapshots WHERE name = ?1");
            let raw = connection
                .prepare_cached(&sql)?
                .query_row([&name], read)
                .optional()?;
            raw.map(parse).transpose()
        })
        .await
    }

    /// All named snapshots.
    pub async fn named_snapshots(&self) -> Result<Vec<SnapshotRow>, StoreError> {
        self.read(|connection| {
            let sql = format!("SELECT {COLUMNS} FROM snapshots ORDER BY name");
            let mut statement = connection.prepare_cached(&sql)?;
            let raws = statement.query_map([], read)?;
            raws.map(|raw| parse(raw?)).collect()
        })
        .await
    }

    /// Removes the name of a snapshot.
    pub async fn forget_snapshot(&self, name: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM snapshots WHERE name = ?1";
        self.execute(sql, (name.to_owned(),)).await
    }
}

type Raw = (String, String, String, String, i64, Option<i64>);

fn read(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok((
        row.get(0)?,
        row.get(1)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
        row.get(5)?,
    ))
}

fn parse((name, id, holds, owner, created, expires): Raw) -> Result<SnapshotRow, StoreError> {
    Ok(SnapshotRow {
        name,
        id: parse_stored("a snapshot id", &id)?,
        holds: parse_stored("the kind of a snapshot's data", &holds)?,
        owner,
        created_at_ms: created.cast_unsigned(),
        expires_at_ms: expires.map(i64::cast_unsigned),
    })
}
