//! Which objects are kept in the cache, and how long.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use super::super::{
    cache::Cache,
    objects::Objects,
    pointer::Pointer,
    testing::{Forge, here, oid, pointer},
};
use crate::source::{
    Limits, MirrorId, Remote, Tree,
    git::Repository,
    testing::{Bench, mirror},
};

const HOUR: u64 = 3600;
const WEEK: u64 = 7 * 24 * HOUR;

/// Keeps this many bytes besides the objects in use.
fn keeping(lfs_cache_bytes_max: u64) -> Bench {
    let bench = Bench::with_limits(Limits {
        lfs_cache_bytes_max,
        ..Limits::default()
    });
    bench.put(".gitattributes", "*.bin filter=lfs\n");
    bench
}

/// The tree of a commit with this content, in a repository of this name.
async fn fetched(bench: &Bench, forge: &Forge, name: &str, content: &str) -> Tree {
    let commit = bench.put("a.bin", pointer(content)).commit();
    let remote = Remote {
        mirror: MirrorId::parse(name).unwrap(),
        ..bench.remote()
    };
    let tree = bench.mirrors.fetch(&remote, &commit).await.unwrap();
    forge.fill(bench, tree).await.unwrap()
}

fn place(bench: &Bench, name: &str, content: &str) -> PathBuf {
    let folder = bench.folder.path().join(format!("mirrors/{name}.lfs"));
    folder.join(oid(content))
}

fn unused_for(seconds: u64, path: PathBuf) {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    let at = SystemTime::now() - Duration::from_secs(seconds);
    file.set_modified(at).unwrap();
}

#[tokio::test]
async fn objects_go_when_nobody_uses_them_and_with_their_mirror() {
    let bench = keeping(100);
    let forge = Forge::with(&["one", "two"]);
    for content in ["one", "two"] {
        fetched(&bench, &forge, "shop", content).await;
        unused_for(WEEK + HOUR, place(&bench, "shop", content));
    }
    // Reading the object counts as a use.
    let tree = bench.put("a.bin", pointer("two")).tree().await;
    here(&bench, tree).await;
    bench.mirrors.prune_lfs().await;
    assert!(!place(&bench, "shop", "one").exists());
    assert!(place(&bench, "shop", "two").exists());
    bench.mirrors.forget(&mirror()).await.unwrap();
    assert!(!bench.folder.path().join("mirrors/shop.lfs").exists());
}

#[tokio::test]
async fn room_is_made_by_what_was_unused_for_longest_in_any_repository() {
    let bench = keeping(6);
    let forge = Forge::with(&["one", "two", "six"]);
    for (name, content, hours) in [("shop", "one", 1), ("other", "two", 2)] {
        fetched(&bench, &forge, name, content).await;
        unused_for(hours * HOUR, place(&bench, name, content));
    }
    fetched(&bench, &forge, "shop", "six").await;
    assert!(place(&bench, "shop", "one").exists());
    assert!(!place(&bench, "other", "two").exists());
    assert!(place(&bench, "shop", "six").exists());
}

#[tokio::test]
async fn what_a_tree_has_stays_for_as_long_as_it_is_read() {
    let bench = keeping(3);
    let forge = Forge::with(&["one", "two"]);
    let tree = fetched(&bench, &forge, "shop", "one").await;
    // The use was not recorded.
    unused_for(WEEK + HOUR, place(&bench, "shop", "one"));
    fetched(&bench, &forge, "shop", "two").await;
    bench.mirrors.prune_lfs().await;
    assert_eq!(tree.read("a.bin").await.unwrap().unwrap(), "one");
    drop(tree);
    bench.mirrors.prune_lfs().await;
    assert!(!place(&bench, "shop", "one").exists());
}

#[tokio::test]
async fn what_is_being_received_stays_and_what_was_cut_off_goes() {
    let folder = tempfile::tempdir().unwrap();
    let repository = Repository {
        dir: folder.path().join("shop.git"),
        home: folder.path().join("home"),
    };
    let pointer = |content: &str| Pointer {
        oid: oid(content),
        size: content.len() as u64,
    };
    let (cache, wanted) = (Cache::default(), pointer("one"));
    let objects = Objects::of(&repository, std::iter::once(&wanted));
    cache.keep(&objects).await;
    objects.ensure().await.unwrap();
    let left = || {
        let names = std::fs::read_dir(folder.path().join("shop.lfs")).unwrap();
        let names = names.map(|file| file.unwrap().file_name().into_string().unwrap());
        names.collect::<Vec<String>>()
    };
    let dead = format!("shop.lfs/{}.part", oid("two"));
    std::fs::write(folder.path().join(dead), "tw").unwrap();
    drop(objects.receive(&wanted).unwrap());
    let mut incoming = objects.receive(&wanted).unwrap();
    assert!(incoming.add(b"on").await.unwrap());
    cache.prune(folder.path(), 0).await;
    assert_eq!(left().len(), 1, "{:?}", left());
    assert!(incoming.add(b"e").await.unwrap());
    assert!(incoming.end().await.unwrap());
    cache.prune(folder.path(), 0).await;
    assert_eq!(left(), [oid("one")]);
    drop(objects);
    cache.prune(folder.path(), 0).await;
    assert!(left().is_empty(), "{:?}", left());
}
