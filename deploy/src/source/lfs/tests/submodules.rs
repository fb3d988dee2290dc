//! Git LFS files of a commit and of its submodules.

use std::time::Duration;

use super::super::testing::{BASIC, Forge, bench, fine, oid, place, places, pointer, whys};
use crate::source::{
    Home, Limits, MissingKind, SourceError, Transport, Tree, testing::Bench, tests::lending::Lends,
};

const THEME: &str = "https://forge.example/acme/theme.git";

/// A shop with a theme as a submodule, and the objects that the forge has.
async fn filled(shop: &Bench, theme: &Bench, forge: &Forge) -> Result<Tree, SourceError> {
    let theme_commit = theme.commit();
    let commit = shop.commit_with_submodules(&[("theme", THEME, &theme_commit)]);
    let lends = |at: String| Lends {
        url: THEME.to_owned(),
        at,
        token: "s3cret-t0ken",
    };
    // The forge only has objects; the commits were fetched from elsewhere before.
    let from_disk = lends(theme.remote().url);
    shop.whole(&commit, Transport::HttpsOnly, &from_disk)
        .await?;
    let home = Home {
        remote: &forge.remote(),
        allow: Transport::HttpsOnly,
        lender: &lends(format!("{}/acme/theme.git", forge.address)),
    };
    let tree = shop.fetch(&commit).await?;
    shop.mirrors.with_submodules(tree, &home).await
}

fn shop(limits: Limits) -> Bench {
    let shop = Bench::with_limits(limits);
    shop.put(".gitattributes", "*.bin filter=lfs\n")
        .put("Dockerfile", "");
    shop
}

#[tokio::test]
async fn each_comes_from_its_own_repository_and_from_no_other() {
    let (shop, theme) = (shop(Limits::default()), bench());
    shop.put("a.bin", pointer("one"))
        .put("b.txt", pointer("one"));
    theme
        .put("a.bin", pointer("two"))
        .put("b.txt", pointer("two"));
    let forge = Forge::with(&["one", "two"]);
    let tree = filled(&shop, &theme, &forge).await.unwrap();
    assert_eq!(tree.missing(), []);
    for (path, text) in [
        ("a.bin", "one".to_owned()),
        ("b.txt", pointer("one")),
        ("theme/a.bin", "two".to_owned()),
        ("theme/b.txt", pointer("two")),
    ] {
        assert_eq!(tree.read(path).await.unwrap().unwrap(), text, "{path}");
    }
    let heard = forge.heard();
    let asked = |name: &str| {
        let target = format!("/acme/{name}.git/info/lfs/objects/batch");
        let of: Vec<_> = heard.iter().filter(|one| one.target == target).collect();
        let [one] = of[..] else { panic!("{heard:?}") };
        assert_eq!(one.header("authorization"), Some(BASIC), "{one:?}");
        String::from_utf8(one.body.clone()).unwrap()
    };
    let (of_shop, of_theme) = (asked("shop"), asked("theme"));
    assert!(of_shop.contains(&oid("one")) && !of_shop.contains(&oid("two")));
    assert!(of_theme.contains(&oid("two")) && !of_theme.contains(&oid("one")));
}

#[tokio::test]
async fn one_limit_holds_for_all_of_them_before_any_is_asked_for() {
    let limits = Limits {
        lfs_bytes_max: 10,
        ..Limits::default()
    };
    let (shop, theme) = (shop(limits), bench());
    shop.put("z.bin", pointer("12345"));
    theme
        .put("a.bin", pointer("123456"))
        .put("b.bin", pointer("54321"))
        .put("plain", "of the theme");
    let forge = Forge::with(&["12345", "123456", "54321"]);
    let tree = filled(&shop, &theme, &forge).await.unwrap();
    let [("theme/a.bin", why)] = whys(&tree)[..] else {
        panic!("{:?}", tree.missing())
    };
    assert!(why.contains("`limits.lfs_mib_max`"), "{why}");
    let read = async |path: &str| tree.read(path).await.unwrap().unwrap();
    assert_eq!(read("z.bin").await, "12345");
    assert_eq!(read("theme/b.bin").await, "54321");
    assert_eq!(read("theme/plain").await, "of the theme");
    for one in forge.heard() {
        let body = String::from_utf8(one.body).unwrap();
        let asked = format!("{}{body}", one.target);
        assert!(!asked.contains(&oid("123456")), "{asked}");
    }
}

/// Answers the batch request for the object `slow`, but never sends it.
fn slow() -> Forge {
    Forge::answering(|own, heard| {
        if heard.method != "POST" {
            loop {
                std::thread::park();
            }
        }
        let asked = String::from_utf8_lossy(&heard.body);
        match asked.contains(&oid("slow")) {
            true => places(&[place("slow", &format!("{own}/slow"))]),
            false => fine(r#"{"objects":[]}"#),
        }
    })
}

#[tokio::test]
async fn files_that_are_late_are_named_and_their_submodule_is_there() {
    let limits = Limits {
        lfs_deadline: Duration::from_millis(300),
        ..Limits::default()
    };
    let (shop, theme) = (shop(limits), bench());
    theme
        .put("slow.bin", pointer("slow"))
        .put("style.css", "of the theme");
    let tree = filled(&shop, &theme, &slow()).await.unwrap();
    let [("theme/slow.bin", why)] = whys(&tree)[..] else {
        panic!("{:?}", tree.missing())
    };
    assert!(why.contains("took longer than"), "{why}");
    assert_eq!(tree.missing()[0].kind, MissingKind::LfsFile);
    let style = tree.read("theme/style.css").await.unwrap().unwrap();
    assert_eq!(style, "of the theme");
    // The commit's own files are requested again.
    shop.put("slow.bin", pointer("slow"));
    let late = filled(&shop, &theme, &slow()).await.unwrap_err();
    assert!(matches!(late, SourceError::Timeout { .. }), "{late}");
}

#[tokio::test]
async fn a_forge_that_lends_and_is_away_is_asked_again() {
    let (shop, theme) = (shop(Limits::default()), bench());
    theme.put("a.bin", pointer("one"));
    let away = Forge::answering(|_, _| ("503 busy".to_owned(), String::new()));
    let error = filled(&shop, &theme, &away).await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable(_)), "{error}");
}
