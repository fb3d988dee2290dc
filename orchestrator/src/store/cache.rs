//! The cache records that Dayfly's builds left in the builder.

use std::collections::BTreeSet;

use rusqlite::params;

use super::writer::{Store, StoreError};

impl Store {
    /// Stores that these records are Dayfly's.
    pub async fn note_cache(&self, ids: BTreeSet<String>, now_ms: u64) -> Result<(), StoreError> {
        self.write(move |tx| {
            let mut insert = tx.prepare_cached(
                "INSERT INTO cache_records (id, seen_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            )?;
            for id in &ids {
                insert.execute(params![id, now_ms.cast_signed()])?;
            }
            Ok(())
        })
        .await
    }

    /// The ids of all records of Dayfly's builds.
    pub async fn cache_records(&self) -> Result<BTreeSet<String>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT id FROM cache_records")?;
            let ids = statement.query_map([], |row| row.get(0))?;
            ids.map(|id| id.map_err(StoreError::from)).collect()
        })
        .await
    }

    /// Forgets these records, which are gone.
    pub async fn forget_cache(&self, ids: BTreeSet<String>) -> Result<(), StoreError> {
        self.write(move |tx| {
            let mut delete = tx.prepare_cached("DELETE FROM cache_records WHERE id = ?1")?;
            for id in &ids {
                delete.execute([id])?;
            }
            Ok(())
        })
        .await
    }
}
