//! Links of previews, and sessions of visitors: only serials and digests are stored.

use std::time::Duration;

use deploy::names::PreviewId;
use proxy::table::SessionDigest;
use rusqlite::params;

use super::{
    preview_row::PreviewRow,
    writer::{Store, StoreError},
};

/// How long a visitor's session lasts.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// How many sessions one preview may have; beyond that the oldest are removed.
const SESSIONS_MAX: u32 = 1_000;

impl Store {
    /// Stores a session that this row's link opened; it ends with the link. Returns `false` where
    /// the life ends or has ended, or has another link by now: an old link must let no one in.
    pub async fn add_session(
        &self,
        row: &PreviewRow,
        digest: &SessionDigest,
        now_ms: u64,
    ) -> Result<bool, StoreError> {
        let (preview, digest) = (row.id.clone(), digest.clone());
        let (life, serial) = (row.desired.life, row.desired.link_serial);
        let expires = now_ms + SESSION_LIFETIME.as_millis() as u64;
        let expires = row.link_expires_at_ms.map_or(expires, |at| at.min(expires));
        self.write(move |tx| {
            let added = tx
                .prepare_cached(
                    "INSERT INTO sessions (digest, preview, created_at, expires_at)
                     SELECT ?1, id, ?3, ?4 FROM previews
                     WHERE id = ?2 AND life = ?5 AND link_serial = ?6 AND clearing = 0",
                )?
                .execute(params![
                    digest.as_str(),
                    preview.as_str(),
                    now_ms.cast_signed(),
                    expires.cast_signed(),
                    life,
                    serial,
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

    /// Creates a new link for a preview. The old link and its sessions end.
    pub async fn relink(
        &self,
        id: &PreviewId,
        expires_at_ms: Option<u64>,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        let id = id.clone();
        self.write(move |tx| {
            tx.prepare_cached(
                "UPDATE previews SET link_serial = link_serial + 1, link_expires_at = ?2,
                     updated_at = ?3
                 WHERE id = ?1",
            )?
            .execute(params![
                id.as_str(),
                expires_at_ms.map(u64::cast_signed),
                now_ms.cast_signed()
            ])?;
            tx.prepare_cached("DELETE FROM sessions WHERE preview = ?1")?
                .execute([id.as_str()])?;
            Ok(())
        })
        .await
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
