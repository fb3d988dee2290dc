//! Which objects are kept, and how long.

use std::time::{Duration, SystemTime};

use super::super::testing::{Forge, here, oid, pointer};
use crate::source::{
    Limits,
    testing::{Bench, mirror},
};

#[tokio::test]
async fn objects_go_with_their_mirror_and_when_nobody_uses_them() {
    let bench = Bench::with_limits(Limits {
        lfs_bytes_max: 4,
        ..Limits::default()
    });
    bench.put(".gitattributes", "*.bin filter=lfs\n");
    let folder = bench.folder.path().join("mirrors/shop.lfs");
    let forge = Forge::with(&["one", "two", "six", "ten"]);
    for content in ["one", "two", "six", "ten"] {
        let tree = bench.put("a.bin", pointer(content)).tree().await;
        forge.fill(&bench, tree).await.unwrap();
    }
    std::fs::write(folder.join("half.part"), "h").unwrap();
    let left = || {
        let names = std::fs::read_dir(&folder).unwrap();
        let names = names.map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        names
    };
    let unused_for = |content: &str, seconds: u64| {
        let file = std::fs::File::options()
            .write(true)
            .open(folder.join(oid(content)));
        let at = SystemTime::now() - Duration::from_secs(seconds);
        file.unwrap().set_modified(at).unwrap();
    };
    bench.mirrors.prune_lfs().await;
    assert_eq!(left().len(), 5, "what was just used is never removed");
    unused_for("one", 8 * 24 * 3600);
    unused_for("two", 3600);
    unused_for("six", 2 * 3600);
    bench.mirrors.prune_lfs().await;
    // Twice the limit is kept, and the longest unused goes first.
    let mut wanted = vec![oid("two"), oid("ten"), "half.part".to_owned()];
    wanted.sort_unstable();
    assert_eq!(left(), wanted);
    // A use counts, and what was half received goes with the next that is.
    let tree = bench.put("a.bin", pointer("two")).tree().await;
    here(&bench, tree).await;
    unused_for("ten", 8 * 24 * 3600);
    bench.mirrors.prune_lfs().await;
    assert!(left().contains(&oid("two")), "{:?}", left());
    let tree = bench.put("a.bin", pointer("one")).tree().await;
    forge.fill(&bench, tree).await.unwrap();
    assert!(!left().contains(&"half.part".to_owned()), "{:?}", left());
    bench.mirrors.forget(&mirror()).await.unwrap();
    assert!(!folder.exists());
}
