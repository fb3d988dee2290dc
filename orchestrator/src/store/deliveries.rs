//! Webhook deliveries: on disk with their wake-up before they are acknowledged.

use std::time::Duration;

use rusqlite::{Savepoint, params};
use serde::Serialize;
use webhook::{
    intake::{Accepted, Delivery, Hint},
    names::RepositoryId,
};

use super::{
    previews, repositories,
    writer::{Store, StoreError},
};
use deploy::names::PreviewId;

/// How long a delivery is kept to recognise a redelivery. A forge redelivers up to three days
/// later.
pub const DELIVERIES_KEEP: Duration = Duration::from_secs(30 * 24 * 3600);

/// A delivery, as the log of deliveries shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeliveryRow {
    /// The forge's id of the delivery.
    pub guid: String,
    /// The event.
    pub event: String,
    /// The action, where the event has one.
    pub action: Option<String>,
    /// The repository it names.
    pub repository: Option<String>,
    /// The pull request it names.
    pub number: Option<u64>,
    /// The decision about it: `look`, `look-all` or `ignored`.
    pub decision: String,
    /// The reason for the decision, where there is one.
    pub reason: Option<String>,
    /// When it arrived, in milliseconds since 1970.
    #[serde(skip)]
    pub received_at_ms: u64,
}

impl Store {
    /// Stores a delivery and raises the refresh counters of the previews it names, in one
    /// transaction. Returns the previews to wake; none for a redelivery.
    pub async fn accept_delivery(
        &self,
        delivery: Delivery,
        now_ms: u64,
    ) -> Result<(Accepted, Vec<PreviewId>), StoreError> {
        self.write(move |tx| accept(tx, &delivery, now_ms)).await
    }

    /// The last deliveries, newest first.
    pub async fn deliveries(&self, limit: usize) -> Result<Vec<DeliveryRow>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT guid, event, action, repository, number, decision, reason, received_at
                 FROM deliveries ORDER BY received_at DESC, rowid DESC LIMIT ?1",
            )?;
            let rows = statement.query_map([limit as i64], |row| {
                Ok(DeliveryRow {
                    guid: row.get(0)?,
                    event: row.get(1)?,
                    action: row.get(2)?,
                    repository: row.get(3)?,
                    number: row.get::<_, Option<i64>>(4)?.map(i64::cast_unsigned),
                    decision: row.get(5)?,
                    reason: row.get(6)?,
                    received_at_ms: row.get::<_, i64>(7)?.cast_unsigned(),
                })
            })?;
            rows.map(|row| row.map_err(StoreError::from)).collect()
        })
        .await
    }

    /// Forgets deliveries older than [`DELIVERIES_KEEP`].
    pub async fn forget_old_deliveries(&self, now_ms: u64) -> Result<usize, StoreError> {
        let before = now_ms
            .saturating_sub(DELIVERIES_KEEP.as_millis() as u64)
            .cast_signed();
        self.write(move |tx| {
            Ok(tx.execute("DELETE FROM deliveries WHERE received_at < ?1", [before])?)
        })
        .await
    }
}

fn accept(
    tx: &Savepoint<'_>,
    delivery: &Delivery,
    now_ms: u64,
) -> Result<(Accepted, Vec<PreviewId>), StoreError> {
    let (decision, reason, repository, number) = match &delivery.hint {
        Hint::Refresh { repository, number } => ("look", None, Some(repository), Some(number.0)),
        Hint::RefreshAll { repository } => ("look-all", None, Some(repository), None),
        Hint::Ignored { reason } => ("ignored", Some(reason.clone()), None, None),
    };
    let inserted = tx
        .prepare_cached(
            "INSERT INTO deliveries
                 (guid, event, action, repository, number, decision, reason, received_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (guid) DO NOTHING",
        )?
        .execute(params![
            delivery.guid,
            delivery.event,
            delivery.action,
            repository.map(|repository| repository.name.to_string()),
            number.map(u64::cast_signed),
            decision,
            reason,
            now_ms.cast_signed(),
        ])?;
    // A redelivery is another chance to refresh: that is cheap, and a lost effect is not.
    let accepted = match &delivery.hint {
        _ if inserted == 0 => Accepted::Duplicate,
        Hint::Ignored { .. } => Accepted::Ignored,
        _ => Accepted::Recorded,
    };
    let mut woken = Vec::new();
    match &delivery.hint {
        Hint::Refresh { repository, number } => {
            repositories::hear_of(tx, repository.id, &repository.name, now_ms)?;
            woken.push(previews::ensure_for_pull(
                tx,
                repository.id,
                *number,
                now_ms,
            )?);
        }
        Hint::RefreshAll { repository } => woken = all_of(tx, repository.id)?,
        Hint::Ignored { .. } => {}
    }
    for preview in &woken {
        previews::request_refresh(tx, preview, now_ms)?;
    }
    Ok((accepted, woken))
}

fn all_of(tx: &Savepoint<'_>, repository: RepositoryId) -> Result<Vec<PreviewId>, StoreError> {
    previews::ids_of_repository(tx, repository)
}
