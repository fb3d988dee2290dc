//! Restores, and what is left of restores that were killed.

use std::{
    os::unix::fs::{MetadataExt as _, chown},
    path::Path,
    sync::Arc,
};

use super::Bench;
use crate::{
    backup::{Progress, finish_restore, restore},
    config::ServerConfig,
};

async fn restore_into(data: &Path, archive: &Path) -> Result<(), String> {
    let config = ServerConfig::read(None, Some(data.to_owned())).unwrap();
    let restored = restore(archive, &config, Arc::new(Progress::default())).await;
    restored.map(drop).map_err(|error| format!("{error:#}"))
}

/// A bench whose archives have no data, so that no pool is opened.
async fn bench() -> Bench {
    let mut bench = Bench::new().await;
    bench.with_data = false;
    bench
}

fn write(path: &Path, content: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

#[tokio::test]
async fn a_killed_restore_keeps_servers_away_until_the_next_one_cleans_up() {
    let bench = bench().await;
    let data = bench.path("data");
    let archive = bench.archive(2, &[]);
    write(&data.join("restoring/instance"), "0a1b2c3d\n");
    write(&data.join("restoring/mirrors/x"), "left");
    write(&data.join("mirrors/left"), "left");
    write(&data.join("restored"), "with data");
    let refused = finish_restore(&data).unwrap_err().to_string();
    assert!(refused.contains("did not finish"), "{refused}");
    assert!(data.join("mirrors/left").exists());
    restore_into(&data, &archive).await.unwrap();
    assert!(data.join("dayfly.db").exists());
    assert!(!data.join("mirrors/left").exists());
    assert!(!data.join("restoring").exists());
    finish_restore(&data).unwrap();
}

#[tokio::test]
async fn a_restore_refuses_the_mirrors_that_a_check_refuses_and_leaves_nothing() {
    let bench = bench().await;
    let data = bench.path("data");
    std::fs::remove_file(bench.path("mirror/shallow")).unwrap();
    let archive = bench.archive(2, &[]);
    let checked = bench.check(&archive).await.unwrap_err();
    let refused = restore_into(&data, &archive).await.unwrap_err();
    for said in [checked, refused] {
        assert!(said.contains("mirrors/shop.git is incomplete"), "{said}");
    }
    assert!(!data.exists());
}

#[tokio::test]
async fn data_beside_a_folder_without_the_mark_of_a_restore_are_never_removed() {
    let bench = bench().await;
    let data = bench.path("data");
    let archive = bench.archive(2, &[]);
    write(&data.join("restoring/mirrors/x"), "left");
    write(&data.join("pool.xfs"), "precious");
    let refused = restore_into(&data, &archive).await.unwrap_err();
    assert!(refused.contains("pool.xfs already exists"), "{refused}");
    assert!(data.join("pool.xfs").exists());
    std::fs::remove_file(data.join("pool.xfs")).unwrap();
    let refused = restore_into(&data, &archive).await.unwrap_err();
    assert!(refused.contains("restoring is not empty"), "{refused}");
    assert!(data.join("restoring/mirrors/x").exists());
}

#[tokio::test]
async fn a_start_removes_the_rest_of_a_finished_restore() {
    let bench = bench().await;
    let data = bench.path("data");
    restore_into(&data, &bench.archive(2, &[])).await.unwrap();
    write(&data.join("restoring/instance"), "0a1b2c3d\n");
    finish_restore(&data).unwrap();
    assert!(!data.join("restoring").exists());
    assert!(data.join("dayfly.db").exists());
}

#[tokio::test]
async fn a_refused_restore_leaves_not_even_its_folder() {
    let bench = bench().await;
    let outer = bench.path("outer");
    let data = outer.join("data");
    let archive = bench.archive(2, &[("proxy/x", Some(b"x"))]);
    restore_into(&data, &archive).await.unwrap_err();
    assert!(!outer.exists());
    std::fs::create_dir_all(&data).unwrap();
    restore_into(&data, &archive).await.unwrap_err();
    assert_eq!(std::fs::read_dir(&data).unwrap().count(), 0);
}

#[tokio::test]
async fn what_is_no_data_belongs_to_the_user_who_restores() {
    let us = nix::unistd::geteuid();
    if !us.is_root() {
        return;
    }
    let bench = bench().await;
    let (data, mirror) = (bench.path("data"), bench.path("mirror"));
    for path in [bench.path("dayfly.db"), mirror.clone(), mirror.join("HEAD")] {
        chown(path, Some(1000), Some(1000)).unwrap();
    }
    restore_into(&data, &bench.archive(2, &[])).await.unwrap();
    for name in [
        "dayfly.db",
        "mirrors",
        "mirrors/shop.git",
        "mirrors/shop.git/HEAD",
    ] {
        let found = std::fs::symlink_metadata(data.join(name)).unwrap();
        assert_eq!((found.uid(), found.gid()), (0, 0), "{name}");
    }
}
