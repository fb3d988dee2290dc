//! Commits with files in other repositories.

use super::lending::Lends;
use crate::{
    names::CommitSha,
    source::{
        Absence, Context, Lack, Transport,
        testing::{Bench, offered, serve},
    },
};

#[tokio::test]
async fn a_submodules_files_are_in_the_context_and_in_its_digest() {
    let (deep, theme, shop) = (Bench::new(), Bench::new(), Bench::new());
    let deepest = deep.put("deepest", "of the deepest").commit();
    theme.put("style.css", "plain").link("link", "style.css");
    let plain = theme.commit_with_submodules(&[("deep", &deep.remote().url, &deepest)]);
    theme.put("style.css", "fancy");
    theme.git(&["add", "style.css"]);
    let fancy = theme.commit_index();
    shop.put("Dockerfile", "").put("page", "of the shop");
    let mut digests = Vec::new();
    for version in [&plain, &fancy] {
        let commit = shop.commit_with_submodules(&[("themes/plain", &theme.remote().url, version)]);
        let tree = shop
            .whole(&commit, Transport::AlsoFile, &Lends::nothing())
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
    let commit = shop.commit_with_submodules(&[("theme", &theme.remote().url, &plain)]);
    for _ in 0..2 {
        let tree = shop
            .whole(&commit, Transport::AlsoFile, &Lends::nothing())
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
    let folder = theme.remote().url;
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
    let commit_of_shop = shop.commit_with_submodules(&listed);
    let tree = shop
        .whole(&commit_of_shop, Transport::HttpsOnly, &Lends::nothing())
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
        let tree = shop
            .whole(commit, Transport::AlsoFile, &Lends::nothing())
            .await;
        let tree = tree.unwrap();
        let [missing] = tree.missing() else {
            panic!("{:?}", tree.missing())
        };
        missing.to_string()
    };
    let commit = shop.commit_with_submodules(&[("theme", &theme.remote().url, &absent)]);
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
    let commit = shop.commit_with_submodules(&[("theme", url, &plain), ("other", &at, &plain)]);
    let lender = |url: &str| Lends {
        url: url.to_owned(),
        at: at.clone(),
        token: "s3cret-t0ken",
    };
    let tree = shop
        .whole(&commit, Transport::HttpsOnly, &lender(url))
        .await
        .unwrap();
    assert_eq!(
        tree.read("theme/style.css").await.unwrap().unwrap(),
        "plain"
    );
    let missing: Vec<&str> = tree.missing().iter().map(|one| one.path.as_str()).collect();
    assert_eq!(missing, ["other"]);
    // After it is unlisted, commits fetched with the token must be inaccessible.
    let tree = shop
        .whole(&commit, Transport::HttpsOnly, &lender(""))
        .await
        .unwrap();
    assert_eq!(tree.missing().len(), 2, "{:?}", tree.missing());
}

#[tokio::test]
async fn a_submodule_in_itself_ends() {
    let (theme, shop) = (Bench::new(), Bench::new());
    let mut last = theme.put("a", "").commit();
    for _ in 0..7 {
        last = theme.commit_with_submodules(&[("in", &theme.remote().url, &last)]);
    }
    shop.put("Dockerfile", "");
    let commit = shop.commit_with_submodules(&[("theme", &theme.remote().url, &last)]);
    let tree = shop
        .whole(&commit, Transport::AlsoFile, &Lends::nothing())
        .await
        .unwrap();
    let [missing] = tree.missing() else {
        panic!("{:?}", tree.missing())
    };
    assert_eq!(missing.path, "theme/in/in/in/in/in");
    let why = "submodules may be nested at most 5 deep".to_owned();
    assert_eq!(missing.lack, Lack::NotFetched(why));
}
