//! Revisions: the facts of each that only the store has.

use std::collections::{BTreeMap, BTreeSet};

use deploy::{
    blueprint::Blueprint,
    builder::Fingerprint,
    names::{CommitSha, DatabaseName, Generation, ImageId, PreviewId, RevisionNumber, ServiceName},
};
use rusqlite::{Savepoint, params};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    columns::{change_in, set},
    inherit::{self, Inherited},
    writer::{Store, StoreError, from_json, parse_stored, to_json},
};
use crate::lifecycle::{Attempt, Outcome, RevisionFacts};

/// A revision with its times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisionRow {
    /// The facts.
    pub facts: RevisionFacts,
    /// When it began, in milliseconds since 1970.
    pub began_at_ms: u64,
    /// When it first served visitors, in milliseconds since 1970.
    pub served_at_ms: Option<u64>,
}

/// A new revision.
#[derive(Clone, Debug)]
pub struct NewRevision {
    /// Its number.
    pub number: RevisionNumber,
    /// Its commit.
    pub commit: CommitSha,
    /// The request that it answers.
    pub request: u64,
    /// What it starts with.
    pub inherited: Inherited,
}

impl Store {
    /// All revisions of a preview, oldest first.
    pub async fn revisions(&self, preview: &PreviewId) -> Result<Vec<RevisionRow>, StoreError> {
        let preview = preview.clone();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT number, life, commit_sha, request, blueprint, images, migrated, attempts,
                        healthy_at, outcome, began_at, fingerprints, generation, served_at
                 FROM revisions WHERE preview = ?1 ORDER BY number",
            )?;
            let mut rows = statement.query([preview.as_str()])?;
            let mut revisions = Vec::new();
            while let Some(row) = rows.next()? {
                revisions.push(parse(row)?);
            }
            Ok(revisions)
        })
        .await
    }

    /// Stores a new revision, and marks older ones that are not healthy yet as superseded. A second
    /// call with the same number changes nothing.
    pub async fn begin_revision(
        &self,
        preview: &PreviewId,
        new: NewRevision,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let preview = preview.clone();
        self.write(move |tx| begin(tx, &preview, &new, now_ms))
            .await
    }

    /// Counts an attempt before it begins.
    pub async fn begin_attempt(
        &self,
        preview: &PreviewId,
        number: RevisionNumber,
        attempt: Attempt,
    ) -> Result<(), StoreError> {
        self.change_attempts(preview, number, move |attempts| {
            *attempts.entry(attempt).or_insert(0) += 1;
        })
        .await
    }

    /// Takes back an attempt that ended without a crash, successful or not.
    pub async fn end_attempt(
        &self,
        preview: &PreviewId,
        number: RevisionNumber,
        attempt: Attempt,
    ) -> Result<(), StoreError> {
        self.change_attempts(preview, number, move |attempts| {
            attempts.remove(&attempt);
        })
        .await
    }

    async fn change_attempts(
        &self,
        preview: &PreviewId,
        number: RevisionNumber,
        change: impl FnOnce(&mut BTreeMap<Attempt, u32>) + Send + 'static,
    ) -> Result<(), StoreError> {
        // A list of pairs, since keys of JSON can only be strings.
        let change = move |listed: &mut Vec<(Attempt, u32)>| {
            let mut attempts = std::mem::take(listed).into_iter().collect();
            change(&mut attempts);
            *listed = attempts.into_iter().collect();
        };
        self.change_column(preview, number, "attempts", change)
            .await
    }

    /// Reads and changes a JSON column in one transaction. Does nothing where the revision does not
    /// exist.
    async fn change_column<T: Serialize + DeserializeOwned>(
        &self,
        preview: &PreviewId,
        number: RevisionNumber,
        name: &'static str,
        change: impl FnOnce(&mut T) + Send + 'static,
    ) -> Result<(), StoreError> {
        let preview = preview.clone();
        self.write(move |tx| change_in(tx, &preview, number, name, change))
            .await
    }

    /// Stores the blueprint of the commit.
    pub async fn set_blueprint(
        &self,
        preview: &PreviewId,
        number: RevisionNumber,
        blueprint: Blueprint,
    ) -> Result<(), StoreError> {
        let (preview, text) = (preview.clone(), to_json("a blueprint", &blueprint)?);
        self.write(move |tx| set(tx, &preview, number, "blueprint", &text))
            .await
    }

    /// Stores the image of services, with its fingerprint where Dayfly built it.
    pub async fn set_image(
        &self,
        preview: &PreviewId,
        number: RevisionNumber,
        services: Vec<ServiceName>,
        image: ImageId,
        fingerprint: Option<Fingerprint>,
    ) -> Result<(), StoreError> {
        let preview = preview.clone();
        self.write(move |tx| {
            let made_from = services
                .iter()
                .cloned()
                .zip(fingerprint.iter().cycle().cloned());
            change_in(
                tx,
                &preview,
                number,
                "fingerprints",
                |known: &mut BTreeMap<ServiceName, Fingerprint>| known.extend(made_from),
            )?;
            let images = services
                .iter()
                .map(|service| (service.clone(), image.clone()));
            change_in(
                tx,
                &preview,
                number,
                "images",
                |known: &mut BTreeMap<ServiceName, ImageId>| known.extend(images),
            )
        })
        .await
    }

    /// Sets the port of services whose image exposes these ports.
    pub async fn take_port(
        &self,
        preview: &PreviewId,
        number: RevisionNumber,
        services: Vec<ServiceName>,
        exposed: BTreeSet<u16>,
    ) -> Result<(), StoreError> {
        let change = move |blueprint: &mut Blueprint| blueprint.take_port(&services, &exposed);
        self.change_column(preview, number, "blueprint", change)
            .await
    }

    /// Forgets a service's image, which is gone.
    pub async fn forget_image(
        &self,
        preview: &PreviewId,
        number: RevisionNumber,
        service: ServiceName,
    ) -> Result<(), StoreError> {
        let change = move |images: &mut BTreeMap<ServiceName, ImageId>| {
            images.remove(&service);
        };
        self.change_column(preview, number, "images", change).await
    }

    /// Stores that the revision's migration ran on a database.
    pub async fn set_migrated(
        &self,
        preview: &PreviewId,
        number: RevisionNumber,
        database: DatabaseName,
    ) -> Result<(), StoreError> {
        let change = move |migrated: &mut BTreeSet<DatabaseName>| {
            migrated.insert(database);
        };
        self.change_column(preview, number, "migrated", change)
            .await
    }

    /// Stores when all services were first healthy at the same time.
    pub async fn set_healthy(
        &self,
        preview: &PreviewId,
        number: RevisionNumber,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE revisions SET healthy_at = coalesce(healthy_at, ?3), attempts = '[]'
             WHERE preview = ?1 AND number = ?2";
        let values = (preview.to_string(), number.0, now_ms.cast_signed());
        self.execute(sql, values).await
    }

    /// Stores that a revision serves visitors, or is about to.
    pub async fn set_served(
        &self,
        preview: &PreviewId,
        number: RevisionNumber,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE revisions SET served_at = coalesce(served_at, ?3)
             WHERE preview = ?1 AND number = ?2";
        let values = (preview.to_string(), number.0, now_ms.cast_signed());
        self.execute(sql, values).await
    }

    /// Stores the outcome of a revision. The first outcome stays.
    pub async fn set_outcome(
        &self,
        preview: &PreviewId,
        number: RevisionNumber,
        outcome: Outcome,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE revisions SET outcome = coalesce(outcome, ?3)
             WHERE preview = ?1 AND number = ?2";
        let outcome = to_json("an outcome", &outcome)?;
        self.execute(sql, (preview.to_string(), number.0, outcome))
            .await
    }
}

/// Stores a new revision, with what it starts with.
pub(super) fn begin(
    tx: &Savepoint<'_>,
    preview: &PreviewId,
    new: &NewRevision,
    now_ms: u64,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE revisions SET outcome = ?3
         WHERE preview = ?1 AND number < ?2 AND outcome IS NULL AND healthy_at IS NULL",
    )?
    .execute(params![
        preview.as_str(),
        new.number.0,
        to_json("an outcome", &Outcome::Superseded)?
    ])?;
    let begun = tx
        .prepare_cached(
            "INSERT INTO revisions (preview, number, life, commit_sha, request, began_at)
             SELECT id, ?2, life, ?3, ?4, ?5 FROM previews WHERE id = ?1
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            preview.as_str(),
            new.number.0,
            new.commit.as_str(),
            new.request.cast_signed(),
            now_ms.cast_signed(),
        ])?;
    match begun {
        0 => Ok(()),
        _ => inherit::inherit(tx, preview, new.number, &new.inherited),
    }
}

fn parse(row: &rusqlite::Row<'_>) -> Result<RevisionRow, StoreError> {
    let blueprint: Option<String> = row.get(4)?;
    let outcome: Option<String> = row.get(9)?;
    let healthy_at: Option<i64> = row.get(8)?;
    let served_at: Option<i64> = row.get(13)?;
    let attempts: Vec<(Attempt, u32)> = from_json("attempts", &row.get::<_, String>(7)?)?;
    Ok(RevisionRow {
        facts: RevisionFacts {
            number: RevisionNumber(row.get(0)?),
            life: row.get(1)?,
            commit: parse_stored("a commit", &row.get::<_, String>(2)?)?,
            request: row.get::<_, i64>(3)?.cast_unsigned(),
            blueprint: blueprint
                .map(|text| from_json("a blueprint", &text))
                .transpose()?,
            images: from_json("images", &row.get::<_, String>(5)?)?,
            fingerprints: from_json("fingerprints", &row.get::<_, String>(11)?)?,
            generation: row.get::<_, Option<u32>>(12)?.map(Generation),
            migrated: from_json("migrations", &row.get::<_, String>(6)?)?,
            attempts: attempts.into_iter().collect(),
            healthy: healthy_at.is_some(),
            served: served_at.is_some(),
            outcome: outcome
                .map(|text| from_json("an outcome", &text))
                .transpose()?,
        },
        began_at_ms: row.get::<_, i64>(10)?.cast_unsigned(),
        served_at_ms: served_at.map(i64::cast_unsigned),
    })
}
