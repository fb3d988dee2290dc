//! Fetches one commit from a remote into a mirror.

use std::{net::IpAddr, path::Path, process::Stdio};

use futures_util::future::join;
use secrecy::ExposeSecret;

use super::{
    Limits, Remote, SourceError, Tree,
    git::{Repository, last_words},
    hold::Hold,
    leftovers::{is_unfinished, sweep},
    limits::WEIGH_EVERY,
    public::host_and_port,
    said,
};
use crate::names::CommitSha;

/// The ref that keeps a commit. Git writes it last, so its existence means that the commit is
/// complete.
pub(super) fn keeper(commit: &CommitSha) -> String {
    format!("refs/dayfly/{commit}")
}

/// Whether the mirror has the commit. Reads one small file and starts no process.
pub(super) async fn is_there(repository: &Repository, commit: &CommitSha) -> bool {
    let kept = tokio::fs::read_to_string(repository.dir.join(keeper(commit))).await;
    kept.is_ok_and(|text| text.trim_end() == commit.as_str())
}

/// Fetches the commit and checks it against the limits.
pub(super) async fn fetch(tree: &Tree, remote: &Remote, hold: &Hold) -> Result<(), SourceError> {
    let (repository, commit) = (&tree.repository, &tree.commit);
    repository.ensure(commit.as_str().len() == 64).await?;
    sweep(&repository.dir).await;
    let Credentials {
        mut settings,
        secrets,
    } = credentials(remote)?;
    settings.extend(place(remote));
    let mut command = repository.command(&settings);
    command
        .env("GIT_ALLOW_PROTOCOL", remote.allow.protocols())
        // The process inherits the mirror's lock as its standard input, which it never reads.
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
        // Without its keeper the commit counts as absent, so the next caller gets the same error.
        let keeper = repository.dir.join(keeper(commit));
        tokio::fs::remove_file(keeper)
            .await
            .map_err(SourceError::io("remove the ref of the commit"))?;
        return Err(unfit);
    }
    Ok(())
}

/// The credentials for git.
#[derive(Default)]
struct Credentials {
    /// Git settings that contain the token.
    settings: Vec<(String, String)>,
    /// Every form of the token that must not appear in messages.
    secrets: Vec<String>,
}

fn credentials(remote: &Remote) -> Result<Credentials, SourceError> {
    let (Some(token), Some(authorization)) = (&remote.token, remote.authorization()?) else {
        return Ok(Credentials::default());
    };
    let basic = authorization.replace("Basic ", "");
    let header = format!("Authorization: {authorization}");
    let settings = vec![(format!("http.{}.extraHeader", remote.url), header)];
    Ok(Credentials {
        settings,
        secrets: vec![token.expose_secret().to_owned(), basic],
    })
}

/// The setting that pins git to the checked addresses.
fn place(remote: &Remote) -> Option<(String, String)> {
    let (host, port) = host_and_port(&remote.url)?;
    let addresses: Vec<String> = remote.addresses.iter().map(bracketed).collect();
    let place = format!("{host}:{port}:{}", addresses.join(","));
    (!addresses.is_empty()).then(|| ("http.curloptResolve".to_owned(), place))
}

fn bracketed(address: &IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// Watches the size of the incoming pack; returns once it is too large.
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

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, time::Duration};

    use super::*;
    use crate::source::testing::{Bench, canary, mirror, remote, serve};

    #[tokio::test]
    async fn a_commit_is_fetched_once_and_then_found_without_its_remote() {
        let bench = Bench::new();
        let commit = bench.put("a/b", "hello").commit();
        let (one, two) = tokio::join!(bench.fetch(&commit), bench.fetch(&commit));
        assert_eq!(one.unwrap().read("a/b").await.unwrap().unwrap(), "hello");
        assert_eq!(two.unwrap().commit(), &commit);
        let packs = std::fs::read_dir(bench.folder.path().join("mirrors/shop.git/objects/pack"));
        let packs = packs.unwrap().filter(|file| {
            file.as_ref()
                .unwrap()
                .path()
                .extension()
                .is_some_and(|kind| kind == "pack")
        });
        assert_eq!(
            packs.count(),
            1,
            "two callers fetched the same commit twice"
        );
        std::fs::remove_dir_all(bench.work()).unwrap();
        assert!(bench.fetch(&commit).await.is_ok());
        assert!(bench.mirrors.find(&mirror(), &commit).await.is_some());
        bench.mirrors.forget(&mirror()).await.unwrap();
        assert!(bench.mirrors.find(&mirror(), &commit).await.is_none());
        assert!(bench.fetch(&commit).await.is_err());
    }

    #[tokio::test]
    async fn many_commits_of_one_repository_are_fetched_at_once() {
        let bench = Bench::new();
        let commits: Vec<_> = (0..5)
            .map(|n| bench.put("n", format!("{n}")).commit())
            .collect();
        let trees = futures_util::future::join_all(commits.iter().map(|c| bench.fetch(c))).await;
        for (n, tree) in trees.into_iter().enumerate() {
            assert_eq!(
                tree.unwrap().read("n").await.unwrap().unwrap(),
                n.to_string()
            );
        }
    }

    #[tokio::test]
    async fn a_commit_that_the_remote_does_not_have_is_not_there() {
        let bench = Bench::new();
        bench.put("a", "").commit();
        let absent = CommitSha::parse(&"1".repeat(40)).unwrap();
        let answer = bench.fetch(&absent).await.unwrap_err();
        assert!(matches!(answer, SourceError::NotThere { .. }), "{answer}");
    }

    #[tokio::test]
    async fn a_sha256_repository_is_fetched_beside_a_sha1_one() {
        let bench = Bench::new();
        bench.put("a", "one").tree().await;
        std::fs::remove_dir_all(bench.work().join(".git")).unwrap();
        bench.git(&["init", "-q", "--object-format=sha256"]);
        let tree = bench.tree().await;
        assert_eq!(tree.commit().as_str().len(), 64);
        assert_eq!(tree.read("a").await.unwrap().unwrap(), "one");
    }

    #[tokio::test]
    async fn the_token_opens_the_remote_and_is_found_nowhere() {
        let bench = Bench::new();
        let commit = bench.put("a", "hello").commit();
        // x-access-token:s3cret-t0ken
        let basic = "Basic eC1hY2Nlc3MtdG9rZW46czNjcmV0LXQwa2Vu";
        let address = serve(bench.folder.path().to_owned(), basic);
        let mut remote = remote(&format!("{address}/work/.git"));
        let refused = bench.mirrors.fetch(&remote, &commit).await.unwrap_err();
        assert!(matches!(refused, SourceError::Refused(_)), "{refused}");
        remote.token = Some("wr0ng-t0ken".into());
        let refused = bench.mirrors.fetch(&remote, &commit).await.unwrap_err();
        assert!(matches!(refused, SourceError::Refused(_)), "{refused}");
        assert!(!refused.to_string().contains("wr0ng"), "{refused}");
        remote.token = Some("s3cret-t0ken".into());
        let tree = bench.mirrors.fetch(&remote, &commit).await.unwrap();
        assert_eq!(tree.read("a").await.unwrap().unwrap(), "hello");
        let mut files = 0;
        let mut folders = vec![bench.folder.path().join("mirrors")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                files += 1;
                let content = std::fs::read(&path).unwrap();
                let text = String::from_utf8_lossy(&content);
                assert!(
                    !text.contains("s3cret") && !text.contains("eC1hY2"),
                    "{}",
                    path.display()
                );
            }
        }
        assert!(files > 3, "nothing was looked at");
    }

    #[tokio::test]
    async fn a_name_is_not_looked_up_again_where_its_addresses_are_given() {
        let bench = Bench::new();
        let commit = bench.put("a", "hello").commit();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut remote = remote(&format!("https://nowhere.invalid:{port}/work/.git"));
        let lost = bench.mirrors.fetch(&remote, &commit).await.unwrap_err();
        assert!(lost.to_string().contains("resolve host"), "{lost}");
        // The server hangs up on every connection, which gives another message.
        std::thread::spawn(move || listener.accept().map(drop));
        remote.addresses = vec!["127.0.0.1".parse().unwrap()];
        let found = bench.mirrors.fetch(&remote, &commit).await.unwrap_err();
        assert!(matches!(found, SourceError::Unreachable(_)), "{found}");
        assert!(!found.to_string().contains("resolve host"), "{found}");
    }

    #[tokio::test]
    async fn a_remote_that_is_away_can_be_asked_again() {
        let bench = Bench::new();
        let commit = bench.put("a", "").commit();
        let away = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let gone = remote(&format!("http://{away}/a/b.git"));
        let answer = bench.mirrors.fetch(&gone, &commit).await.unwrap_err();
        assert!(matches!(answer, SourceError::Unreachable(_)), "{answer}");
        assert!(bench.fetch(&commit).await.is_ok());
    }

    #[tokio::test]
    async fn a_remote_that_never_answers_ends_with_the_deadline() {
        let limits = Limits {
            deadline: Duration::from_millis(300),
            ..Limits::default()
        };
        let bench = Bench::with_limits(limits);
        let commit = bench.put("a", "").commit();
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/a/b.git", silent.local_addr().unwrap());
        let answer = bench
            .mirrors
            .fetch(&remote(&url), &commit)
            .await
            .unwrap_err();
        assert!(matches!(answer, SourceError::Timeout { .. }), "{answer}");
    }

    #[tokio::test]
    async fn a_commit_over_a_limit_is_refused_each_time() {
        let limits = Limits {
            commit_bytes_max: 1 << 20,
            commit_files_max: 3,
            ..Limits::default()
        };
        let bench = Bench::with_limits(limits);
        let wide = (0..4)
            .fold(&bench, |bench, n| bench.put(&format!("f{n}"), ""))
            .commit();
        bench.git(&["rm", "-q", "-r", "."]);
        // Two megabytes that compress to nothing.
        let heavy = bench.put("zeros", vec![0; 2 << 20]).commit();
        for commit in [&wide, &wide, &heavy, &heavy] {
            let answer = bench.fetch(commit).await.unwrap_err();
            assert!(matches!(answer, SourceError::TooLarge(_)), "{answer}");
        }
        bench.git(&["rm", "-q", "-r", "."]);
        assert!(
            bench
                .put("small", "x")
                .tree()
                .await
                .read("small")
                .await
                .unwrap()
                .is_some()
        );
    }

    #[tokio::test]
    async fn leftovers_of_a_killed_fetch_do_not_stop_the_next() {
        let bench = Bench::new();
        bench.put("a", "1").tree().await;
        let dir = bench.folder.path().join("mirrors/shop.git");
        let commit = bench.put("a", "2").commit();
        let lock = dir.join(format!("{}.lock", keeper(&commit)));
        let pack = dir.join("objects/pack/tmp_pack_x");
        for path in [&dir.join("shallow.lock"), &lock, &pack] {
            std::fs::write(path, "").unwrap();
        }
        assert!(bench.fetch(&commit).await.is_ok());
        assert!(!pack.exists());
        std::fs::write(dir.join(keeper(&commit)), "").unwrap();
        assert!(
            bench.fetch(&commit).await.is_ok(),
            "an empty keeper vouches for nothing"
        );
    }

    #[tokio::test]
    async fn a_mirror_that_another_process_holds_is_waited_for() {
        let limits = Limits {
            deadline: Duration::from_millis(200),
            ..Limits::default()
        };
        let bench = Bench::with_limits(limits);
        let commit = bench.put("a", "").commit();
        let root = bench.folder.path().join("mirrors");
        std::fs::create_dir_all(&root).unwrap();
        let lock = std::fs::File::create(root.join("shop.lock")).unwrap();
        lock.lock().unwrap();
        let answer = bench.fetch(&commit).await.unwrap_err();
        assert!(matches!(answer, SourceError::Timeout { .. }), "{answer}");
        lock.unlock().unwrap();
        let patient = crate::source::Mirrors::new(root);
        assert!(patient.fetch(&bench.remote(), &commit).await.is_ok());
    }

    #[tokio::test]
    async fn names_that_git_keeps_for_itself_are_refused() {
        let bench = Bench::new();
        let blob = bench.blob("evil");
        let evil: [&[u8]; 5] = [b"..", b".git", b".GIT", b"a/b", b"caf\xe9"];
        for name in evil {
            let commit = bench.raw_commit(&[("100644", name, &blob)]);
            let answer = bench.fetch(&commit).await;
            assert!(answer.is_err(), "{}", String::from_utf8_lossy(name));
        }
    }

    #[tokio::test]
    async fn strange_but_harmless_names_come_through() {
        let bench = Bench::new();
        for path in [
            "--upload-pack=x",
            "a\u{202e}b",
            "tab\there",
            "line\nbreak",
            "quote\"\\",
        ] {
            bench.put(path, path);
        }
        let tree = bench.tree().await;
        for entry in tree.list().await.unwrap().iter() {
            assert_eq!(tree.read(&entry.path).await.unwrap().unwrap(), entry.path);
        }
        assert_eq!(tree.list().await.unwrap().len(), 5);
    }

    #[tokio::test]
    async fn nothing_of_a_repository_runs() {
        let bench = Bench::new();
        let canary = canary(bench.folder.path());
        let touched = bench.folder.path().join("touched");
        let hook = format!("#!/bin/sh\ntouch {}\n", touched.display());
        bench
            .put("hooks/post-checkout", &hook)
            .put(".git-hooks/reference-transaction", &hook);
        bench
            .put(".gitattributes", "* filter=evil\n")
            .link("link", canary.to_str().unwrap());
        let tree = bench.tree().await;
        // Hooks in the mirror itself are not run either.
        let hooks: PathBuf = bench.folder.path().join("mirrors/shop.git/hooks");
        std::fs::create_dir_all(&hooks).unwrap();
        for name in ["reference-transaction", "post-index-change", "pre-auto-gc"] {
            use std::os::unix::fs::PermissionsExt;
            std::fs::write(hooks.join(name), &hook).unwrap();
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(hooks.join(name), mode).unwrap();
        }
        let next = bench.put("more", "x").commit();
        bench.fetch(&next).await.unwrap();
        assert!(!touched.exists());
        let answer = tree.read("link").await;
        assert!(
            matches!(answer, Err(SourceError::Unfit { .. })),
            "{answer:?}"
        );
    }
}
