//! The `dayfly doctor` check of scheduled backups.

use deploy::docker::{Check, CheckState};
use jiff::Timestamp;

use crate::{
    api::BackupsView,
    backup::{Failure, Shelved, shelved},
    cli::{call::Caller, units},
    config::BackupSchedule,
};

/// How old the newest good backup is, and why there is no newer one.
pub(super) async fn backups(caller: &Caller, schedule: Option<&BackupSchedule>) -> Check {
    let Some(schedule) = schedule else {
        let found = "none are scheduled; `[backup]` in the configuration schedules them".to_owned();
        return check(CheckState::Good, found, None);
    };
    let instance = caller.client.health().await.ok();
    let instance = instance.map(|health| health.instance);
    let told: Option<BackupsView> = caller.client.get("/api/v1/backups").await.ok();
    let failure = told.and_then(|view| view.failure);
    let found = shelved(&schedule.directory).map(|all| {
        all.into_iter().rfind(|backup| {
            let ours = instance.as_ref();
            ours.is_none_or(|ours| *ours == backup.instance.to_string())
        })
    });
    match found {
        Ok(newest) => judge(schedule, newest.as_ref(), failure, Timestamp::now()),
        Err(cause) => {
            let found = format!("{}: {cause}", schedule.directory.display());
            let advice = "allow this user to read the folder in `backup.directory`";
            check(CheckState::Bad, found, Some(advice.to_owned()))
        }
    }
}

fn judge(
    schedule: &BackupSchedule,
    newest: Option<&Shelved>,
    failure: Option<Failure>,
    now: Timestamp,
) -> Check {
    let folder = schedule.directory.display();
    let (found, is_late) = match newest {
        None => (format!("there is no backup in {folder}"), true),
        Some(newest) => {
            let age = now.duration_since(newest.made_at);
            // A backup from the future was made while the clock was wrong.
            let late = age.is_negative() || age.unsigned_abs() > schedule.every.saturating_mul(2);
            let age = units::ago(newest.made_at, now);
            (
                format!("the last good backup was made {age}, in {folder}"),
                late,
            )
        }
    };
    if let Some(failure) = failure {
        let why = format!(
            "the last attempt failed {}: {}",
            units::ago(failure.at, now),
            failure.why
        );
        return check(CheckState::Warning, found, Some(why));
    }
    if !is_late {
        return check(CheckState::Good, found, None);
    }
    let every = humantime::format_duration(schedule.every);
    let advice = format!(
        "a backup is due every {every}; check that a server with this configuration is running, \
         and read its log"
    );
    check(CheckState::Warning, found, Some(advice))
}

fn check(state: CheckState, found: String, advice: Option<String>) -> Check {
    Check::new(state, "backups", found, advice)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_backup_is_late_after_twice_its_time_and_a_failure_is_told() {
        let schedule = BackupSchedule {
            every: Duration::from_secs(24 * 3600),
            keep: 7,
            directory: "/backups".into(),
        };
        let now: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
        let made = |at: &str| Shelved {
            made_at: at.parse().unwrap(),
            instance: deploy::names::Instance::parse("0a1b2c3d").unwrap(),
            path: "/backups/x".into(),
        };
        let failure = Failure {
            at: "2026-11-30T11:00:00Z".parse().unwrap(),
            why: "the disk is full".to_owned(),
        };
        for (newest, failure, state, words) in [
            (
                Some("2026-11-28T12:30:00Z"),
                None,
                CheckState::Good,
                "made 47 h ago",
            ),
            (
                Some("2026-11-28T11:30:00Z"),
                None,
                CheckState::Warning,
                "made 2 days ago",
            ),
            (
                None,
                None,
                CheckState::Warning,
                "there is no backup in /backups",
            ),
            (
                Some("2026-11-30T11:30:00Z"),
                Some(failure),
                CheckState::Warning,
                "30 min ago",
            ),
        ] {
            let newest = newest.map(made);
            let told_why = failure.is_some();
            let found = judge(&schedule, newest.as_ref(), failure, now);
            assert!(
                found.state == state && found.found.contains(words),
                "{found:?}"
            );
            let advice = found.advice.unwrap_or_default();
            assert_eq!(advice.contains("the disk is full"), told_why, "{advice}");
        }
    }
}
