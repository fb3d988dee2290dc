//! Sessions of visitors: digests only.

use std::time::Duration;

use deploy::names::PreviewId;
use proxy::table::SessionDigest;
use rusqlite::params;

use super::writer::{Store, StoreError};

/// How long a visitor's session lasts.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// How many sessions one preview may have; the oldest give way.
const SESSIONS_MAX: u32 = 1_000;

impl Store {
    /// Keeps a session of that life of the preview. Answers `false` where the life ends or has ended:
    /// a link that was read before must let nobody into the next one.
    pub async fn add_session(
        &self,
        preview: &PreviewId,
        life: u32,
        digest: &SessionDigest,
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        let (preview, digest) = (preview.clone(), digest.clone());
        let expires = now_ms + SESSION_LIFETIME.as_millis() as u64;
        self.write(move |tx| {
            let added = tx
                .prepare_cached(
                    "INSERT INTO sessions (digest, preview, created_at, expires_at)
                     SELECT ?1, id, ?3, ?4 FROM previews
                     WHERE id = ?2 AND life = ?5 AND clearing = 0",
                )?
                .execute(params![
                    digest.as_str(),
                    preview.as_str(),
                    now_ms.cast_signed(),
                    expires.cast_signed(),
                    life,
                ])?;
            tx.prepare_cached(
                "DELETE FROM sessions WHERE preview = ?1 AND digest NOT IN
                     (SELECT digest FROM sessions WHERE preview = ?1
                      ORDER BY created_at DESC LIMIT ?2)",
            )?
            .execute(params![preview.as_str(), SESSIONS_MAX])?;
            Ok(added > 0)
        })
        .await
    }

    /// Ends all sessions of a preview.
    pub async fn end_sessions(&self, preview: &PreviewId) -> Result<(), StoreError> {
        let sql = "DELETE FROM sessions WHERE preview = ?1";
        self.execute(sql, (preview.to_string(),)).await
    }

    /// The digests of a preview's sessions that have not expired.
    pub async fn sessions(
        &self,
        preview: &PreviewId,
        now_ms: u64,
    ) -> Result<Vec<SessionDigest>, StoreError> {
        let preview = preview.clone();
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT digest FROM sessions WHERE preview = ?1 AND expires_at > ?2",
            )?;
            let rows = statement
                .query_map(params![preview.as_str(), now_ms.cast_signed()], |row| {
                    row.get::<_, String>(0)
                })?;
            rows.map(|row| {
                let text = row?;
                serde_json::from_value(serde_json::Value::String(text)).map_err(|error| {
                    StoreError::Corrupt {
                        what: "a session",
                        why: error.to_string(),
                    }
                })
            })
            .collect()
        })
        .await
    }
}
