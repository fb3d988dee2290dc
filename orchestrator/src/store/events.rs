//! The history of each preview: the steps that ran, and how long they took.

use deploy::names::{PreviewId, RevisionNumber};
use rusqlite::params;
use serde::Serialize;

use super::writer::{Store, StoreError};

/// How many events of a preview are kept.
pub const EVENTS_KEEP_PER_PREVIEW: u32 = 500;

/// A step that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EventRow {
    /// The revision it was for.
    pub revision: Option<u32>,
    /// When it ended, in milliseconds since 1970.
    pub at_ms: u64,
    /// The step's word and what it was about, such as `build web`.
    pub step: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Why it failed, where it did.
    pub note: Option<String>,
}

impl Store {
    /// Stores an event, and deletes the oldest ones beyond [`EVENTS_KEEP_PER_PREVIEW`].
    pub async fn add_event(
        &self,
        preview: &PreviewId,
        revision: Option<RevisionNumber>,
        event: EventRow,
    ) -> Result<(), StoreError> {
        let preview = preview.clone();
        self.write(move |tx| {
            tx.prepare_cached(
                "INSERT INTO events (preview, revision, at, step, took_ms, note)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                preview.as_str(),
                revision.map(|number| number.0),
                event.at_ms.cast_signed(),
                event.step,
                event.took_ms.cast_signed(),
                event.note,
            ])?;
            tx.prepare_cached(
                "DELETE FROM events WHERE preview = ?1 AND id <=
                     (SELECT id FROM events WHERE preview = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
            )?
            .execute(params![preview.as_str(), EVENTS_KEEP_PER_PREVIEW])?;
            Ok(())
        })
        .await
    }

    /// The events of a preview, oldest first.
    pub async fn events(&self, preview: &PreviewId) -> Result<Vec<EventRow>, StoreError> {
        self.read_events(preview, "").await
    }

    /// The events of a preview's current or last life: an earlier preview may have had the same
    /// name.
    pub async fn events_of_life(&self, preview: &PreviewId) -> Result<Vec<EventRow>, StoreError> {
        const OF_LIFE: &str = "AND NOT EXISTS (
            SELECT 1 FROM revisions JOIN previews ON previews.id = revisions.preview
            WHERE revisions.preview = events.preview AND revisions.number = events.revision
                AND revisions.life < previews.life - (previews.gone_at IS NOT NULL))";
        self.read_events(preview, OF_LIFE).await
    }

    async fn read_events(
        &self,
        preview: &PreviewId,
        more: &'static str,
    ) -> Result<Vec<EventRow>, StoreError> {
        let preview = preview.clone();
        self.read(move |connection| {
            let sql = format!(
                "SELECT revision, at, step, took_ms, note FROM events
                 WHERE preview = ?1 {more} ORDER BY id"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map([preview.as_str()], |row| {
                Ok(EventRow {
                    revision: row.get(0)?,
                    at_ms: row.get::<_, i64>(1)?.cast_unsigned(),
                    step: row.get(2)?,
                    took_ms: row.get::<_, i64>(3)?.cast_unsigned(),
                    note: row.get(4)?,
                })
            })?;
            rows.map(|row| row.map_err(StoreError::from)).collect()
        })
        .await
    }
}
