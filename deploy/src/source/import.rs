//! An uploaded working tree becomes a commit.

use std::process::Stdio;

use futures_util::future::join;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt, BufWriter},
    process::{ChildStdin, ChildStdout},
};

use super::{
    Limits, SourceError, Tree,
    fetch::{keeper, sweep},
    git::{Repository, last_words, replace, unforeseen},
    limits::CHUNK_BYTES,
    listing::weigh,
    mirrors::Hold,
    tape::EPOCH_SECONDS,
    untar::{Member, MemberKind, Untar},
};
use crate::names::CommitSha;

/// Where the commit is until its id is known. Never read.
const INCOMING: &str = "refs/dayfly-incoming";
const DOING: &str = "store the upload";

/// Streams the archive through one `git fast-import`. Author and date are fixed, so that the
/// commit's id depends on the files alone.
pub(super) async fn import(
    repository: Repository,
    limits: Limits,
    _hold: &Hold,
    files: impl AsyncRead + Send,
) -> Result<Tree, SourceError> {
    repository.ensure(false).await?;
    sweep(&repository.dir).await;
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
        // Git went away while it was written to; what it said is the better story.
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
    Ok(Tree::new(repository, commit, limits))
}

/// The commit's id is all that git answers.
async fn answer(stdout: Option<ChildStdout>) -> String {
    let mut answer = String::new();
    if let Some(stdout) = stdout {
        // An answer that cannot be read is no id, which is told where the id is parsed.
        let _length = stdout.take(1024).read_to_string(&mut answer).await;
    }
    answer
}

/// Writes the whole stream. Ends git's input without `done` when the archive is refused, which
/// makes git drop everything.
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
        };
        bytes = bytes.saturating_add(size);
        weigh(count, bytes, &limits)?;
        put(&mut git, announcement(&member, size).as_bytes()).await?;
        match &member.kind {
            MemberKind::Link(target) => put(&mut git, target.as_bytes()).await?,
            MemberKind::File { size, .. } => {
                let mut content = (&mut archive.input).take(*size);
                let copied = tokio::io::copy(&mut content, &mut git).await;
                if copied.map_err(SourceError::io(DOING))? != *size {
                    return Err(SourceError::unfit(
                        "the uploaded archive",
                        "it ends in the middle",
                    ));
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

/// `M <mode> inline "<path>"` and the length of what follows.
fn announcement(member: &Member, size: u64) -> String {
    let mode = match member.kind {
        MemberKind::File {
            executable: false, ..
        } => "100644",
        MemberKind::File {
            executable: true, ..
        } => "100755",
        MemberKind::Link(_) => "120000",
    };
    let path = member
        .path
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("M {mode} inline \"{path}\"\ndata {size}\n")
}
