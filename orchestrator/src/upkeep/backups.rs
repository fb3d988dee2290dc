//! Makes scheduled backups.

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

/// Pause before the retry of a failed backup, or sooner where the schedule is shorter.
const AGAIN: Duration = Duration::from_secs(60 * 60);
/// How long a stopping server waits for the end of a backup, which may wait for another one.
const STOP_MAX: Duration = Duration::from_secs(5);
/// How often the schedule is checked: someone may set the clock.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Makes backups until the server stops.
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
            "scheduled backup written and verified"
        ),
        Err(error) => tracing::error!(
            folder = %schedule.directory.display(),
            error = format!("{error:#}"),
            "scheduled backup failed; older backups are kept"
        ),
    }
}

fn is_due(backups: &Backups, schedule: &BackupSchedule, now: Timestamp) -> bool {
    let last = match shelved(&schedule.directory) {
        Ok(all) => all
            .into_iter()
            // A backup from the future was made with a wrong clock, and does not count.
            .rfind(|backup| backup.instance == *backups.instance() && backup.made_at <= now)
            .map(|backup| backup.made_at),
        // The backup fails for the same reason, and reports it.
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
