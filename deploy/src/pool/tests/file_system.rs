//! The file system below the pool, and the file that may contain it.

use super::*;

#[tokio::test]
async fn mounted_again_it_holds_what_it_held() {
    let Some(mut fixture) = Fixture::mounted().await else {
        return;
    };
    fixture
        .publish(&data(1), |data| fs::write(data.join("a"), "rows").unwrap())
        .await;
    let path = fixture.pool.data_path(&data(1)).join("a");
    let used = File::open(&path).unwrap();
    assert!(
        !fixture.pool.close().await.unwrap(),
        "something is open in it"
    );
    drop(used);
    assert!(fixture.pool.close().await.unwrap());
    assert!(!path.exists());
    fixture.pool = Pool::open(config(fixture.folder.path(), 512))
        .await
        .unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"rows");
    assert_eq!(
        File::open(fixture.file())
            .unwrap()
            .metadata()
            .unwrap()
            .mode()
            & 0o777,
        0o600
    );
}

#[tokio::test]
async fn a_pool_grows_mounted_or_not_and_never_shrinks() {
    let Some(mut fixture) = Fixture::mounted().await else {
        return;
    };
    let small = fixture.pool.space().await.unwrap().total_bytes;
    fixture.pool = Pool::open(config(fixture.folder.path(), 700))
        .await
        .unwrap();
    let adopted = fixture.pool.space().await.unwrap().total_bytes;
    assert!(adopted >= small + 180 * MIB as u64, "{small} {adopted}");
    assert!(fixture.pool.close().await.unwrap());
    fixture.pool = Pool::open(config(fixture.folder.path(), 900))
        .await
        .unwrap();
    let large = fixture.pool.space().await.unwrap().total_bytes;
    assert!(large >= adopted + 190 * MIB as u64, "{adopted} {large}");
    fixture.pool = Pool::open(config(fixture.folder.path(), 512))
        .await
        .unwrap();
    let size_bytes = 900 * MIB as u64;
    assert_eq!(
        fixture.pool.clone_method(),
        &CloneMethod::Loop { size_bytes }
    );
}

#[tokio::test]
async fn a_pool_is_never_larger_than_what_its_disk_has() {
    let folder = tempfile::tempdir().unwrap();
    let disk = rustix::fs::statvfs(folder.path()).unwrap();
    let free_mib = disk.f_bavail * disk.f_frsize / MIB as u64;
    let keeps = |folder: &Path, free_mib_min: u64| PoolConfig {
        free_mib_min,
        ..config(folder, 1 << 30)
    };
    let wanted = keeps(folder.path(), free_mib.saturating_sub(4096));
    let Some(fixture) = Fixture::with(folder, wanted).await else {
        return;
    };
    let size = fixture.file().metadata().unwrap().len();
    // Other processes use the same disk meanwhile.
    let around = 2048 * MIB as u64..6144 * MIB as u64;
    assert!(around.contains(&size), "{size} bytes");
    let folder = tempfile::tempdir().unwrap();
    let full = Pool::open(keeps(folder.path(), 2 * free_mib))
        .await
        .unwrap();
    assert_eq!(
        full.clone_method().remedy(),
        Some("free some of the disk, then start again")
    );
    assert!(!folder.path().join("pool.xfs").exists());
}

#[tokio::test]
async fn data_is_never_hidden_by_a_mount() {
    let Some(fixture) = Fixture::mounted().await else {
        return;
    };
    assert!(fixture.pool.close().await.unwrap());
    let stranger = fixture.folder.path().join("pool/kept");
    fs::write(&stranger, "").unwrap();
    let refused = Pool::open(config(fixture.folder.path(), 512)).await;
    assert!(
        matches!(refused, Err(PoolError::Refused { .. })),
        "{refused:?}"
    );
    assert!(stranger.exists());
}

#[tokio::test]
async fn a_file_that_would_be_too_small_is_refused() {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: only root would make a file");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    match Pool::open(config(folder.path(), 100)).await {
        Ok(pool) => assert_eq!(pool.clone_method(), &CloneMethod::Native),
        Err(error) => assert!(error.to_string().contains("at least 512"), "{error}"),
    }
    assert!(!folder.path().join("pool.xfs").exists());
}
