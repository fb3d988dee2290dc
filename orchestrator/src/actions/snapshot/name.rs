//! Gives a finished snapshot its name.

use deploy::databases::SnapshotState;

use crate::{
    actions::{Code, Refused},
    clock::wall_ms,
    store::{Holds, SnapshotRow},
    worker::Ports,
};

/// Maximum length of a name.
const NAME_MAX: usize = 40;

/// The properties of a snapshot that its creator chooses.
pub(super) struct Label {
    pub(super) name: String,
    pub(super) holds: Holds,
    pub(super) owner: String,
    pub(super) days: Option<u64>,
}

/// Fails unless a snapshot may have this name.
pub(super) fn check_name(name: &str) -> Result<(), Refused> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let fits = !name.is_empty()
        && name.len() <= NAME_MAX
        && name.bytes().all(plain)
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--");
    if fits {
        return Ok(());
    }
    Err(Refused::invalid(format!(
        "the name of a snapshot must be at most {NAME_MAX} characters: a-z, 0-9 and single hyphens"
    )))
}

/// Finishes the work even if the caller disconnects: no one could remove data without a name.
pub(super) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, Refused>> + Send + 'static,
) -> Result<T, Refused> {
    let ended = tokio::spawn(work).await;
    ended.unwrap_or_else(|error| {
        let sentence = format!("the data was not saved: {error}");
        Err(Refused::new(Code::Failed, sentence))
    })
}

/// Names a snapshot. Deletes the snapshot that had the name before.
pub(super) async fn name_snapshot(
    ports: &Ports,
    state: &SnapshotState,
    label: Label,
) -> Result<SnapshotRow, Refused> {
    let now_ms = wall_ms();
    let end_ms = |days: u64| now_ms.saturating_add(days.saturating_mul(86_400_000));
    let row = SnapshotRow {
        name: label.name,
        id: state.id.clone(),
        holds: label.holds,
        owner: label.owner,
        created_at_ms: now_ms,
        expires_at_ms: label.days.map(end_ms),
    };
    let before = ports.store.name_snapshot(row.clone()).await?;
    if let Some(before) = before.filter(|before| *before != state.id) {
        ports.databases.forget(&before).await?;
    }
    Ok(row)
}
