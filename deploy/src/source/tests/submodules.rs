//! Commits whose files lie partly in other repositories.

use async_trait::async_trait;

use crate::{
    names::CommitSha,
    source::{
        Absence, Context, Home, Lack, Lender, MirrorId, Remote, SourceError, Transport, Tree,
        testing::{Bench, offered, serve},
    },
};

/// Lends for one address.
struct Lends {
    url: String,
    at: String,
    token: &'static str,
}

#[async_trait]
impl Lender for Lends {
    fn lists(&self, url: &str) -> bool {
        url == self.url
    }

    async fn lend(&self, _: &str, mirror: MirrorId) -> Result<Remote, SourceError> {
        Ok(Remote {
            mirror,
            url: self.at.clone(),
            token: Some(self.token.into()),
            allow: Transport::AlsoHttp,
            addresses: Vec::new(),
        })
    }
}

fn nobody() -> Lends {
    Lends {
        url: String::new(),
        at: String::new(),
        token: "none",
    }
}

/// Writes submodules into the index and `.gitmodules`, and commits.
fn commit(bench: &Bench, submodules: &[(&str, &str, &CommitSha)]) -> CommitSha {
    let section = |(path, url, _): &(&str, &str, &CommitSha)| {
        format!("[submodule \"{path}\"]\n\tpath = {path}\n\turl = {url}\n")
    };
    let text: String = submodules.iter().map(section).collect();
    bench.put(".gitmodules", text);
    bench.git(&["add", "-A", "-f"]);
    for (path, _, commit) in submodules {
        let gitlink = format!("160000,{commit},{path}");
        bench.git(&["update-index", "--add", "--cacheinfo", &gitlink]);
    }
    bench.commit_index()
}

fn address(bench: &Bench) -> String {
    format!("file://{}", bench.work().display())
}

async fn whole(
    bench: &Bench,
    commit: &CommitSha,
    allow: Transport,
    lender: &Lends,
) -> Result<Tree, SourceError> {
    let tree = bench.fetch(commit).await?;
    let url = address(bench);
    let home = Home {
        url: &url,
        allow,
        lender,
    };
    bench.mirrors.with_submodules(tree, &home).await
}

#[tokio::test]
async fn a_submodules_files_are_in_the_context_and_in_its_digest() {
    let (deep, theme, shop) = (Bench::new(), Bench::new(), Bench::new());
    let deepest = deep.put("deepest", "of the deepest").commit();
    theme.put("style.css", "plain").link("link", "style.css");
    let plain = commit(&theme, &[("deep", &address(&deep), &deepest)]);
    theme.put("style.css", "fancy");
    theme.git(&["add", "style.css"]);
    let fancy = theme.commit_index();
    shop.put("Dockerfile", "").put("page", "of the shop");
    let mut digests = Vec::new();
    for version in [&plain, &fancy] {
        let commit = commit(&shop, &[("themes/plain", &address(&theme), version)]);
        let tree = whole(&shop, &commit, Transport::AlsoFile, &nobody())
            .await
            .unwrap();
        assert_eq!(tree.missing(), []);
        let read = offered(&tree).await;
        let has = |path: &str, text: &str| read.contains(&(path.to_owned(), text.to_owned()));
        assert!(has("page", "of the shop"), "{read:?}");
        assert!(
            has("themes/plain/deep/deepest", "of the deepest"),
            "{read:?}"
        );
        let style = tree.read("themes/plain/link").await.unwrap().unwrap();
        digests.push((
            Context::of(&tree, "", "Dockerfile").await.unwrap().digest(),
            style,
        ));
    }
    assert_ne!(digests[0].0, digests[1].0);
    assert_eq!(
        (&digests[0].1[..], &digests[1].1[..]),
        (&b"plain"[..], &b"fancy"[..])
    );
}

#[tokio::test]
async fn a_submodule_that_was_fetched_is_not_asked_for_again() {
    let (theme, shop) = (Bench::new(), Bench::new());
    let plain = theme.put("style.css", "plain").commit();
    shop.put("Dockerfile", "");
    let commit = commit(&shop, &[("theme", &address(&theme), &plain)]);
    for _ in 0..2 {
        let tree = whole(&shop, &commit, Transport::AlsoFile, &nobody())
            .await
            .unwrap();
        assert_eq!(
            tree.read("theme/style.css").await.unwrap().unwrap(),
            "plain"
        );
        let _gone = std::fs::remove_dir_all(theme.work());
    }
}

#[tokio::test]
async fn a_submodule_that_is_not_to_be_had_is_named_with_the_reason() {
    let (theme, shop) = (Bench::new(), Bench::new());
    let plain = theme.put("style.css", "plain").commit();
    shop.put("Dockerfile", "").put("site/page", "");
    let folder = address(&theme);
    let submodules = [
        (
            "site/a",
            "https://127.0.0.1/a/b.git",
            &plain,
            "has no public address",
        ),
        (
            "b",
            "https://localhost/a/b.git",
            &plain,
            "has no public address",
        ),
        (
            "c",
            "http://1.1.1.1/a/b.git",
            &plain,
            "only https is allowed here",
        ),
        (
            "d",
            "git@forge.example:a/b.git",
            &plain,
            "only https addresses",
        ),
        ("f", "../../../../../../../../x", &plain, "leaves the forge"),
        ("g", &folder, &plain, "only https addresses"),
    ];
    let listed = submodules.map(|(path, url, commit, _)| (path, url, commit));
    let commit_of_shop = commit(&shop, &listed);
    let tree = whole(&shop, &commit_of_shop, Transport::HttpsOnly, &nobody())
        .await
        .unwrap();
    for (path, _, _, why) in submodules {
        let missing = tree
            .missing()
            .iter()
            .find(|missing| missing.path == path)
            .unwrap();
        assert!(missing.to_string().contains(why), "{missing:?}");
    }
    assert_eq!(tree.missing().len(), submodules.len());
    let context = Context::of(&tree, "site", "Dockerfile").await.unwrap();
    for path in ["/a", "a/style.css"] {
        let absence = context.absence(path).await;
        assert!(
            matches!(&absence, Absence::Missing(one) if one.path == "site/a"),
            "{absence:?}"
        );
    }
    assert_eq!(context.absence("ab").await, Absence::NotCommitted);
}

#[tokio::test]
async fn a_commit_or_an_address_that_is_not_there_is_said_so() {
    let (theme, shop) = (Bench::new(), Bench::new());
    theme.put("style.css", "plain").commit();
    shop.put("Dockerfile", "");
    let absent = CommitSha::parse(&"1".repeat(40)).unwrap();
    let why = async |commit: &CommitSha| {
        let tree = whole(&shop, commit, Transport::AlsoFile, &nobody()).await;
        let tree = tree.unwrap();
        let [missing] = tree.missing() else {
            panic!("{:?}", tree.missing())
        };
        missing.to_string()
    };
    let commit = commit(&shop, &[("theme", &address(&theme), &absent)]);
    let said = why(&commit).await;
    assert!(
        said.starts_with("theme was not fetched: commit 1111111 is not on the remote"),
        "{said}"
    );
    shop.git(&["rm", "-q", "--cached", ".gitmodules"]);
    let said = why(&shop.commit_index()).await;
    assert_eq!(
        said,
        "theme was not fetched: .gitmodules gives no address for it"
    );
}

#[tokio::test]
async fn a_token_opens_the_submodule_that_is_listed_and_no_other() {
    let (theme, shop) = (Bench::new(), Bench::new());
    let plain = theme.put("style.css", "plain").commit();
    // x-access-token:s3cret-t0ken
    let basic = "Basic eC1hY2Nlc3MtdG9rZW46czNjcmV0LXQwa2Vu";
    let at = serve(theme.folder.path().to_owned(), basic) + "/work/.git";
    let url = "https://localhost/acme/theme.git";
    shop.put("Dockerfile", "");
    let commit = commit(&shop, &[("theme", url, &plain), ("other", &at, &plain)]);
    let lender = |url: &str| Lends {
        url: url.to_owned(),
        at: at.clone(),
        token: "s3cret-t0ken",
    };
    let tree = whole(&shop, &commit, Transport::HttpsOnly, &lender(url))
        .await
        .unwrap();
    assert_eq!(
        tree.read("theme/style.css").await.unwrap().unwrap(),
        "plain"
    );
    let missing: Vec<&str> = tree.missing().iter().map(|one| one.path.as_str()).collect();
    assert_eq!(missing, ["other"]);
    // Once it is not listed any more, what was fetched with the token is nobody's.
    let tree = whole(&shop, &commit, Transport::HttpsOnly, &lender(""))
        .await
        .unwrap();
    assert_eq!(tree.missing().len(), 2, "{:?}", tree.missing());
}

#[tokio::test]
async fn a_submodule_in_itself_ends() {
    let (theme, shop) = (Bench::new(), Bench::new());
    let mut last = theme.put("a", "").commit();
    for _ in 0..7 {
        last = commit(&theme, &[("in", &address(&theme), &last)]);
    }
    shop.put("Dockerfile", "");
    let commit = commit(&shop, &[("theme", &address(&theme), &last)]);
    let tree = whole(&shop, &commit, Transport::AlsoFile, &nobody())
        .await
        .unwrap();
    let [missing] = tree.missing() else {
        panic!("{:?}", tree.missing())
    };
    assert_eq!(missing.path, "theme/in/in/in/in/in");
    let why = "submodules may be nested 5 deep".to_owned();
    assert_eq!(missing.lack, Lack::NotFetched(why));
}
