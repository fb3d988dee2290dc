//! What lies below a folder in which a server is at work.

use std::{
    io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

/// Every file below a folder. A server removes files and folders meanwhile: what is gone when its
/// turn comes is left out, and nothing else is.
///
/// # Errors
/// Where something that is there cannot be looked at.
pub fn files_below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    let Some(entries) = unless_gone(std::fs::read_dir(folder), folder)? else {
        return Ok(all);
    };
    for entry in entries {
        let Some(entry) = unless_gone(entry, folder)? else {
            continue;
        };
        let path = entry.path();
        match unless_gone(entry.file_type(), &path)? {
            Some(kind) if kind.is_dir() => all.extend(files_below(&path)?),
            Some(kind) if kind.is_file() => all.push(path),
            _ => {}
        }
    }
    Ok(all)
}

/// The files below a folder that hold one of these words.
///
/// # Errors
/// Where a file that is there cannot be read.
pub fn files_that_hold(folder: &Path, words: &[&[u8]]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in files_below(folder)? {
        let bytes = unless_gone(std::fs::read(&path), &path)?.unwrap_or_default();
        let holds = |word: &&[u8]| bytes.windows(word.len()).any(|part| part == *word);
        if words.iter().any(holds) {
            found.push(path);
        }
    }
    Ok(found)
}

fn unless_gone<T>(looked: io::Result<T>, path: &Path) -> anyhow::Result<Option<T>> {
    match looked {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other
            .map(Some)
            .with_context(|| format!("cannot look at {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn files_that_come_and_go_meanwhile_fail_no_walk() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("stays"), "word").unwrap();
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let busy = folder.path().join("busy");
                while !ended.load(Ordering::Relaxed) {
                    std::fs::create_dir_all(busy.join("inner")).unwrap();
                    std::fs::write(busy.join("inner/file"), "other").unwrap();
                    std::fs::remove_dir_all(&busy).unwrap();
                }
            });
            for _ in 0..2_000 {
                let found = files_that_hold(folder.path(), &[b"word"]);
                ended.store(found.is_err(), Ordering::Relaxed);
                assert_eq!(found.unwrap(), [folder.path().join("stays")]);
            }
            ended.store(true, Ordering::Relaxed);
        });
    }
}
