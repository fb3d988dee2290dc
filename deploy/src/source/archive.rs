//! A build context as a stream.

use std::{collections::BTreeSet, sync::Arc};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, future::try_join, stream};
use tokio::sync::mpsc;

use super::{
    Entry, IgnoreRules, Mode, SourceError, Tree,
    blobs::{Answers, Blobs},
    ignore::Matcher,
    limits::{CHUNK_BYTES, IGNORE_BYTES_MAX},
    links::{self, Leads, Links},
    paths,
    tape::{self, Item, Kind},
};

/// Pieces that are ready before the reader takes them; with [`CHUNK_BYTES`] the memory of a
/// stream.
const PIECES_AHEAD: usize = 8;

/// One entry of the context that is about to be written.
enum Part {
    Folder(String),
    Link(String, String, u64),
    File(String, Entry),
}

/// The files of a folder of the tree as a tar archive, without those that the folder's ignore
/// file names. Content decides the time of a file, so that equal files are equal to a builder.
/// At most a few pieces are held in memory. Everything that can be refused is refused before the
/// first piece.
pub async fn context_archive(
    tree: &Tree,
    context: &str,
    dockerfile: &str,
) -> Result<impl Stream<Item = Result<Bytes, SourceError>> + Send + use<>, SourceError> {
    let parts = parts(tree, context, dockerfile).await?;
    let mut blobs = Blobs::open(&tree.repository)?;
    let (pieces, taken) = mpsc::channel(PIECES_AHEAD);
    tokio::spawn(async move {
        let ids = parts.iter().filter_map(|part| match part {
            Part::File(_, entry) => Some(entry.id.as_str()),
            Part::Folder(_) | Part::Link(..) => None,
        });
        let (questions, answers) = blobs.sides();
        let end = try_join(questions.ask(ids), write(&parts, answers, &pieces)).await;
        if let Err(cause) = end {
            // A reader that went away has no use for the reason either.
            let _sent = pieces.send(Err(cause)).await;
        }
    });
    Ok(stream::unfold(taken, async |mut taken| {
        let piece = taken.recv().await?;
        Some((piece, taken))
    }))
}

/// What the context holds, in order, folders before what is in them.
async fn parts(tree: &Tree, context: &str, dockerfile: &str) -> Result<Vec<Part>, SourceError> {
    let all = tree.list().await?;
    let prefix = if context.is_empty() {
        String::new()
    } else {
        format!("{context}/")
    };
    let inside: Vec<(&str, &Entry)> = all
        .iter()
        .filter_map(|entry| Some((entry.path.strip_prefix(&prefix)?, entry)))
        .collect();
    if inside.is_empty() {
        return Err(SourceError::unfit(
            context,
            "no files of the commit are in this folder",
        ));
    }
    let (rules, rules_path) = rules(tree, &prefix, dockerfile).await?;
    let always = [dockerfile, ".dockerignore", rules_path.as_str()];
    let (folders, files) = kept(Arc::new(rules), &inside, &always).await?;
    let links = tree
        .link_targets(files.iter().map(|at| inside[*at].1))
        .await?;
    let targets: Links<'_> = links
        .iter()
        .map(|(entry, target)| (&entry.path[prefix.len()..], target.as_str()))
        .collect();
    for (path, target) in &targets {
        if links::of_link(path, target, &targets) == Leads::Out {
            let why = format!(
                "the link leaves the build context (it leads to {}); remove it or name it in \
                 .dockerignore",
                paths::shown(target)
            );
            return Err(SourceError::unfit(&format!("{prefix}{path}"), why));
        }
    }
    let mut parts: Vec<Part> = folders.into_iter().map(Part::Folder).collect();
    for at in files {
        let (path, entry) = inside[at];
        match targets.get(path) {
            Some(target) => {
                parts.push(Part::Link(
                    path.to_owned(),
                    (*target).to_owned(),
                    nanos(&entry.id),
                ));
            }
            None => parts.push(Part::File(path.to_owned(), entry.clone())),
        }
    }
    Ok(parts)
}

/// The ignore file that counts: the Dockerfile's own, else the folder's.
async fn rules(
    tree: &Tree,
    prefix: &str,
    dockerfile: &str,
) -> Result<(IgnoreRules, String), SourceError> {
    for path in [
        format!("{dockerfile}.dockerignore"),
        ".dockerignore".to_owned(),
    ] {
        let full = format!("{prefix}{path}");
        let Some(entry) = tree.resolve(&full).await? else {
            continue;
        };
        if entry.size > IGNORE_BYTES_MAX {
            return Err(SourceError::unfit(&full, "an ignore file may have 64 KiB"));
        }
        let text = tree.read(&full).await?.unwrap_or_default();
        let rules = IgnoreRules::parse(&String::from_utf8_lossy(&text))
            .map_err(|wrong| SourceError::unfit(&format!("{full}:{}", wrong.line), wrong.why))?;
        return Ok((rules, path));
    }
    Ok((IgnoreRules::default(), ".dockerignore".to_owned()))
}

/// Which folders and which entries are sent. A folder is sent when it is not ignored itself, or
/// something in it is sent. Runs apart, since many patterns on many paths are real work.
async fn kept(
    rules: Arc<IgnoreRules>,
    inside: &[(&str, &Entry)],
    always: &[&str],
) -> Result<(BTreeSet<String>, Vec<usize>), SourceError> {
    let paths: Vec<(String, bool, bool)> = inside
        .iter()
        .map(|(path, entry)| {
            (
                (*path).to_owned(),
                entry.mode == Mode::Submodule,
                always.contains(path),
            )
        })
        .collect();
    let work = move || {
        let mut matcher = Matcher::new(&rules);
        let (mut folders, mut files) = (BTreeSet::new(), Vec::new());
        for (at, (path, submodule, always)) in paths.iter().enumerate() {
            let sent = !submodule && (*always || !matcher.ignores(path)?);
            if sent {
                files.push(at);
            }
            let (mut folder, mut needed) = (paths::folder(path), sent);
            while !folder.is_empty() && !folders.contains(folder) {
                needed = needed || !matcher.ignores(folder)?;
                if needed {
                    folders.insert(folder.to_owned());
                }
                folder = paths::folder(folder);
            }
        }
        Ok((folders, files))
    };
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|cause| Err(SourceError::io("match the ignore file")(cause.into())))
}

async fn write(
    parts: &[Part],
    answers: &mut Answers,
    pieces: &mpsc::Sender<Result<Bytes, SourceError>>,
) -> Result<(), SourceError> {
    let mut buffer = BytesMut::with_capacity(2 * CHUNK_BYTES);
    for part in parts {
        match part {
            Part::Folder(path) => push(&mut buffer, path, Kind::Folder, 0),
            Part::Link(path, target, nanos) => push(&mut buffer, path, Kind::Link(target), *nanos),
            Part::File(path, entry) => {
                let executable = entry.mode == Mode::Executable;
                let kind = Kind::File {
                    size: entry.size,
                    executable,
                };
                push(&mut buffer, path, kind, nanos(&entry.id));
                answers.begin(entry).await?;
                let mut left = entry.size;
                while left > 0 {
                    left = answers.pour(left, &mut buffer).await?;
                    hand_over(&mut buffer, pieces, CHUNK_BYTES).await?;
                }
                answers.end().await?;
                buffer.extend_from_slice(tape::padding(entry.size));
            }
        }
        hand_over(&mut buffer, pieces, CHUNK_BYTES).await?;
    }
    buffer.extend_from_slice(&tape::END);
    hand_over(&mut buffer, pieces, 1).await
}

fn push(buffer: &mut BytesMut, path: &str, kind: Kind<'_>, nanos: u64) {
    buffer.extend_from_slice(&tape::head(&Item { path, kind, nanos }));
}

/// Gives the buffer away once it holds `enough`.
async fn hand_over(
    buffer: &mut BytesMut,
    pieces: &mpsc::Sender<Result<Bytes, SourceError>>,
    enough: usize,
) -> Result<(), SourceError> {
    if buffer.len() < enough {
        return Ok(());
    }
    let gone = |_| SourceError::io("send the context")(std::io::ErrorKind::BrokenPipe.into());
    pieces.send(Ok(buffer.split().freeze())).await.map_err(gone)
}

/// The first 40 bits of a content's id: about 18 minutes of nanoseconds.
fn nanos(id: &str) -> u64 {
    id.get(..10)
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, TryStreamExt};

    use super::*;
    use crate::source::testing::{Bench, canary, unpack};

    async fn archive(tree: &Tree, context: &str) -> Result<Vec<u8>, SourceError> {
        let stream = context_archive(tree, context, "Dockerfile").await?;
        let mut stream = std::pin::pin!(stream);
        let mut bytes = Vec::new();
        while let Some(piece) = stream.try_next().await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    async fn names(bench: &Bench, context: &str) -> Vec<String> {
        let bytes = archive(&bench.tree().await, context).await.unwrap();
        let mut names: Vec<String> = unpack(&bytes).into_iter().map(|(path, _)| path).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn a_context_holds_folders_files_and_links() {
        let bench = Bench::new();
        let long = format!("{}/{}", "d".repeat(90), "é".repeat(60));
        bench
            .put("app/Dockerfile", "FROM scratch")
            .put(&format!("app/{long}"), "long");
        bench
            .put("app/src/main", "main")
            .link("app/src/link", "../Dockerfile")
            .put("other", "");
        let bytes = archive(&bench.tree().await, "app").await.unwrap();
        let seen = unpack(&bytes);
        let has = |path: &str, content: &str| {
            let wanted = (path.to_owned(), content.to_owned());
            assert!(seen.contains(&wanted), "{wanted:?} in {seen:?}");
        };
        has("Dockerfile", "FROM scratch");
        has(&long, "long");
        has("src/", "/");
        has("src/main", "main");
        has("src/link", "-> ../Dockerfile");
        assert_eq!(seen.len(), 6);
    }

    #[tokio::test]
    async fn equal_content_has_equal_times_and_other_content_other_times() {
        let bench = Bench::new();
        bench.put("a", "same").put("b", "same").put("c", "other");
        let bytes = archive(&bench.tree().await, "").await.unwrap();
        let mut tar = tar::Archive::new(bytes.as_slice());
        let mut times = Vec::new();
        for entry in tar.entries().unwrap() {
            let mut entry = entry.unwrap();
            assert_eq!(entry.header().uid().unwrap(), 0);
            assert_eq!(entry.header().mode().unwrap(), 0o644);
            let records = entry.pax_extensions().unwrap().unwrap();
            let time = records
                .map(Result::unwrap)
                .find(|r| r.key() == Ok("mtime"))
                .unwrap();
            times.push(time.value().unwrap().to_owned());
        }
        assert_eq!(times[0], times[1]);
        assert_ne!(times[0], times[2]);
    }

    #[tokio::test]
    async fn ignored_files_stay_out_and_the_dockerfile_stays_in() {
        let bench = Bench::new();
        bench.put(".dockerignore", "*\n!src\nsrc/*.log\n!keep/deep/one\n");
        bench
            .put("Dockerfile", "")
            .put("src/a", "")
            .put("src/b.log", "")
            .put("secret", "");
        bench
            .put("keep/deep/one", "")
            .put("keep/deep/two", "")
            .put("gone/x", "");
        let wanted = [
            ".dockerignore",
            "Dockerfile",
            "keep/",
            "keep/deep/",
            "keep/deep/one",
            "src/",
            "src/a",
        ];
        assert_eq!(names(&bench, "").await, wanted);
    }

    #[tokio::test]
    async fn the_dockerfiles_own_ignore_file_comes_first() {
        let bench = Bench::new();
        bench
            .put("app/Dockerfile.dockerignore", "one")
            .put("app/.dockerignore", "two");
        bench
            .put("app/Dockerfile", "")
            .put("app/one", "")
            .put("app/two", "");
        let wanted = [
            ".dockerignore",
            "Dockerfile",
            "Dockerfile.dockerignore",
            "two",
        ];
        assert_eq!(names(&bench, "app").await, wanted);
    }

    #[tokio::test]
    async fn a_wrong_ignore_file_is_named_with_its_line() {
        let bench = Bench::new();
        let tree = bench
            .put("app/.dockerignore", "a\n[")
            .put("app/Dockerfile", "")
            .tree()
            .await;
        let answer = archive(&tree, "app").await.unwrap_err().to_string();
        assert!(answer.starts_with("app/.dockerignore:2: "), "{answer}");
    }

    #[tokio::test]
    async fn a_link_that_leaves_the_context_is_refused_unless_it_is_ignored() {
        for (target, fine) in [
            ("/etc/passwd", false),
            ("../../x", false),
            ("../other", false),
            ("d/x", true),
            ("..", false),
        ] {
            let bench = Bench::new();
            let tree = bench
                .put("app/Dockerfile", "")
                .link("app/link", target)
                .tree()
                .await;
            let answer = archive(&tree, "app").await;
            assert_eq!(answer.is_ok(), fine, "{target}: {answer:?}");
            if let Err(refused) = answer {
                assert!(
                    refused.to_string().starts_with("app/link: the link leaves"),
                    "{refused}"
                );
                let tree = bench.put("app/.dockerignore", "link").tree().await;
                assert!(archive(&tree, "app").await.is_ok());
            }
        }
    }

    #[tokio::test]
    async fn a_host_file_behind_a_link_is_never_read() {
        let bench = Bench::new();
        let canary = canary(bench.folder.path());
        bench
            .put("Dockerfile", "")
            .link("link", canary.to_str().unwrap());
        let answer = archive(&bench.tree().await, "").await;
        assert!(matches!(answer, Err(SourceError::Unfit { .. })));
    }

    #[tokio::test]
    async fn submodules_are_left_out_and_pointers_of_large_files_stay_pointers() {
        let bench = Bench::new();
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
        bench
            .put(".gitattributes", "*.bin filter=lfs\n")
            .put("a.bin", pointer);
        bench.git(&["add", "-A"]);
        let gitlink = format!("160000,{},module", "2".repeat(40));
        bench.git(&["update-index", "--add", "--cacheinfo", &gitlink]);
        let commit = bench.commit_index();
        let tree = bench.fetch(&commit).await.unwrap();
        let seen = unpack(&archive(&tree, "").await.unwrap());
        assert_eq!(seen.len(), 2);
        assert!(seen.contains(&("a.bin".to_owned(), pointer.to_owned())));
    }

    #[tokio::test]
    async fn a_context_without_files_is_refused() {
        let tree = Bench::new().put("app/x", "").tree().await;
        for context in ["ap", "app/x", "missing"] {
            assert!(archive(&tree, context).await.is_err(), "{context}");
        }
    }

    #[tokio::test]
    async fn a_large_context_comes_in_small_pieces_and_can_be_dropped() {
        let bench = Bench::new();
        let tree = bench
            .put("large", vec![7; 5 << 20])
            .put("small", "x")
            .tree()
            .await;
        let stream = context_archive(&tree, "", "Dockerfile").await.unwrap();
        let mut stream = std::pin::pin!(stream);
        let (mut total, mut largest) = (0, 0);
        while let Some(piece) = stream.next().await {
            let length = piece.unwrap().len();
            (total, largest) = (total + length, largest.max(length));
        }
        assert!(
            total > 5 << 20 && largest <= 3 * CHUNK_BYTES,
            "{total} {largest}"
        );
        let stream = context_archive(&tree, "", "Dockerfile").await.unwrap();
        drop(std::pin::pin!(stream).next().await.unwrap().unwrap());
    }
}
