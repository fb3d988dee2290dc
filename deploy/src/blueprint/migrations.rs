//! Whether the files that define a database's schema changed.

use sha2::{Digest as _, Sha256};

use super::{BlueprintError, draft::Placed};
use crate::{
    names::DatabaseName,
    source::{IgnoreRules, Matcher, SourceError, Tree},
};

/// Digest over path and content of each matching file.
pub(super) async fn digest(
    tree: &Tree,
    database: &DatabaseName,
    globs: Placed<IgnoreRules>,
    notes: &mut Vec<String>,
) -> Result<String, BlueprintError> {
    let (rules, at) = globs;
    let entries = tree.list().await?;
    // Matching many patterns on many paths takes long.
    let work = move || {
        let mut matcher = Matcher::new(&rules);
        let (mut digest, mut count) = (Sha256::new(), 0_usize);
        for entry in entries.iter() {
            if matcher.ignores(&entry.path)? {
                count += 1;
                // Neither a path nor an id contains a NUL.
                digest.update(format!("{}\0{}\0", entry.path, entry.id));
            }
        }
        Ok::<_, SourceError>((hex::encode(digest.finalize()), count))
    };
    let matched = tokio::task::spawn_blocking(work)
        .await
        .map_err(|cause| SourceError::Io {
            doing: "match the globs of `migrations`".to_owned(),
            cause: cause.into(),
        })?;
    let (digest, count) = matched.map_err(|_| {
        let message = "matching `migrations` on so many files takes too long; use fewer `*`";
        at.error(message)
    })?;
    if count == 0 {
        notes.push(format!(
            "database {database}: `migrations` matches no file."
        ));
    }
    Ok(digest)
}
