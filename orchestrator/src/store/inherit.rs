//! What a revision inherits: blueprint, images and migrations of an earlier one, and its data.

use std::collections::{BTreeMap, BTreeSet};

use deploy::{
    blueprint::Blueprint,
    names::{DatabaseName, Generation, ImageId, PreviewId, RevisionNumber, ServiceName},
};
use rusqlite::{Savepoint, params};

use super::{
    columns::{change_in, set},
    writer::{StoreError, to_json},
};

/// What a new revision starts with.
#[derive(Clone, Debug, Default)]
pub enum Inherited {
    /// Nothing: everything is created from its commit.
    #[default]
    Nothing,
    /// Everything of an earlier revision: its blueprint, its images, and its data with the
    /// migrations that have run on it.
    Of(RevisionNumber),
    /// The parts that are given here.
    This {
        /// Its blueprint.
        blueprint: Box<Blueprint>,
        /// Its existing images.
        images: BTreeMap<ServiceName, ImageId>,
        /// Databases whose migrations need not run.
        migrated: BTreeSet<DatabaseName>,
    },
}

/// Gives a revision its inheritance in the transaction that begins it. A revision that is seen
/// without it would be created from its commit.
pub(super) fn inherit(
    tx: &Savepoint<'_>,
    preview: &PreviewId,
    number: RevisionNumber,
    inherited: &Inherited,
) -> Result<(), StoreError> {
    match inherited {
        Inherited::Nothing => Ok(()),
        Inherited::Of(earlier) => {
            tx.prepare_cached(
                "UPDATE revisions SET (blueprint, images, fingerprints, migrated, generation) =
                     (SELECT blueprint, images, fingerprints, migrated, generation
                      FROM revisions WHERE preview = ?1 AND number = ?3)
                 WHERE preview = ?1 AND number = ?2",
            )?
            .execute(params![preview.as_str(), number.0, earlier.0])?;
            Ok(())
        }
        Inherited::This {
            blueprint,
            images,
            migrated,
        } => {
            let blueprint = to_json("a blueprint", blueprint)?;
            set(tx, preview, number, "blueprint", &blueprint)?;
            set(tx, preview, number, "images", &to_json("images", images)?)?;
            let migrated = to_json("migrations", migrated)?;
            set(tx, preview, number, "migrated", &migrated)
        }
    }
}

/// Stores which data a revision runs on.
pub(super) fn assign(
    tx: &Savepoint<'_>,
    preview: &PreviewId,
    number: RevisionNumber,
    generation: Generation,
    migrated: &BTreeSet<DatabaseName>,
) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE revisions SET generation = ?3 WHERE preview = ?1 AND number = ?2")?
        .execute(params![preview.as_str(), number.0, generation.0])?;
    change_in(
        tx,
        preview,
        number,
        "migrated",
        |known: &mut BTreeSet<DatabaseName>| known.extend(migrated.iter().cloned()),
    )
}

/// Forgets that any revision migrated a database that is about to be created again.
pub(super) fn forget_migrations(
    tx: &Savepoint<'_>,
    preview: &PreviewId,
    generation: Generation,
    database: &DatabaseName,
) -> Result<(), StoreError> {
    let numbers: Vec<u32> = tx
        .prepare_cached("SELECT number FROM revisions WHERE preview = ?1 AND generation = ?2")?
        .query_map(params![preview.as_str(), generation.0], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for number in numbers.into_iter().map(RevisionNumber) {
        change_in(
            tx,
            preview,
            number,
            "migrated",
            |migrated: &mut BTreeSet<DatabaseName>| {
                migrated.remove(database);
            },
        )?;
    }
    Ok(())
}
