//! Output of migrations: one file per revision and database.

use std::{
    io,
    path::{Path, PathBuf},
};

use deploy::names::{DatabaseName, PreviewId, RevisionNumber};

use crate::text;

/// The path of a migration's log.
pub fn path(
    logs: &Path,
    preview: &PreviewId,
    revision: RevisionNumber,
    database: &DatabaseName,
) -> PathBuf {
    logs.join(preview.as_str())
        .join(format!("{revision}-{database}.migrate.log"))
}

/// Stores the sanitized lines, and replaces those of an earlier run.
///
/// # Errors
/// If the file cannot be written.
pub async fn keep_log(path: &Path, lines: &[String]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await?;
    }
    let clean: Vec<_> = lines.iter().map(|line| text::coloured(line)).collect();
    tokio::fs::write(path, clean.join("\n") + "\n").await
}
