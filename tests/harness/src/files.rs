//! What lies below a folder in which a server is at work.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use nix::{
    errno::Errno,
    unistd::{Whence, lseek},
};

/// How much of a file is looked at at once.
const PIECE_BYTES: usize = 1 << 20;

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
        if unless_gone(holds(&path, words), &path)? == Some(true) {
            found.push(path);
        }
    }
    Ok(found)
}

/// Whether a file holds one of these words. The file of a pool is mostly holes, which hold nothing and
/// would take minutes to read.
fn holds(path: &Path, words: &[&[u8]]) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let mut at = 0;
    loop {
        let data = match lseek(&file, at, Whence::SeekData) {
            Err(Errno::ENXIO) => return Ok(false),
            other => other?,
        };
        let hole = lseek(&file, data, Whence::SeekHole)?;
        file.seek(SeekFrom::Start(data.cast_unsigned()))?;
        let mut part = (&file).take((hole - data).cast_unsigned());
        if holds_part(&mut part, words)? {
            return Ok(true);
        }
        at = hole;
    }
}

fn holds_part(part: &mut impl io::Read, words: &[&[u8]]) -> io::Result<bool> {
    let longest = words.iter().map(|word| word.len()).max().unwrap_or(0);
    let mut seen = Vec::with_capacity(PIECE_BYTES + longest);
    loop {
        let read = part
            .by_ref()
            .take(PIECE_BYTES as u64)
            .read_to_end(&mut seen)?;
        let is_there = |word: &&[u8]| seen.windows(word.len()).any(|window| window == *word);
        if words.iter().any(is_there) {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
        // A word may begin in this piece and end in the next.
        let kept = seen.len().min(longest.saturating_sub(1));
        seen.drain(..seen.len() - kept);
    }
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
    fn a_word_is_found_behind_a_hole_and_across_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sparse");
        let file = File::create(&path).unwrap();
        let (far, across) = (64_u64 << 30, PIECE_BYTES as u64 - 2);
        std::os::unix::fs::FileExt::write_all_at(&file, b"word", far + across).unwrap();
        file.set_len(far * 2).unwrap();
        assert!(holds(&path, &[b"word"]).unwrap());
        assert!(!holds(&path, &[b"sword"]).unwrap());
    }

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
