//! The last lines of services, kept after their containers are removed.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use deploy::engine::{Engine, ServiceKey};
use futures_util::StreamExt as _;

use crate::text;

/// How many lines are kept of each.
const LINES_KEPT: usize = 1_000;
/// How long they are kept.
const KEEP: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long reading the lines may delay a removal.
const READ_DEADLINE: Duration = Duration::from_secs(5);

/// The path of a service's log.
pub fn path(logs: &Path, key: &ServiceKey) -> PathBuf {
    logs.join(key.preview.as_str())
        .join(format!("{}-{}.log", key.revision, key.service))
}

/// Stores the last lines of a service before its removal. Best effort: unreadable lines do not
/// delay the removal further.
pub async fn keep_log(engine: &dyn Engine, logs: &Path, key: &ServiceKey) {
    keep_log_as(engine, logs, key, key).await;
}

/// Stores the output of a service under the key of another one.
pub async fn keep_log_as(engine: &dyn Engine, logs: &Path, key: &ServiceKey, kept: &ServiceKey) {
    let gather = async {
        let Ok(lines) = engine.logs(key, LINES_KEPT, false).await else {
            return Vec::new();
        };
        lines
            .take(LINES_KEPT)
            .filter_map(|line| std::future::ready(line.ok()))
            .map(|line| text::coloured(&String::from_utf8_lossy(&line.text)))
            .collect()
            .await
    };
    let lines = tokio::time::timeout(READ_DEADLINE, gather)
        .await
        .unwrap_or_default();
    if lines.is_empty() {
        return;
    }
    let path = path(logs, kept);
    if let Some(folder) = path.parent()
        && let Err(error) = tokio::fs::create_dir_all(folder).await
    {
        tracing::warn!(%error, "cannot store the last log lines of a service; they are lost");
        return;
    }
    if let Err(error) = tokio::fs::write(&path, lines.join("\n") + "\n").await {
        tracing::warn!(%error, "cannot store the last log lines of a service; they are lost");
    }
}

/// Removes the log files of all previews that are older than a week.
pub fn forget_old(logs: &Path) {
    let Ok(folders) = std::fs::read_dir(logs) else {
        return;
    };
    for folder in folders.flatten() {
        let Ok(files) = std::fs::read_dir(folder.path()) else {
            continue;
        };
        for file in files.flatten() {
            let modified = file.metadata().and_then(|meta| meta.modified());
            let old = modified
                .ok()
                .and_then(|at| SystemTime::now().duration_since(at).ok())
                .is_some_and(|age| age > KEEP);
            if old && let Err(error) = std::fs::remove_file(file.path()) {
                tracing::warn!(%error, "cannot remove an old log file");
            }
        }
        // Fails, as it should, while the folder still holds something.
        let _ = std::fs::remove_dir(folder.path());
    }
}
