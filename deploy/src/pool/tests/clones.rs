//! Clones and copies of trees.

use super::*;

#[tokio::test]
async fn a_clone_shares_its_blocks() {
    let Some(fixture) = Fixture::mounted().await else {
        return;
    };
    fixture
        .publish(&snapshot(), |data| write(&data.join("big"), 200))
        .await;
    let before = fixture.used_bytes().await;
    let cloned = fixture.fork(&snapshot(), &data(1)).await;
    let grown = fixture.used_bytes().await.saturating_sub(before);
    assert!(grown < 2 * MIB as u64, "{grown} bytes");
    assert_eq!((cloned.files, cloned.bytes), (1, 200 * MIB as u64));
    assert!(cloned.shared);
}

#[tokio::test]
async fn a_written_clone_does_not_change_its_source() {
    let Some(fixture) = Fixture::mounted().await else {
        return;
    };
    fixture
        .publish(&snapshot(), |data| write(&data.join("a"), 2))
        .await;
    fixture.fork(&snapshot(), &data(1)).await;
    let source = fixture.pool.data_path(&snapshot()).join("a");
    let clone = fixture.pool.data_path(&data(1)).join("a");
    let before = fs::read(&source).unwrap();
    assert_eq!(before, fs::read(&clone).unwrap());
    let file = File::options().write(true).open(&clone).unwrap();
    file.write_all_at(b"changed", 4096).unwrap();
    assert_eq!(fs::read(&source).unwrap(), before);
    assert_ne!(fs::read(&clone).unwrap(), before);
}

/// The attributes that a clone keeps and loses, with every method.
async fn keeps_and_leaves_out(fixture: &Fixture) {
    let moment = std::time::UNIX_EPOCH + Duration::from_secs(1_000_000);
    fixture
        .publish(&snapshot(), |data| {
            symlink("/etc/passwd", data.join("link")).unwrap();
            symlink("/etc", data.join("folder-link")).unwrap();
            fs::create_dir_all(data.join("base/5")).unwrap();
            let file = data.join("base/5/1259");
            fs::write(&file, "rows").unwrap();
            fs::write(data.join("empty"), "").unwrap();
            fs::set_permissions(&file, PermissionsExt::from_mode(0o6751)).unwrap();
            File::options()
                .write(true)
                .open(&file)
                .unwrap()
                .set_modified(moment)
                .unwrap();
            fs::set_permissions(data.join("base"), PermissionsExt::from_mode(0o3750)).unwrap();
            File::open(data.join("base"))
                .unwrap()
                .set_modified(moment)
                .unwrap();
            if nix::unistd::geteuid().is_root() {
                std::os::unix::fs::lchown(data.join("link"), Some(999), Some(998)).unwrap();
                std::os::unix::fs::lchown(data, Some(999), Some(999)).unwrap();
            }
            nix::unistd::mkfifo(&data.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
            UnixListener::bind(data.join("socket")).unwrap();
            fs::set_permissions(data, PermissionsExt::from_mode(0o700)).unwrap();
        })
        .await;
    let cloned = fixture.fork(&snapshot(), &data(1)).await;
    assert_eq!((cloned.files, cloned.bytes, cloned.left_out), (2, 4, 2));
    let from = fixture.pool.data_path(&snapshot());
    let to = fixture.pool.data_path(&data(1));
    for name in ["", "link", "base", "base/5", "base/5/1259"] {
        let (old, new) = (from.join(name), to.join(name));
        let (old, new) = (
            old.symlink_metadata().unwrap(),
            new.symlink_metadata().unwrap(),
        );
        assert_eq!((old.uid(), old.gid()), (new.uid(), new.gid()), "{name}");
        assert_eq!(old.mode() & !0o6000, new.mode(), "{name}");
        assert_eq!(old.modified().unwrap(), new.modified().unwrap(), "{name}");
    }
    assert_eq!(
        fs::read_link(to.join("link")).unwrap(),
        Path::new("/etc/passwd")
    );
    assert_eq!(
        fs::read_link(to.join("folder-link")).unwrap(),
        Path::new("/etc")
    );
    assert_eq!(fs::read(to.join("base/5/1259")).unwrap(), b"rows");
    assert!(!to.join("pipe").exists() && !to.join("socket").exists());
}

#[tokio::test]
async fn a_clone_keeps_links_as_they_are_and_drops_set_id_bits_and_pipes() {
    let Some(fixture) = Fixture::mounted().await else {
        return;
    };
    keeps_and_leaves_out(&fixture).await;
}

#[tokio::test]
async fn a_copy_keeps_the_same_and_leaves_out_the_same() {
    let Some(fixture) = Fixture::copying().await else {
        return;
    };
    keeps_and_leaves_out(&fixture).await;
}

#[tokio::test]
async fn a_copy_is_the_same_keeps_its_holes_and_says_what_it_is() {
    let Some(fixture) = Fixture::copying().await else {
        return;
    };
    let way = fixture.pool.clone_method();
    assert!(way.sentence().contains("already holds data"), "{way:?}");
    assert!(way.remedy().is_some());
    let source = snapshot();
    let publish = fixture.publish(&source, |data| {
        let file = File::create(data.join("sparse")).unwrap();
        file.write_all_at(b"begin", 0).unwrap();
        file.write_all_at(b"middle", 40 * MIB as u64).unwrap();
        file.set_len(64 * MIB as u64).unwrap();
        write(&data.join("big"), 20);
    });
    publish.await;
    let cloned = fixture.fork(&snapshot(), &data(1)).await;
    assert!(!cloned.shared);
    for name in ["sparse", "big"] {
        let from = fixture.pool.data_path(&snapshot()).join(name);
        let to = fixture.pool.data_path(&data(1)).join(name);
        assert!(fs::read(&from).unwrap() == fs::read(&to).unwrap(), "{name}");
        let grown = to.metadata().unwrap().blocks();
        assert!(
            grown <= from.metadata().unwrap().blocks() + 64,
            "{name}: {grown}"
        );
    }
    assert!(!fixture.pool.close().await.unwrap());
}

#[tokio::test]
async fn a_clone_that_takes_too_long_or_has_no_source_leaves_nothing() {
    let Some(fixture) = Fixture::copying().await else {
        return;
    };
    fixture
        .publish(&snapshot(), |data| write(&data.join("a"), 1))
        .await;
    let staging = fixture.pool.staging().await.unwrap();
    let late = fixture
        .pool
        .clone_into(&snapshot(), &staging, Duration::ZERO)
        .await;
    assert!(matches!(late, Err(PoolError::TimedOut { .. })), "{late:?}");
    let missing = fixture.pool.clone_into(&data(9), &staging, LIMIT).await;
    assert!(
        matches!(missing, Err(PoolError::Missing { .. })),
        "{missing:?}"
    );
    drop(staging);
    fixture.pool.settle().await.unwrap();
    assert!(fixture.is_empty("making") && fixture.is_empty("trash"));
}

#[tokio::test]
async fn a_clone_that_nobody_waits_for_ends_and_leaves_nothing() {
    let Some(fixture) = Fixture::copying().await else {
        return;
    };
    fixture
        .publish(&snapshot(), |data| write(&data.join("a"), 64))
        .await;
    let staging = fixture.pool.staging().await.unwrap();
    {
        let place = snapshot();
        let clone = fixture.pool.clone_into(&place, &staging, LIMIT);
        tokio::select! {
            biased;
            done = clone => assert!(done.is_ok()),
            () = tokio::task::yield_now() => {}
        }
    }
    drop(staging);
    let thrown_away = async {
        while !fixture.is_empty("making") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, thrown_away).await.unwrap();
    fixture.pool.settle().await.unwrap();
    assert!(fixture.is_empty("trash"));
    assert_eq!(fixture.pool.list().await.unwrap().places, [snapshot()]);
}

#[tokio::test]
async fn a_tree_that_is_too_deep_is_not_cloned_but_removed() {
    let Some(fixture) = Fixture::copying().await else {
        return;
    };
    let deep = "d/".repeat(900);
    fixture
        .publish(&snapshot(), |data| {
            fs::create_dir_all(data.join(&deep)).unwrap()
        })
        .await;
    let staging = fixture.pool.staging().await.unwrap();
    let refused = fixture.pool.clone_into(&snapshot(), &staging, LIMIT).await;
    assert!(
        matches!(refused, Err(PoolError::Refused { .. })),
        "{refused:?}"
    );
    assert!(fixture.pool.remove(&snapshot()).await.unwrap());
    fixture.pool.settle().await.unwrap();
    assert!(fixture.is_empty("trash"));
}

#[tokio::test]
async fn a_written_page_of_a_clone_takes_a_few_pages_at_most() {
    let Some(fixture) = Fixture::mounted().await else {
        return;
    };
    fixture
        .publish(&snapshot(), |data| write(&data.join("big"), 64))
        .await;
    fixture.fork(&snapshot(), &data(1)).await;
    let before = fixture.used_bytes().await;
    let path = fixture.pool.data_path(&data(1)).join("big");
    let clone = File::options().write(true).open(path).unwrap();
    for page in 0..64 {
        clone.write_all_at(&[9; 8192], page * MIB as u64).unwrap();
    }
    let grown = fixture.used_bytes().await - before;
    assert!(grown < 3 * MIB as u64, "{grown} bytes");
    let root = fixture.folder.path().join("pool").metadata().unwrap();
    assert_eq!(root.mode() & 0o777, 0o700);
}
