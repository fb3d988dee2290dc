//! What migrations printed, one file per revision and database.

use std::{
    io,
    path::{Path, PathBuf},
};

use deploy::names::{DatabaseName, PreviewId, RevisionNumber};

use crate::text;

/// Where the output of a migration is.
pub fn path(
    logs: &Path,
    preview: &PreviewId,
    revision: RevisionNumber,
    database: &DatabaseName,
) -> PathBuf {
    logs.join(preview.as_str())
        .join(format!("{revision}-{database}.migrate.log"))
}

/// Keeps lines, made harmless for whoever reads them, in place of those of an earlier run.
///
/// # Errors
/// When they cannot be written.
pub async fn keep_log(path: &Path, lines: &[String]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await?;
    }
    let clean: Vec<_> = lines.iter().map(|line| text::coloured(line)).collect();
    tokio::fs::write(path, clean.join("\n") + "\n").await
}
