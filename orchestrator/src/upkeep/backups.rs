//! Backups by schedule.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::{
    backup::{Backups, Progress, shelved},
    config::BackupSchedule,
};

/// A backup that failed is tried again after this, or sooner where backups are made more often.
const AGAIN: Duration = Duration::from_secs(60 * 60);
/// How long its end is waited for when we stop; it may be waiting for another one.
const STOP_MAX: Duration = Duration::from_secs(5);
/// How often the time is looked at: the clock may be set.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Makes backups until we stop.
pub async fn run(backups: Arc<Backups>, schedule: BackupSchedule, stop: CancellationToken) {
    loop {
        if is_due(&backups, &schedule, Timestamp::now()) {
            make(&backups, &schedule, &stop).await;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY.min(schedule.every)) => {}
        }
    }
}

async fn make(backups: &Arc<Backups>, schedule: &BackupSchedule, stop: &CancellationToken) {
    let progress = Arc::new(Progress::default());
    let mut making = std::pin::pin!(backups.make(schedule, Arc::clone(&progress)));
    let made = tokio::select! {
        made = &mut making => made,
        () = stop.cancelled() => {
            progress.stop.store(true, Relaxed);
            match tokio::time::timeout(STOP_MAX, making).await {
                Ok(made) => made,
                Err(_) => return,
            }
        }
    };
    match made {
        Ok((path, checked)) => tracing::info!(
            path = %path.display(),
            bytes = checked.bytes,
            "a backup was made, and read back"
        ),
        Err(error) => tracing::error!(
            folder = %schedule.directory.display(),
            error = format!("{error:#}"),
            "a backup by schedule failed; older ones stay"
        ),
    }
}

fn is_due(backups: &Backups, schedule: &BackupSchedule, now: Timestamp) -> bool {
    let last = match shelved(&schedule.directory) {
        Ok(all) => all
            .into_iter()
            // One from the future was made while the clock was wrong, and tells nothing.
            .rfind(|backup| backup.instance == *backups.instance() && backup.made_at <= now)
            .map(|backup| backup.made_at),
        // Making one fails with the same reason, which is told then.
        Err(_) => None,
    };
    let failed = backups.failure().map(|failure| failure.at);
    let is_over = |since: Option<Timestamp>, pause: Duration| {
        since.is_none_or(|since| {
            let passed = now.duration_since(since);
            // From the future: the clock was set back.
            passed.is_negative() || passed.unsigned_abs() >= pause
        })
    };
    is_over(last, schedule.every) && is_over(failed, AGAIN.min(schedule.every))
}
