//! Finds the files that the scripts of a seed read.

use std::{collections::BTreeSet, io};

use super::BlueprintError;
use crate::{
    content::is_unread,
    dump::{Mention, mentions},
    packing::Packing,
    source::{Entry, Mode, SourceError, Tree, folder},
};

/// Maximum scripts that are searched.
const SCRIPTS_MAX: usize = 1000;

/// The files of the commit that these scripts name (`\i`, `\ir`, `\copy`), and the files that those
/// name, each once and sorted. Links are skipped. The seed run reports missing files with their
/// lines.
pub(super) async fn beside(tree: &Tree, scripts: &[String]) -> Result<Vec<String>, BlueprintError> {
    let folder = scripts.first().map_or("", |path| folder(path));
    let entries = tree.list().await?;
    let mut found = BTreeSet::new();
    let mut waiting: Vec<String> = scripts.to_vec();
    let mut seen = 0;
    while let Some(path) = waiting.pop() {
        seen += 1;
        if seen > SCRIPTS_MAX {
            break;
        }
        for mention in read(tree, folder, &path).await? {
            let there = |candidate: &&String| is_file(&entries, candidate);
            let Some(path) = mention.candidates.iter().find(there) else {
                continue;
            };
            let new = !scripts.contains(path) && found.insert(path.clone());
            if new && mention.is_script {
                waiting.push(path.clone());
            }
        }
    }
    Ok(found.into_iter().collect())
}

async fn read(tree: &Tree, folder: &str, path: &str) -> Result<Vec<Mention>, BlueprintError> {
    let Some(content) = tree.content(path).await? else {
        return Ok(Vec::new());
    };
    let (folder, path) = (folder.to_owned(), path.to_owned());
    // Searching a large script takes long.
    let found = tokio::task::spawn_blocking(move || {
        let script = Packing::of(&path).reader(content.reader()?);
        // If it cannot be decompressed, the seed run reports that.
        let found = mentions(&path, &folder, script);
        Ok(match found {
            Err(error) if !is_unread(&error) => Vec::new(),
            found => found?,
        })
    });
    let ended = found
        .await
        .map_err(io::Error::other)
        .and_then(|found| found);
    Ok(ended.map_err(SourceError::io("read a seed"))?)
}

fn is_file(entries: &[Entry], path: &str) -> bool {
    let at = entries.binary_search_by(|entry| entry.path.as_str().cmp(path));
    let entry = at.ok().and_then(|at| entries.get(at));
    entry.is_some_and(|entry| matches!(entry.mode, Mode::File | Mode::Executable))
}
