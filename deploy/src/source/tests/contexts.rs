//! The contents of build contexts, seen as tar archives.

use crate::source::{
    Absence, Context, PartKind, SourceError, Tree,
    tape::{self, Item, Kind},
    testing::{Bench, canary, folder, unpack},
};

async fn archive(tree: &Tree, context: &str) -> Result<Vec<u8>, SourceError> {
    let context = Context::of(tree, context, "Dockerfile").await?;
    let mut contents = context.contents();
    let mut archive = Vec::new();
    for part in context.parts().iter() {
        let (path, nanos) = (part.path.as_str(), part.nanos());
        let head = |kind| tape::head(&Item { path, kind, nanos });
        match &part.kind {
            PartKind::Folder => archive.extend(folder(path)),
            PartKind::Link { target, .. } => archive.extend(head(Kind::Link(target))),
            PartKind::File {
                size, executable, ..
            } => {
                archive.extend(head(Kind::File {
                    size: *size,
                    executable: *executable,
                }));
                contents.begin(&part.kind).await?;
                while let Some(piece) = contents.piece().await? {
                    archive.extend_from_slice(&piece);
                }
                archive.extend_from_slice(tape::padding(*size));
            }
        }
    }
    archive.extend_from_slice(&tape::END);
    Ok(archive)
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
async fn ignored_files_stay_out() {
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
    let wanted = ["keep/", "keep/deep/", "keep/deep/one", "src/", "src/a"];
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
async fn the_ignore_file_that_counts_is_the_one_that_keeps_a_file_out() {
    let bench = Bench::new();
    bench
        .put("app/web.Dockerfile.dockerignore", "one")
        .put("app/.dockerignore", "two");
    for path in ["app/web.Dockerfile", "app/Dockerfile", "app/one", "app/two"] {
        bench.put(path, "");
    }
    let tree = bench.tree().await;
    for (dockerfile, path, by) in [
        (
            "web.Dockerfile",
            "one",
            Some("app/web.Dockerfile.dockerignore"),
        ),
        ("web.Dockerfile", "two", None),
        ("web.Dockerfile", "nothing", None),
        ("Dockerfile", "two", Some("app/.dockerignore")),
        ("Dockerfile", "one", None),
    ] {
        let context = Context::of(&tree, "app", dockerfile).await.unwrap();
        let wanted = by.map_or(Absence::NotCommitted, |by| Absence::Ignored {
            by: by.into(),
        });
        assert_eq!(context.absence(path).await, wanted, "{dockerfile} {path}");
    }
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
async fn a_link_is_offered_as_a_link_wherever_it_leads() {
    let bench = Bench::new();
    let canary = canary(bench.folder.path());
    let targets = [canary.to_str().unwrap(), "../../x", "../other", "nowhere"];
    let targets = [&targets[..], &["..", "/", "self"]].concat();
    bench.put("app/Dockerfile", "");
    for (at, target) in targets.iter().enumerate() {
        bench.link(&format!("app/link{at}"), target);
    }
    bench.link("app/self", "self");
    let seen = unpack(&archive(&bench.tree().await, "app").await.unwrap());
    for (at, target) in targets.iter().enumerate() {
        let wanted = (format!("link{at}"), format!("-> {target}"));
        assert!(seen.contains(&wanted), "{wanted:?} in {seen:?}");
    }
    assert_eq!(seen.len(), targets.len() + 2);
}

#[tokio::test]
async fn a_link_that_leads_elsewhere_is_another_context() {
    let digest = async |target| {
        let bench = Bench::new();
        bench.put("Dockerfile", "").link("link", target);
        let context = Context::of(&bench.tree().await, "", "Dockerfile").await;
        context.unwrap().digest()
    };
    assert_ne!(digest("/srv/a").await, digest("/srv/b").await);
}

/// The files that a builder reads before the context.
async fn recipe(bench: &Bench, dockerfile: &str) -> Result<Vec<(String, String)>, SourceError> {
    let context = Context::of(&bench.tree().await, "app", dockerfile).await?;
    let mut contents = context.contents();
    let mut read = Vec::new();
    for part in context.recipe().iter() {
        let mut text = Vec::new();
        contents.begin(&part.kind).await?;
        while let Some(piece) = contents.piece().await? {
            text.extend_from_slice(&piece);
        }
        read.push((part.path.clone(), String::from_utf8(text).unwrap()));
    }
    Ok(read)
}

#[tokio::test]
async fn the_dockerfile_is_read_apart_from_the_context_that_leaves_it_out() {
    let bench = Bench::new();
    bench
        .put("app/docker/web", "FROM scratch")
        .put("app/docker/web.dockerignore", "*\n!x.txt\n")
        .put("app/.dockerignore", "x.txt")
        .put("app/x.txt", "");
    let wanted = [
        ("docker", ""),
        ("docker/web", "FROM scratch"),
        ("docker/web.dockerignore", "*\n!x.txt\n"),
    ];
    let wanted = wanted.map(|(path, text)| (path.to_owned(), text.to_owned()));
    assert_eq!(recipe(&bench, "docker/web").await.unwrap(), wanted);
    let context = Context::of(&bench.tree().await, "app", "docker/web").await;
    let context = context.unwrap();
    let paths: Vec<_> = context.parts().iter().map(|part| &*part.path).collect();
    assert_eq!(paths, ["x.txt"]);
}

#[tokio::test]
async fn a_dockerfile_and_an_ignore_file_are_followed_inside_the_commit_alone() {
    let bench = Bench::new();
    let canary = canary(bench.folder.path());
    bench
        .put("shared/Dockerfile", "FROM shared")
        .put("shared/ignore", "secret")
        .put("app/secret", "")
        .link("app/Dockerfile", "../shared/Dockerfile")
        .link("app/.dockerignore", "../shared/ignore");
    let read = recipe(&bench, "Dockerfile").await.unwrap();
    assert_eq!(read, [("Dockerfile".to_owned(), "FROM shared".to_owned())]);
    assert_eq!(names(&bench, "app").await, [".dockerignore", "Dockerfile"]);
    for (file, target, why) in [
        (
            "app/Dockerfile",
            "../../up",
            "the link leaves the repository",
        ),
        ("app/.dockerignore", "nowhere", "the link leads to no file"),
        (
            "app/.dockerignore",
            canary.to_str().unwrap(),
            "the link leaves the repository",
        ),
    ] {
        std::fs::remove_file(bench.work().join(file)).unwrap();
        bench.link(file, target);
        let refused = recipe(&bench, "Dockerfile").await.unwrap_err();
        assert_eq!(refused.to_string(), format!("{file}: {why}"));
        std::fs::remove_file(bench.work().join("app/Dockerfile")).unwrap();
        bench.put("app/Dockerfile", "FROM fine");
    }
}

#[tokio::test]
async fn submodules_are_left_out_and_what_is_no_pointer_stays_as_it_is() {
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
