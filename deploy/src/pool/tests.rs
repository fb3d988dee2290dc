//! The pool on real file systems: a file of ours that is mounted, and copies where nothing shares.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    os::unix::{
        fs::{FileExt, MetadataExt, PermissionsExt, symlink},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use tempfile::TempDir;

use super::*;
use crate::names::{DatabaseName, Generation, PreviewId, SnapshotId};

const MIB: usize = 1 << 20;
const LIMIT: Duration = Duration::from_secs(60);

/// A pool below a folder that goes with it, mounted or not.
struct Fixture {
    pool: Pool,
    folder: TempDir,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let directory = self.folder.path().join("pool");
        // Lazily, since a failed test may still hold something open in it.
        let _unmounted = Command::new("umount")
            .arg("-l")
            .arg("--")
            .arg(directory)
            .output();
    }
}

impl Fixture {
    /// A pool in a mounted file; nothing, with a printed reason, where that cannot be had.
    async fn mounted() -> Option<Self> {
        Self::of(tempfile::tempdir().unwrap(), 512).await
    }

    async fn of(folder: TempDir, mib: u64) -> Option<Self> {
        let config = config(folder.path(), mib);
        Self::with(folder, config).await
    }

    async fn with(folder: TempDir, config: PoolConfig) -> Option<Self> {
        let pool = Pool::open(config).await.unwrap();
        let fixture = Self { pool, folder };
        if matches!(fixture.pool.way(), CloneMethod::Loop { .. }) {
            return Some(fixture);
        }
        println!(
            "skipped: this needs root and a mounted file, and there is {:?}",
            fixture.pool.way()
        );
        None
    }

    /// A pool that has to copy; nothing, with a printed reason, where everything shares blocks.
    async fn copying() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("pool/lost+found")).unwrap();
        let pool = Pool::open(config(folder.path(), 512)).await.unwrap();
        let fixture = Self { pool, folder };
        if matches!(fixture.pool.way(), CloneMethod::Copies { .. }) {
            return Some(fixture);
        }
        println!("skipped: the folder for temporary files shares blocks");
        None
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("pool.xfs")
    }

    /// Publishes what `fill` puts into a folder.
    async fn publish(&self, place: &Place, fill: impl FnOnce(&Path)) {
        let staging = self.pool.staging().await.unwrap();
        fill(&staging.data_path());
        staging.publish(place).await.unwrap();
    }

    async fn fork(&self, from: &Place, to: &Place) -> Cloned {
        let staging = self.pool.staging().await.unwrap();
        let cloned = self.pool.clone_into(from, &staging, LIMIT).await.unwrap();
        staging.publish(to).await.unwrap();
        cloned
    }

    async fn used_bytes(&self) -> u64 {
        self.pool.sync().await.unwrap();
        let space = self.pool.space().await.unwrap();
        space.total_bytes - space.free_bytes
    }

    fn is_empty(&self, name: &str) -> bool {
        let path = self.folder.path().join("pool").join(name);
        fs::read_dir(path).unwrap().next().is_none()
    }
}

fn config(folder: &Path, file_mib_max: u64) -> PoolConfig {
    PoolConfig {
        directory: folder.join("pool"),
        file: folder.join("pool.xfs"),
        file_mib_max,
        free_mib_min: 16,
    }
}

fn snapshot() -> Place {
    Place::Snapshot(SnapshotId::parse(&"5e".repeat(32)).unwrap())
}

fn data(generation: u32) -> Place {
    Place::Data {
        preview: PreviewId::parse("acme-web-7").unwrap(),
        generation: Generation(generation),
        database: DatabaseName::parse("db").unwrap(),
    }
}

fn write(path: &Path, mib: usize) {
    let mut file = File::create(path).unwrap();
    for piece in 0..mib {
        file.write_all(&vec![u8::try_from(piece % 251).unwrap(); MIB])
            .unwrap();
    }
}

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

/// What a clone keeps and leaves out, however it comes by it.
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
    let way = fixture.pool.way();
    assert!(way.sentence().contains("holds data already"), "{way:?}");
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
async fn publishing_replaces_what_was_there() {
    let Some(fixture) = Fixture::copying().await else {
        return;
    };
    fixture
        .publish(&data(1), |data| fs::write(data.join("old"), "").unwrap())
        .await;
    let staging = fixture.pool.staging().await.unwrap();
    staging.write_about(b"{\"seed\":1}").await.unwrap();
    fs::write(staging.data_path().join("new"), "").unwrap();
    staging.publish(&data(1)).await.unwrap();
    let path = fixture.pool.data_path(&data(1));
    assert!(path.join("new").exists() && !path.join("old").exists());
    let about = fixture.pool.about(&data(1)).await.unwrap();
    assert_eq!(about.as_deref(), Some(&b"{\"seed\":1}"[..]));
    fixture.pool.settle().await.unwrap();
    assert!(fixture.is_empty("trash") && fixture.is_empty("making"));
    assert_eq!(fixture.pool.about(&data(2)).await.unwrap(), None);
}

#[tokio::test]
async fn a_dropped_draft_leaves_nothing() {
    let Some(fixture) = Fixture::copying().await else {
        return;
    };
    let staging = fixture.pool.staging().await.unwrap();
    write(&staging.data_path().join("a"), 1);
    drop(staging);
    assert!(fixture.is_empty("making"));
    fixture.pool.settle().await.unwrap();
    assert!(fixture.is_empty("trash"));
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
async fn removing_follows_no_link() {
    let Some(fixture) = Fixture::copying().await else {
        return;
    };
    let outside = fixture.folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("kept"), "").unwrap();
    fixture
        .publish(&data(1), |data| {
            symlink(&outside, data.join("link")).unwrap()
        })
        .await;
    fixture.pool.remove(&data(1)).await.unwrap();
    fixture.pool.settle().await.unwrap();
    assert!(outside.join("kept").exists());
    assert!(fixture.is_empty("previews"), "empty parents are removed");
    assert!(!fixture.pool.remove(&data(1)).await.unwrap());
}

#[tokio::test]
async fn a_listing_tells_places_from_strangers() {
    let Some(fixture) = Fixture::copying().await else {
        return;
    };
    for place in [data(2), snapshot(), data(1)] {
        fixture.publish(&place, |_| ()).await;
    }
    let root = fixture.folder.path().join("pool").canonicalize().unwrap();
    let strangers = [
        root.join("previews/acme-web-7/g01"),
        root.join("snapshots/abc"),
    ];
    for stranger in &strangers {
        fs::create_dir(stranger).unwrap();
    }
    let mut listing = fixture.pool.list().await.unwrap();
    listing.strangers.sort();
    assert_eq!(listing.places, [snapshot(), data(1), data(2)]);
    assert_eq!(listing.strangers, strangers);
    let preview = PreviewId::parse("acme-web-7").unwrap();
    assert_eq!(
        fixture.pool.list_of(&preview).await.unwrap(),
        [data(1), data(2)]
    );
    let other = PreviewId::parse("acme-web-8").unwrap();
    assert_eq!(fixture.pool.list_of(&other).await.unwrap(), []);
    assert!(fixture.pool.exists(&data(1)).await.unwrap());
    assert!(!fixture.pool.exists(&data(3)).await.unwrap());
}

#[tokio::test]
async fn recovering_empties_what_was_being_made_and_thrown_away() {
    let Some(fixture) = Fixture::copying().await else {
        return;
    };
    let staging = fixture.pool.staging().await.unwrap();
    fs::write(staging.data_path().join("a"), "").unwrap();
    // As a process leaves it that is killed.
    std::mem::forget(staging);
    fs::create_dir_all(fixture.folder.path().join("pool/trash/x/y")).unwrap();
    fixture.pool.recover().await.unwrap();
    fixture.pool.settle().await.unwrap();
    assert!(fixture.is_empty("making") && fixture.is_empty("trash"));
}

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
    assert_eq!(fixture.pool.way(), &CloneMethod::Loop { size_bytes });
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
    // Others take and leave room on the same disk meanwhile.
    let around = 2048 * MIB as u64..6144 * MIB as u64;
    assert!(around.contains(&size), "{size} bytes");
    let folder = tempfile::tempdir().unwrap();
    let full = Pool::open(keeps(folder.path(), 2 * free_mib))
        .await
        .unwrap();
    assert_eq!(
        full.way().remedy(),
        Some("free some of the disk, then start again")
    );
    assert!(!folder.path().join("pool.xfs").exists());
}

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
        Ok(pool) => assert_eq!(pool.way(), &CloneMethod::Native),
        Err(error) => assert!(error.to_string().contains("at least 512"), "{error}"),
    }
    assert!(!folder.path().join("pool.xfs").exists());
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
    // What was thrown away gives room to whoever needs it.
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
        // The kernel passes free blocks on by itself, a moment later.
        while taken() + 90 * (MIB as u64) > before {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, given_back).await.unwrap();
}
