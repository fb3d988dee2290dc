//! Which files of a commit have their content.

use super::super::testing::{Forge, bench, pointer, whys};
use crate::source::{
    Limits, MirrorId, Mode, Remote,
    testing::{Bench, offered},
};

#[tokio::test]
async fn files_over_the_limit_are_named_and_the_others_are_there() {
    let bench = Bench::with_limits(Limits {
        lfs_bytes_max: 10,
        ..Limits::default()
    });
    bench
        .put(".gitattributes", "*.bin filter=lfs\n")
        .put("Dockerfile", "");
    bench
        .put("a.bin", pointer("12345"))
        .put("b.bin", pointer("123456"));
    bench.put("c.bin", pointer("12345"));
    let forge = Forge::with(&["12345", "123456"]);
    let tree = forge.fill(&bench, bench.tree().await).await.unwrap();
    let [("b.bin", why)] = whys(&tree)[..] else {
        panic!("{:?}", tree.missing())
    };
    assert!(why.contains("`limits.lfs_mib_max`"), "{why}");
    assert_eq!(tree.read("c.bin").await.unwrap().unwrap(), "12345");
}

#[tokio::test]
async fn an_object_of_one_repository_is_not_there_for_another() {
    let (mine, other) = (bench(), bench());
    let forge = Forge::with(&["secret"]);
    let tree = mine.put("a.bin", pointer("secret")).tree().await;
    forge.fill(&mine, tree).await.unwrap();
    // The same mirrors, but another repository that names the digest.
    let commit = other.put("a.bin", pointer("secret")).commit();
    let elsewhere = Remote {
        mirror: MirrorId::parse("other").unwrap(),
        ..other.remote()
    };
    let tree = mine.mirrors.fetch(&elsewhere, &commit).await.unwrap();
    let refusing = Forge::answering(|_, _| ("404 none".to_owned(), String::new()));
    let tree = refusing.fill(&mine, tree).await.unwrap();
    assert_eq!(tree.missing().len(), 1);
    assert!(offered(&tree).await.iter().all(|(path, _)| path != "a.bin"));
}

#[tokio::test]
async fn a_checkout_is_built_without_its_pointers_which_are_named() {
    let bench = bench();
    bench.put("a.bin", pointer("one")).put("b.bin", "real");
    let tree = bench
        .mirrors
        .without_pointers(bench.tree().await)
        .await
        .unwrap();
    let [("a.bin", why)] = whys(&tree)[..] else {
        panic!("{:?}", tree.missing())
    };
    assert!(why.contains("`git lfs pull`"), "{why}");
    let modes = tree.list().await.unwrap();
    assert!(modes.iter().any(|entry| entry.mode == Mode::Pointer));
    let read = offered(&tree).await;
    assert!(
        read.contains(&("b.bin".to_owned(), "real".to_owned())),
        "{read:?}"
    );
    assert!(read.iter().all(|(path, _)| path != "a.bin"), "{read:?}");
}
