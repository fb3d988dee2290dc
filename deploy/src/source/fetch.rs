//! One commit from a remote into a mirror.

use std::{path::Path, process::Stdio};

use base64::Engine as _;
use futures_util::future::join;
use secrecy::ExposeSecret;

use super::{
    Limits, Remote, SourceError, Tree,
    git::{Repository, last_words},
    limits::WEIGH_EVERY,
    mirrors::Hold,
    said,
};
use crate::names::CommitSha;

/// The ref that keeps a commit, and whose presence says that all of it is there: git writes it
/// after everything else.
pub(super) fn keeper(commit: &CommitSha) -> String {
    format!("refs/dayfly/{commit}")
}

/// Whether the mirror has the commit. One small file is read and no process is started.
pub(super) async fn is_there(repository: &Repository, commit: &CommitSha) -> bool {
    let kept = tokio::fs::read_to_string(repository.dir.join(keeper(commit))).await;
    kept.is_ok_and(|text| text.trim_end() == commit.as_str())
}

/// Fetches the commit and holds it to the limits.
pub(super) async fn fetch(tree: &Tree, remote: &Remote, hold: &Hold) -> Result<(), SourceError> {
    let (repository, commit) = (&tree.repository, &tree.commit);
    repository.ensure(commit.as_str().len() == 64).await?;
    sweep(&repository.dir).await;
    let (settings, secrets) = credentials(remote)?;
    let mut command = repository.command(&settings);
    command
        .env("GIT_ALLOW_PROTOCOL", remote.allow.protocols())
        // The process inherits the mirror's lock in the place of its input, which it never reads.
        .stdin(Stdio::from(hold.share()?))
        .stdout(Stdio::null())
        .args([
            "fetch",
            "--quiet",
            "--depth=1",
            "--no-tags",
            "--no-write-fetch-head",
        ])
        .args([
            "--no-auto-maintenance",
            "--no-recurse-submodules",
            "--force",
            "--",
        ])
        .arg(&remote.url)
        .arg(format!("{commit}:{}", keeper(commit)));
    let mut child = command.spawn().map_err(SourceError::io("run git"))?;
    let stderr = child.stderr.take();
    let (status, said) = tokio::select! {
        ended = join(child.wait(), last_words(stderr)) => ended,
        heavy = weigh(&repository.dir, &tree.limits) => return Err(heavy),
    };
    let status = status.map_err(SourceError::io("run git"))?;
    if !status.success() {
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        return Err(said::explain(&said, commit, &secrets));
    }
    if let Err(unfit) = tree.list().await {
        // Without its keeper the commit counts as absent, so the next caller is told the same.
        let keeper = repository.dir.join(keeper(commit));
        tokio::fs::remove_file(keeper)
            .await
            .map_err(SourceError::io("let go of the commit"))?;
        return Err(unfit);
    }
    Ok(())
}

/// The settings that carry the token, and every form of it that must not be repeated.
fn credentials(remote: &Remote) -> Result<(Vec<(String, String)>, Vec<String>), SourceError> {
    let Some(token) = &remote.token else {
        return Ok((Vec::new(), Vec::new()));
    };
    let token = token.expose_secret();
    if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(SourceError::Refused(
            "the token is empty or has a space in it".to_owned(),
        ));
    }
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("x-access-token:{token}"));
    let header = format!("Authorization: Basic {basic}");
    let settings = vec![(format!("http.{}.extraHeader", remote.url), header)];
    Ok((settings, vec![token.to_owned(), basic]))
}

/// Looks at the pack that is being received until it is too heavy.
async fn weigh(dir: &Path, limits: &Limits) -> SourceError {
    let mut tick = tokio::time::interval(WEIGH_EVERY);
    tick.tick().await;
    loop {
        tick.tick().await;
        let bytes = incoming_bytes(&dir.join("objects/pack")).await;
        if bytes > limits.commit_bytes_max {
            let most = limits.commit_bytes_max >> 20;
            return SourceError::TooLarge(format!("the remote sent more than {most} MiB"));
        }
    }
}

async fn incoming_bytes(packs: &Path) -> u64 {
    let mut bytes = 0;
    let Ok(mut folder) = tokio::fs::read_dir(packs).await else {
        return bytes;
    };
    while let Ok(Some(file)) = folder.next_entry().await {
        if is_unfinished(&file.file_name()) {
            bytes += file.metadata().await.map_or(0, |data| data.len());
        }
    }
    bytes
}

fn is_unfinished(name: &std::ffi::OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"tmp_")
}

/// Removes what a git process that was killed left behind. The caller holds the mirror, and so
/// would such a process if it still ran. What cannot be removed is git's to complain about.
pub(super) async fn sweep(dir: &Path) {
    let leftover = |name: &std::ffi::OsStr| {
        let name = name.as_encoded_bytes();
        name.ends_with(b".lock") || name.starts_with(b"fast_import_crash_")
    };
    remove_matching(dir, &leftover).await;
    remove_matching(&dir.join("refs/dayfly"), &leftover).await;
    remove_matching(&dir.join("objects/pack"), &|name| is_unfinished(name)).await;
}

async fn remove_matching(folder: &Path, test: &(impl Fn(&std::ffi::OsStr) -> bool + Sync)) {
    let Ok(mut entries) = tokio::fs::read_dir(folder).await else {
        return;
    };
    while let Ok(Some(entry)) = entries.next_entry().await {
        if test(&entry.file_name()) {
            let removed = tokio::fs::remove_file(entry.path()).await;
            if let Err(cause) = removed {
                tracing::warn!(path = %entry.path().display(), %cause, "a leftover stays");
            }
        }
    }
}
