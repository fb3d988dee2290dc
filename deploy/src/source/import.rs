//! Turns an uploaded working tree into a commit.

use std::process::Stdio;

use futures_util::future::join;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt, BufWriter},
    process::{ChildStdin, ChildStdout},
};

use super::{
    Limits, SourceError, Tree,
    fetch::keeper,
    git::{Repository, last_words, replace, unforeseen},
    hold::Hold,
    leftovers::sweep,
    limits::CHUNK_BYTES,
    listing::weigh,
    tape::EPOCH_SECONDS,
    untar::{Member, MemberKind, Untar},
};
use crate::names::CommitSha;

/// The ref of the commit until its id is known. Never read.
const INCOMING: &str = "refs/dayfly-incoming";
const DOING: &str = "store the upload";
/// Stands for the commit of a submodule whose files were not sent. Its value has no meaning, and it
/// is never fetched.
const ABSENT: &str = "1111111111111111111111111111111111111111";

/// Streams the archive into one `git fast-import`. Author and date are fixed, so the commit's id
/// depends only on the files.
pub(super) async fn import(
    repository: Repository,
    limits: Limits,
    _hold: &Hold,
    files: impl AsyncRead + Send,
) -> Result<Tree, SourceError> {
    repository.ensure(false).await?;
    sweep(&repository.dir).await;
    let commit = take(&repository, limits, files).await;
    if commit.is_err() {
        // Git writes a crash report if it does not finish.
        sweep(&repository.dir).await;
    }
    Ok(Tree::new(repository, commit?, limits))
}

async fn take(
    repository: &Repository,
    limits: Limits,
    files: impl AsyncRead + Send,
) -> Result<CommitSha, SourceError> {
    let mut command = repository.command(&[]);
    command
        .args([
            "fast-import",
            "--quiet",
            "--done",
            "--force",
            "--date-format=raw",
        ])
        .stdin(Stdio::piped());
    let mut child = command.spawn().map_err(SourceError::io("run git"))?;
    let (Some(input), stdout) = (child.stdin.take(), child.stdout.take()) else {
        return Err(unforeseen(DOING, "git has no pipes"));
    };
    let stderr = child.stderr.take();
    let writing = write(files, BufWriter::with_capacity(CHUNK_BYTES, input), limits);
    let listening = join(answer(stdout), last_words(stderr));
    let (written, (answer, said)) = join(writing, listening).await;
    let status = child.wait().await.map_err(SourceError::io("run git"))?;
    let _removed = tokio::fs::remove_file(repository.dir.join(INCOMING)).await;
    match written {
        // Git exited while its input was written; its own message explains more.
        Err(SourceError::Io { .. }) if !status.success() && said.contains("fatal:") => {
            return Err(unforeseen(DOING, &said));
        }
        other => other?,
    }
    if !status.success() {
        return Err(unforeseen(DOING, &said));
    }
    let commit = CommitSha::parse(answer.trim_end()).map_err(|_| unforeseen(DOING, &answer))?;
    let kept = repository.dir.join(keeper(&commit));
    replace(&kept, &format!("{commit}\n"))
        .await
        .map_err(SourceError::io("keep the upload"))?;
    Ok(commit)
}

/// Git's answer: only the commit's id.
async fn answer(stdout: Option<ChildStdout>) -> String {
    let mut answer = String::new();
    if let Some(stdout) = stdout {
        // Parsing the id reports an unreadable answer.
        let _length = stdout.take(1024).read_to_string(&mut answer).await;
    }
    answer
}

/// Writes the whole stream. If the archive is refused, git's input ends without `done`, and git
/// discards everything.
async fn write(
    files: impl AsyncRead + Send,
    mut git: BufWriter<ChildStdin>,
    limits: Limits,
) -> Result<(), SourceError> {
    let mut archive = Untar {
        input: std::pin::pin!(files),
    };
    let begin = format!(
        "commit {INCOMING}\nmark :1\ncommitter Dayfly <dayfly@localhost> {EPOCH_SECONDS} +0000\n\
         data 12\nworking tree\n"
    );
    put(&mut git, begin.as_bytes()).await?;
    let (mut count, mut bytes) = (0, 0_u64);
    while let Some(member) = archive.next().await? {
        count += 1;
        let size = match &member.kind {
            MemberKind::File { size, .. } => *size,
            MemberKind::Link(target) => target.len() as u64,
            MemberKind::Submodule => 0,
        };
        bytes = bytes.saturating_add(size);
        weigh(count, bytes, &limits)?;
        put(&mut git, announcement(&member, size).as_bytes()).await?;
        match &member.kind {
            MemberKind::Link(target) => put(&mut git, target.as_bytes()).await?,
            // A submodule has no content, and an empty line would end the commit.
            MemberKind::Submodule => continue,
            MemberKind::File { size, .. } => {
                let mut content = (&mut archive.input).take(*size);
                let copied = tokio::io::copy(&mut content, &mut git).await;
                if copied.map_err(SourceError::io(DOING))? != *size {
                    return Err(SourceError::unfit("the uploaded archive", "it is cut off"));
                }
                archive.pad(*size).await?;
            }
        }
        put(&mut git, b"\n").await?;
    }
    if count == 0 {
        return Err(SourceError::unfit(
            "the uploaded archive",
            "it has no files",
        ));
    }
    put(&mut git, b"get-mark :1\ndone\n").await?;
    git.flush().await.map_err(SourceError::io(DOING))
}

async fn put(git: &mut BufWriter<ChildStdin>, bytes: &[u8]) -> Result<(), SourceError> {
    git.write_all(bytes).await.map_err(SourceError::io(DOING))
}

/// `M <mode> inline "<path>"` and the length of the content; a submodule has no content.
fn announcement(member: &Member, size: u64) -> String {
    let mode = match member.kind {
        MemberKind::File {
            executable: false, ..
        } => "100644",
        MemberKind::File {
            executable: true, ..
        } => "100755",
        MemberKind::Link(_) => "120000",
        MemberKind::Submodule => "160000",
    };
    let path = member
        .path
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    match member.kind {
        MemberKind::Submodule => format!("M {mode} {ABSENT} \"{path}\"\n"),
        _ => format!("M {mode} inline \"{path}\"\ndata {size}\n"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::source::{
        Mode,
        tape::{self, Item, Kind},
        testing::{Bench, add, archive, folder, mirror},
    };

    async fn import(bench: &Bench, archive: &[u8]) -> Result<Tree, SourceError> {
        bench.mirrors.import(&mirror(), archive).await
    }

    #[tokio::test]
    async fn an_upload_becomes_a_commit_with_its_modes() {
        let bench = Bench::new();
        let mut bytes = folder("d");
        add(&mut bytes, "d/run", "#!");
        add(&mut bytes, "line\nbreak \"quoted\" \\", "x");
        add(&mut bytes, &format!("{}x", "long/".repeat(40)), "deep");
        bytes.extend(tape::head(&Item {
            path: "link",
            kind: Kind::Link("d/run"),
            nanos: 0,
        }));
        bytes.extend_from_slice(&tape::END);
        let tree = import(&bench, &bytes).await.unwrap();
        let list = tree.list().await.unwrap();
        let modes: Vec<_> = list.iter().map(|e| (e.path.as_str(), e.mode)).collect();
        let long = format!("{}x", "long/".repeat(40));
        let wanted = [
            ("d/run", Mode::Executable),
            ("line\nbreak \"quoted\" \\", Mode::File),
            ("link", Mode::Link),
            (long.as_str(), Mode::File),
        ];
        assert_eq!(modes, wanted);
        assert_eq!(tree.read("link").await.unwrap().unwrap(), "#!");
        assert_eq!(tree.read(&long).await.unwrap().unwrap(), "deep");
        assert!(bench.mirrors.find(&mirror(), tree.commit()).await.is_some());
    }

    #[tokio::test]
    async fn a_path_that_leaves_the_tree_or_reaches_git_is_refused() {
        let bench = Bench::new();
        for evil in [
            "../x",
            "/etc/x",
            "a/../../x",
            ".git/config",
            ".GIT/hooks/x",
            "a/.git",
            "git~1/x",
            ".git./x",
            ".g\u{200c}it/x",
            "a//b",
        ] {
            let answer = import(&bench, &archive(&[("fine", ""), (evil, "evil")])).await;
            assert!(
                matches!(answer, Err(SourceError::Unfit { .. })),
                "{evil}: {answer:?}"
            );
        }
    }

    #[tokio::test]
    async fn devices_hard_links_and_broken_archives_are_refused() {
        let bench = Bench::new();
        for kind in [
            tar::EntryType::Char,
            tar::EntryType::Fifo,
            tar::EntryType::Link,
        ] {
            let mut header = tar::Header::new_ustar();
            header.set_path("x").unwrap();
            header.set_entry_type(kind);
            header.set_size(0);
            header.set_link_name("/etc/passwd").unwrap();
            header.set_cksum();
            let bytes = [header.as_bytes().as_slice(), &tape::END].concat();
            let answer = import(&bench, &bytes).await;
            assert!(
                matches!(answer, Err(SourceError::Unfit { .. })),
                "{kind:?}: {answer:?}"
            );
        }
        let whole = archive(&[("a", "content"), ("b", "more")]);
        let end = whole.len() - tape::END.len();
        for length in [0, 100, 512, 515, 1024, 1030, end, end + 1] {
            let answer = import(&bench, &whole[..length]).await;
            assert!(
                matches!(answer, Err(SourceError::Unfit { .. })),
                "{length}: {answer:?}"
            );
        }
        let mut flipped = whole.clone();
        flipped[0] = b'z';
        assert!(import(&bench, &flipped).await.is_err());
        assert!(import(&bench, &tape::END).await.is_err());
        assert!(import(&bench, &whole).await.is_ok());
    }

    #[tokio::test]
    async fn an_upload_over_a_limit_is_refused_before_it_is_read() {
        let limits = Limits {
            commit_bytes_max: 1000,
            commit_files_max: 2,
            ..Limits::default()
        };
        let bench = Bench::with_limits(limits);
        let wide = archive(&[("a", ""), ("b", ""), ("c", "")]);
        let heavy = tape::head(&Item {
            path: "huge",
            kind: Kind::File {
                size: 1 << 40,
                executable: false,
            },
            nanos: 0,
        });
        for bytes in [wide, heavy] {
            let answer = import(&bench, &bytes).await;
            assert!(
                matches!(answer, Err(SourceError::TooLarge(_))),
                "{answer:?}"
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn the_same_files_in_any_order_give_the_same_commit(
            files in prop::collection::btree_map("[a-c]{1,2}/[a-zé -]{1,8}x", "[a-z\n]{0,40}", 1..6),
            other in "[a-z]{1,10}",
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let bench = Bench::new();
                let mut list: Vec<(&str, &str)> =
                    files.iter().map(|(path, content)| (path.as_str(), content.as_str())).collect();
                let forth = import(&bench, &archive(&list)).await.unwrap();
                list.reverse();
                let back = import(&bench, &archive(&list)).await.unwrap();
                assert_eq!(forth.commit(), back.commit());
                for (path, content) in &files {
                    assert_eq!(forth.read(path).await.unwrap().unwrap(), content.as_bytes());
                }
                list.push(("new", &other));
                let more = import(&bench, &archive(&list)).await.unwrap();
                assert_ne!(forth.commit(), more.commit());
            });
        }
    }
}
