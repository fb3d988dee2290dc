//! Known repositories, and the slug of each.

use rusqlite::{Connection, OptionalExtension, Savepoint, params};
use webhook::names::{RepoName, RepositoryId};

use super::writer::{Store, StoreError, parse_stored};

/// A repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryRow {
    /// The forge's own number.
    pub id: RepositoryId,
    /// Its last known name.
    pub name: RepoName,
    /// Its part of host names; never changes.
    pub slug: String,
}

/// The longest slug: with `-` and a number of ten digits it still fits a preview id of 40.
const SLUG_MAX: usize = 28;

impl Store {
    /// All known repositories.
    pub async fn repositories(&self) -> Result<Vec<RepositoryRow>, StoreError> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT id, name, slug FROM repositories ORDER BY id")?;
            let rows = statement.query_map([], |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get::<_, String>(1)?,
                    row.get::<_, String>(2)?,
                ))
            })?;
            rows.map(|row| {
                let (id, name, slug) = row?;
                row_of(id, &name, slug)
            })
            .collect()
        })
        .await
    }
}

fn row_of(id: i64, name: &str, slug: String) -> Result<RepositoryRow, StoreError> {
    let name = parse_stored("a repository name", name)?;
    Ok(RepositoryRow {
        id: RepositoryId(id.cast_unsigned()),
        name,
        slug,
    })
}

/// One repository.
pub(super) fn find(
    connection: &Connection,
    id: RepositoryId,
) -> Result<Option<RepositoryRow>, StoreError> {
    let found = connection
        .prepare_cached("SELECT name, slug FROM repositories WHERE id = ?1")?
        .query_row([id.0.cast_signed()], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        })
        .optional()?;
    found
        .map(|(name, slug)| row_of(id.0.cast_signed(), &name, slug))
        .transpose()
}

/// Stores that a repository exists under this name. A new repository gets its slug.
pub(super) fn hear_of(
    tx: &Savepoint<'_>,
    id: RepositoryId,
    name: &RepoName,
    now_ms: u64,
) -> Result<String, StoreError> {
    if let Some(known) = find(tx, id)? {
        tx.prepare_cached("UPDATE repositories SET name = ?2, seen_at = ?3 WHERE id = ?1")?
            .execute(params![
                id.0.cast_signed(),
                name.to_string(),
                now_ms.cast_signed()
            ])?;
        return Ok(known.slug);
    }
    let slug = free_slug(tx, name.name())?;
    tx.prepare_cached(
        "INSERT INTO repositories (id, name, slug, seen_at) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![
        id.0.cast_signed(),
        name.to_string(),
        slug,
        now_ms.cast_signed()
    ])?;
    Ok(slug)
}

/// The repository's own name as a slug; the second `shop` becomes `shop-2`.
fn free_slug(tx: &Savepoint<'_>, name: &str) -> Result<String, StoreError> {
    let base = crate::preview::names::slug(name, SLUG_MAX);
    let mut candidate = base.clone();
    let mut suffix = 2_u32;
    loop {
        let taken: bool = tx
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM repositories WHERE slug = ?1)")?
            .query_row([&candidate], |row| row.get(0))?;
        if !taken {
            return Ok(candidate);
        }
        candidate = format!("{base}-{suffix}");
        suffix += 1;
    }
}
