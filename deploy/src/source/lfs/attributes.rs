//! Finds the files that attributes assign to Git LFS, by asking git itself.

use futures_util::future::join;
use tokio::{io::AsyncWriteExt, process::Command};

use super::super::{
    Entry, Mode, SourceError, Tree,
    git::unforeseen,
    limits::{COMMAND_DEADLINE, LFS_POINTER_BYTES_END},
    said,
};

const FILE: &str = ".gitattributes";
/// Maximum bytes of one attributes file, and of all in a commit.
const FILE_BYTES_MAX: u64 = 256 << 10;
const FILES_BYTES_MAX: u64 = 4 << 20;
/// Paths per request to git; its answer is kept in memory.
const PATHS_AT_ONCE: usize = 2_000;
const DOING: &str = "read the commit's attributes";

/// The entries that attributes assign to Git LFS and that are small enough for a pointer, as
/// indexes into the listing.
pub(super) async fn led_to_lfs(tree: &Tree, all: &[Entry]) -> Result<Vec<usize>, SourceError> {
    let files: Vec<&Entry> = all.iter().filter(|entry| is_attributes(entry)).collect();
    let small = |at: &usize| {
        let entry = &all[*at];
        is_file(entry) && (1..LFS_POINTER_BYTES_END).contains(&entry.size)
    };
    let small: Vec<usize> = (0..all.len()).filter(small).collect();
    if small.is_empty() || !name_lfs(tree, &files).await? {
        return Ok(Vec::new());
    }
    let paths: Vec<&str> = small.iter().map(|at| all[*at].path.as_str()).collect();
    let filters = tokio::time::timeout(COMMAND_DEADLINE, filters(tree, &files, &paths)).await;
    let filters = filters.map_err(|_| SourceError::Timeout {
        doing: "reading the commit's attributes",
        limit: COMMAND_DEADLINE,
    })??;
    let led = small.into_iter().zip(filters).filter(|(_, lfs)| *lfs);
    Ok(led.map(|(at, _)| at).collect())
}

fn is_file(entry: &Entry) -> bool {
    matches!(entry.mode, Mode::File | Mode::Executable)
}

fn is_attributes(entry: &Entry) -> bool {
    is_file(entry) && entry.path.rsplit('/').next() == Some(FILE)
}

/// Whether git must be asked at all: most attributes only concern line endings.
async fn name_lfs(tree: &Tree, files: &[&Entry]) -> Result<bool, SourceError> {
    let long = files.iter().find(|entry| entry.size > FILE_BYTES_MAX);
    if let Some(Entry { path, size, .. }) = long {
        let why = format!("it has {size} bytes; at most {FILE_BYTES_MAX} are read");
        return Err(SourceError::unfit(path, why));
    }
    if files.iter().map(|entry| entry.size).sum::<u64>() > FILES_BYTES_MAX {
        let why = format!("all files of this name have more than {FILES_BYTES_MAX} bytes");
        return Err(SourceError::unfit(FILE, why));
    }
    let contents = tree.contents(files).await?;
    Ok(contents.iter().any(|text| has(text, b"lfs")))
}

fn has(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part == word)
}

/// For each path, whether its filter is `lfs`. Git reads attributes from an index that contains
/// only the attribute files, because only git 2.40 and newer can read them from a commit.
async fn filters(tree: &Tree, files: &[&Entry], paths: &[&str]) -> Result<Vec<bool>, SourceError> {
    let folder = tempfile::tempdir().map_err(SourceError::io("make a temporary folder"))?;
    let git = |args: &[&str]| {
        let mut command = tree.repository.command(&[]);
        command
            .env("GIT_INDEX_FILE", folder.path().join("index"))
            .args(args);
        command
    };
    let index: String = files
        .iter()
        .map(|entry| format!("100644 {}\t{}\0", entry.id, entry.path))
        .collect();
    answer(git(&["update-index", "-z", "--index-info"]), &index).await?;
    let mut filters = Vec::with_capacity(paths.len());
    for paths in paths.chunks(PATHS_AT_ONCE) {
        let check = ["check-attr", "--cached", "-z", "--stdin", "filter"];
        filters.extend(are_lfs(git(&check), paths).await?);
    }
    Ok(filters)
}

/// Git's answer for some paths.
async fn are_lfs(check: Command, paths: &[&str]) -> Result<Vec<bool>, SourceError> {
    let asked: String = paths.iter().map(|path| format!("{path}\0")).collect();
    let told = answer(check, &asked).await?;
    let told = String::from_utf8_lossy(&told);
    // Path, attribute and value, each terminated by a NUL, in request order.
    let fields: Vec<&str> = told.split_terminator('\0').collect();
    let (triples, rest) = fields.as_chunks::<3>();
    let same = |(triple, path): (&[&str; 3], &&str)| triple[0] == *path;
    if triples.len() != paths.len() || !rest.is_empty() || !triples.iter().zip(paths).all(same) {
        return Err(unforeseen(DOING, "git answered for other paths"));
    }
    Ok(triples
        .iter()
        .map(|[_, _, value]| *value == "lfs")
        .collect())
}

/// Runs a command with an input; writes and reads concurrently.
async fn answer(mut command: Command, input: &str) -> Result<Vec<u8>, SourceError> {
    command.stdin(std::process::Stdio::piped());
    let mut child = command.spawn().map_err(SourceError::io("run git"))?;
    let stdin = child.stdin.take();
    let write = async {
        if let Some(mut stdin) = stdin {
            // A git that exits early reports the reason itself.
            let _gone = stdin.write_all(input.as_bytes()).await;
        }
    };
    let ((), output) = join(write, child.wait_with_output()).await;
    let output = output.map_err(SourceError::io("run git"))?;
    if !output.status.success() {
        let message = said::clean(&String::from_utf8_lossy(&output.stderr), &[]);
        return Err(SourceError::Git {
            doing: DOING,
            message,
        });
    }
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::testing::Bench;

    async fn led(tree: &Tree) -> Vec<String> {
        let all = tree.list().await.unwrap();
        let led = led_to_lfs(tree, &all).await.unwrap();
        led.into_iter().map(|at| all[at].path.clone()).collect()
    }

    #[tokio::test]
    async fn attributes_of_every_folder_count_and_macros_and_exceptions_do() {
        let bench = Bench::new();
        bench
            .put(
                ".gitattributes",
                "*.bin filter=lfs diff=lfs -text\n[attr]big filter=lfs\n*.x big\n",
            )
            .put("sub/.gitattributes", "no.bin -filter\n*.dat filter=lfs\n")
            .put("other/.gitattributes", "*.png filter=other\n");
        for path in [
            "a.bin",
            "sub/no.bin",
            "sub/b.dat",
            "b.dat",
            "sub/c.x",
            "other/d.png",
            "e\nf.bin",
        ] {
            bench.put(path, "x");
        }
        bench
            .put("large.bin", "x".repeat(1024))
            .put("empty.bin", "");
        bench.link("link.bin", "a.bin");
        let wanted = ["a.bin", "e\nf.bin", "sub/b.dat", "sub/c.x"];
        assert_eq!(led(&bench.tree().await).await, wanted);
    }

    #[tokio::test]
    async fn a_commit_without_such_attributes_has_none() {
        let bench = Bench::new();
        assert!(led(&bench.put("a.bin", "x").tree().await).await.is_empty());
        let tree = bench.put(".gitattributes", "* text=auto\n").tree().await;
        assert!(led(&tree).await.is_empty());
        // Attributes in the mirror do not count, and a link is not read as attributes.
        std::fs::remove_file(bench.work().join(".gitattributes")).unwrap();
        bench.put("attributes", "* filter=lfs\n");
        let tree = bench.tree().await;
        let info = tree.repository.dir.join("info");
        std::fs::create_dir_all(&info).unwrap();
        std::fs::write(info.join("attributes"), "* filter=lfs\n").unwrap();
        assert!(led(&tree).await.is_empty());
    }
}
