//! The `dayfly doctor` check of scheduled backups.

use std::{os::unix::fs::MetadataExt as _, path::Path};

use deploy::docker::{Check, CheckState};
use jiff::Timestamp;

use crate::{
    api::BackupsView,
    backup::{Failure, MOUNT_OR_CREATE, Shelved, manifest_of, shelved},
    cli::{call::Caller, units},
    config::BackupSchedule,
    store::instance_at_rest,
};

/// The advice where one disk holds the data and the backups.
const SAME_DISK: &str = "set `backup.directory` to a folder on another disk: the backups are on \
                         the data's disk, and a failure of that disk loses both";

/// How old the newest good backup is, and why there is no newer one.
pub(super) async fn backups(caller: &Caller, schedule: Option<&BackupSchedule>) -> Check {
    let Some(schedule) = schedule else {
        let found = "none are scheduled; `[backup]` in the configuration schedules them".to_owned();
        return check(CheckState::Good, found, None);
    };
    let folder = &schedule.directory;
    if let Some(parent) = missing_parent(folder) {
        let found = format!("{} does not exist", parent.display());
        return check(CheckState::Bad, found, Some(MOUNT_OR_CREATE.to_owned()));
    }
    let health = caller.client.health().await.ok();
    let instance = health.map(|health| health.instance);
    let Some(instance) = instance.or_else(|| instance_at_rest(&caller.data)) else {
        let found = format!(
            "cannot tell which backups in {} belong to this server",
            folder.display()
        );
        let advice = "start the server, or pass its data directory with --data";
        return check(CheckState::Warning, found, Some(advice.to_owned()));
    };
    let told: Option<BackupsView> = caller.client.get("/api/v1/backups").await.ok();
    let failure = told.and_then(|view| view.failure);
    match newest_of(&instance, folder) {
        Ok(newest) => {
            let judged = judge(schedule, newest.as_ref(), failure, Timestamp::now());
            match are_on_one_disk(folder, &caller.data) {
                true => with_same_disk(judged),
                false => judged,
            }
        }
        Err(cause) => {
            let found = format!("{}: {cause}", folder.display());
            let advice = "allow this user to read the folder in `backup.directory`";
            check(CheckState::Bad, found, Some(advice.to_owned()))
        }
    }
}

/// The newest backup of an instance that this user can read. A file counts if its content names the
/// instance too.
fn newest_of(instance: &str, folder: &Path) -> std::io::Result<Option<Shelved>> {
    let is_ours = |backup: &Shelved| {
        backup.instance.as_str() == instance
            && manifest_of(&backup.path).is_ok_and(|manifest| manifest.instance == instance)
    };
    Ok(shelved(folder)?.into_iter().rfind(is_ours))
}

/// The parent of a folder, where it does not exist.
fn missing_parent(folder: &Path) -> Option<&Path> {
    let parent = folder.parent()?;
    let exists = parent.try_exists().unwrap_or(true);
    (!exists).then_some(parent)
}

/// Whether both are on one disk, each by the first of its folders that exists.
fn are_on_one_disk(folder: &Path, data: &Path) -> bool {
    let disk = |path: &Path| {
        let mut found = path.ancestors().map(std::fs::metadata);
        found.find_map(Result::ok).map(|found| found.dev())
    };
    let disk_of_data = disk(data);
    disk_of_data.is_some() && disk(folder) == disk_of_data
}

/// Adds the advice about a shared disk to a check.
fn with_same_disk(judged: Check) -> Check {
    let advice = match judged.advice {
        Some(advice) => format!("{advice}; {SAME_DISK}"),
        None => SAME_DISK.to_owned(),
    };
    check(
        judged.state.max(CheckState::Warning),
        judged.found,
        Some(advice),
    )
}

fn judge(
    schedule: &BackupSchedule,
    newest: Option<&Shelved>,
    failure: Option<Failure>,
    now: Timestamp,
) -> Check {
    let folder = schedule.directory.display();
    let (found, is_late) = match newest {
        None => (
            format!("there is no readable backup of this server in {folder}"),
            true,
        ),
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
            "fix the cause of the last failure, {}: {}",
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
                "there is no readable backup of this server in /backups",
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

    #[test]
    fn only_a_readable_backup_of_the_same_instance_counts() {
        let folder = tempfile::tempdir().unwrap();
        let write = |of: &str, names: &str, at: &str| {
            let path = folder.path().join(format!("dayfly-{of}-{at}.tar"));
            let manifest = serde_json::json!({
                "format": 2, "version": "0.1.0", "instance": names,
                "made_at": "2026-11-28T09:30:00Z", "data": false,
            });
            let text = manifest.to_string();
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            let mut archive = tar::Builder::new(std::fs::File::create(path).unwrap());
            archive
                .append_data(&mut header, "backup.json", text.as_bytes())
                .unwrap();
            archive.into_inner().unwrap();
        };
        write("0a1b2c3d", "0a1b2c3d", "20261101T000000Z");
        write("0a1b2c3d", "ffffffff", "20261102T000000Z");
        write("ffffffff", "ffffffff", "20261103T000000Z");
        std::fs::write(
            folder.path().join("dayfly-0a1b2c3d-20261104T000000Z.tar"),
            "no archive",
        )
        .unwrap();
        let newest = newest_of("0a1b2c3d", folder.path()).unwrap().unwrap();
        assert_eq!(newest.made_at.to_string(), "2026-11-01T00:00:00Z");
        assert!(newest_of("00000000", folder.path()).unwrap().is_none());
    }

    #[test]
    fn backups_beside_the_data_are_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let (data, backups) = (folder.path().join("data"), folder.path().join("b"));
        assert!(are_on_one_disk(&backups, &data));
        assert!(!are_on_one_disk(Path::new("/proc"), &data));
        let good = check(CheckState::Good, "found".to_owned(), None);
        let judged = with_same_disk(good);
        assert_eq!(judged.state, CheckState::Warning);
        assert_eq!(judged.advice.as_deref(), Some(SAME_DISK));
        assert_eq!(missing_parent(&data.join("x")), Some(&*data));
        assert_eq!(missing_parent(&data), None);
    }
}
