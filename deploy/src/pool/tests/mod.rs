//! The pool on real file systems: a mounted file, and copies where no blocks can be shared.

mod clones;
mod file_system;
mod places;
mod space;

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

/// A pool below a temporary folder, mounted or not.
struct Fixture {
    pool: Pool,
    folder: TempDir,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        let directory = self.folder.path().join("pool");
        // Lazily, since a failed test may still have a file in it open.
        let _unmounted = Command::new("umount")
            .arg("-l")
            .arg("--")
            .arg(directory)
            .output();
    }
}

impl Fixture {
    /// A pool in a mounted file; `None`, with a printed reason, if that is impossible here.
    async fn mounted() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), 512);
        Self::with(folder, config).await
    }

    async fn with(folder: TempDir, config: PoolConfig) -> Option<Self> {
        let pool = Pool::open(config).await.unwrap();
        let fixture = Self { pool, folder };
        if matches!(fixture.pool.clone_method(), CloneMethod::Loop { .. }) {
            return Some(fixture);
        }
        println!(
            "skipped: this needs root and a mounted file, and there is {:?}",
            fixture.pool.clone_method()
        );
        None
    }

    /// A pool that must copy; `None`, with a printed reason, if every file system shares blocks.
    async fn copying() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("pool/lost+found")).unwrap();
        let pool = Pool::open(config(folder.path(), 512)).await.unwrap();
        let fixture = Self { pool, folder };
        if matches!(fixture.pool.clone_method(), CloneMethod::Copies { .. }) {
            return Some(fixture);
        }
        println!("skipped: the folder for temporary files shares blocks");
        None
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("pool.xfs")
    }

    /// Publishes a folder that `fill` has filled.
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
