//! The size of data, and free space.

use super::*;

#[tokio::test]
async fn size_counts_what_is_there_and_no_holes() {
    let Some(fixture) = Fixture::mounted().await else {
        return;
    };
    let source = snapshot();
    let publish = fixture.publish(&source, |data| {
        fs::create_dir(data.join("below")).unwrap();
        write(&data.join("below/big"), 16);
        let hole = File::create(data.join("hole")).unwrap();
        hole.set_len(1 << 40).unwrap();
        symlink("/", data.join("away")).unwrap();
    });
    publish.await;
    fixture.fork(&snapshot(), &data(1)).await;
    let size = fixture.pool.size(&data(1)).await.unwrap();
    let most = 17 * MIB as u64;
    assert!((16 * MIB as u64..most).contains(&size.bytes), "{size:?}");
    assert!(size.blocks_bytes >= size.bytes, "{size:?}");
    let path = fixture.pool.data_path(&data(1));
    assert_eq!(fixture.pool.size_at(&path).await.unwrap(), size);
    let nothing = Size::default();
    assert_eq!(fixture.pool.size(&data(2)).await.unwrap(), nothing);
    let outside = fixture.pool.size_at(Path::new("/")).await.unwrap();
    assert_eq!(outside, nothing);
}

#[tokio::test]
async fn a_full_pool_says_so_and_loses_nothing() {
    let Some(fixture) = Fixture::mounted().await else {
        return;
    };
    let source = snapshot();
    let publish = fixture.publish(&source, |data| {
        for number in 0..3000 {
            fs::write(data.join(number.to_string()), number.to_string()).unwrap();
        }
    });
    publish.await;
    assert_eq!(fixture.pool.blocker().await, None);
    let staging = fixture.pool.staging().await.unwrap();
    let ballast = fixture.folder.path().join("pool/making/ballast");
    let mut file = File::create(&ballast).unwrap();
    for size in [MIB, 4096] {
        let piece = vec![7; size];
        let full = std::iter::repeat_with(|| file.write_all(&piece)).find_map(Result::err);
        assert_eq!(full.unwrap().kind(), ErrorKind::StorageFull);
    }
    drop(file);
    fixture.pool.sync().await.unwrap();
    let full = fixture.pool.clone_into(&snapshot(), &staging, LIMIT).await;
    assert!(matches!(full, Err(PoolError::Full { .. })), "{full:?}");
    let again = Pool::open(config(fixture.folder.path(), 512))
        .await
        .unwrap();
    assert!(
        again.exists(&snapshot()).await.unwrap(),
        "a full pool opens"
    );
    let sentence = fixture.pool.blocker().await.unwrap();
    assert!(sentence.contains("raise limits.pool_mib_max"), "{sentence}");
    drop(staging);
    fixture.pool.recover().await.unwrap();
    // Discarded data is deleted when space is needed.
    assert_eq!(fixture.pool.blocker().await, None);
    fixture.fork(&snapshot(), &data(1)).await;
    for number in [0, 1500, 2999] {
        let file = fixture.pool.data_path(&data(1)).join(number.to_string());
        assert_eq!(fs::read_to_string(file).unwrap(), number.to_string());
    }
}

#[tokio::test]
async fn usage_tells_shared_from_exclusive() {
    let Some(fixture) = Fixture::mounted().await else {
        return;
    };
    fixture
        .publish(&snapshot(), |data| write(&data.join("big"), 16))
        .await;
    fixture.fork(&snapshot(), &data(1)).await;
    write(&fixture.pool.data_path(&data(1)).join("own"), 4);
    fixture.pool.sync().await.unwrap();
    let usage = fixture.pool.usage(&data(1)).await.unwrap();
    assert!(usage.told_apart);
    assert_eq!(usage.shared_bytes, 16 * MIB as u64);
    assert_eq!(usage.exclusive_bytes, 4 * MIB as u64);
    fixture.pool.remove(&snapshot()).await.unwrap();
    fixture.pool.settle().await.unwrap();
    let usage = fixture.pool.usage(&data(1)).await.unwrap();
    assert_eq!(
        (usage.shared_bytes, usage.exclusive_bytes),
        (0, 20 * MIB as u64)
    );
    let missing = fixture.pool.usage(&data(2)).await;
    assert!(
        matches!(missing, Err(PoolError::Missing { .. })),
        "{missing:?}"
    );
}

#[tokio::test]
async fn removing_gives_the_blocks_back_to_the_host() {
    let Some(fixture) = Fixture::mounted().await else {
        return;
    };
    fixture
        .publish(&data(1), |data| write(&data.join("big"), 100))
        .await;
    fixture.pool.sync().await.unwrap();
    let taken = || fixture.file().metadata().unwrap().blocks() * 512;
    let before = taken();
    assert!(before > 100 * MIB as u64);
    fixture.pool.remove(&data(1)).await.unwrap();
    fixture.pool.settle().await.unwrap();
    let given_back = async {
        // The kernel returns free blocks a moment later.
        while taken() + 90 * (MIB as u64) > before {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, given_back).await.unwrap();
}
