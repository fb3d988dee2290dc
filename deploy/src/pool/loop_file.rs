//! The pool's file system in one sparse file: create, mount, grow, trim, unmount.

use std::{
    ffi::OsStr,
    fs::OpenOptions,
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    PoolConfig,
    config::MIB,
    mounts::Mount,
    program::{ProgramError, run},
};

/// The log would take up most of a smaller file system.
pub(super) const FILE_MIB_MIN: u64 = 512;

/// Time limits of the programs. Mounting may replay a log, and trimming visits all free space.
const MAKE_MAX: Duration = Duration::from_secs(60);
const MOUNT_MAX: Duration = Duration::from_secs(120);
const GROW_MAX: Duration = Duration::from_secs(60);
const TRIM_MAX: Duration = Duration::from_secs(300);

/// How often unmounting is attempted while the file system is in use, and how far apart.
const UNMOUNT_TRIES: usize = 5;
const UNMOUNT_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// The unit in which a file's blocks are counted.
const BLOCK_BYTES: u64 = 512;

const LABEL: &str = "dayfly-pool";
const BLOCKS: &str = "size=4096";
/// Enables block sharing. Disables the map from blocks to owners, which newer versions of mkfs.xfs
/// enable by default: every extent of every clone would add an entry.
const FEATURES: &str = "reflink=1,rmapbt=0";
/// The preallocation for a write to a shared file, in blocks of 4 KiB, for a few minutes. Databases
/// write pages of 8 or 16 KiB, and adjacent pages that stay contiguous make the next clone cheaper.
/// The default of 32 blocks would use the space of a whole file after few writes.
const COPY_ON_WRITE: &str = "cowextsize=8";
/// The same for `xfs_io`.
const HINT: &str = "cowextsize 32768";
/// The largest log buffers. Cloning a fragmented file makes thousands of small log entries, and
/// costs a sixth less than with the default of 32 KiB.
const OPTIONS: &str = "loop,noatime,nosuid,nodev,logbsize=256k";

/// A larger log, for a pool with enough space: when the default of 64 MiB is full, its entries must
/// be written back while a clone waits.
const LARGE_LOG: [&str; 2] = ["-l", "size=256m"];
const LARGE_LOG_FROM_MIB: u64 = 32 * 1024;

/// Creates the file with an empty file system. It gets its final name once it is complete.
pub(super) async fn make(config: &PoolConfig) -> Result<(), io::Error> {
    let making = beside(&config.file);
    let result = async {
        let size = fits(config)?.min(config.file_bytes_max());
        if size < FILE_MIB_MIN * MIB {
            let why = format!("the disk has no space for a file of {FILE_MIB_MIN} MiB");
            return Err(io::Error::new(io::ErrorKind::StorageFull, why));
        }
        // Older versions of mkfs.xfs do not know the hint; without it clones are only slower.
        for hint in [&["-d", COPY_ON_WRITE][..], &[]] {
            fresh(&making, size)?;
            let mut arguments: Vec<&OsStr> = ["-q", "-b", BLOCKS, "-m", FEATURES, "-L", LABEL]
                .map(OsStr::new)
                .to_vec();
            arguments.extend(hint.iter().map(OsStr::new));
            if size >= LARGE_LOG_FROM_MIB * MIB {
                arguments.extend(LARGE_LOG.map(OsStr::new));
            }
            arguments.extend([OsStr::new("--"), making.as_os_str()]);
            match run("mkfs.xfs", &arguments, MAKE_MAX).await {
                Ok(_) => return std::fs::rename(&making, &config.file),
                Err(ProgramError::Failed { message, .. }) if !hint.is_empty() => {
                    tracing::debug!(%message, "creating the pool's file system without its hint");
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    };
    let result = result.await;
    if result.is_err() {
        // Best effort: the next attempt first removes the file.
        let _gone = std::fs::remove_file(&making);
    }
    result
}

/// Mounts the file on the pool's directory.
pub(super) async fn mount(config: &PoolConfig) -> Result<(), ProgramError> {
    let [kind, xfs, options, given, end] = ["-t", "xfs", "-o", OPTIONS, "--"].map(OsStr::new);
    let (file, directory) = (config.file.as_os_str(), config.directory.as_os_str());
    let arguments = [kind, xfs, options, given, end, file, directory];
    run("mount", &arguments, MOUNT_MAX).await.map(|_| ())
}

/// Sets the copy-on-write hint on an empty file system that was created without it.
pub(super) async fn hint(directory: &Path) -> Result<(), ProgramError> {
    let [read_only, command, hint, end] = ["-r", "-c", HINT, "--"].map(OsStr::new);
    let arguments = [read_only, command, hint, end, directory.as_os_str()];
    run("xfs_io", &arguments, GROW_MAX).await.map(|_| ())
}

/// Grows the file to the maximum size that fits; never shrinks it. Returns its size in bytes.
pub(super) fn lengthen(config: &PoolConfig) -> io::Result<u64> {
    let file = OpenOptions::new().write(true).open(&config.file)?;
    let size = file.metadata()?.len();
    let wanted = fits(config)?.min(config.file_bytes_max());
    if size >= wanted {
        return Ok(size);
    }
    file.set_len(wanted)?;
    Ok(wanted)
}

/// The maximum size in bytes that fits on the disk below and leaves some space there. If a file
/// system is larger than its disk can hold, it loses data that it considers written.
pub(super) fn fits(config: &PoolConfig) -> io::Result<u64> {
    let folder = config.file.parent().unwrap_or(Path::new("."));
    let disk = rustix::fs::statvfs(folder)?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let taken = match std::fs::metadata(&config.file) {
        Ok(file) => file.blocks().saturating_mul(BLOCK_BYTES),
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    let kept_free = config.free_mib_min.saturating_mul(MIB);
    Ok(free.saturating_add(taken).saturating_sub(kept_free))
}

/// Grows the mounted file system to the size of its file. Does nothing if it already has that size,
/// so it also completes an interrupted growth.
pub(super) async fn fill(config: &PoolConfig, mount: &Mount) -> Result<(), ProgramError> {
    let capacity = [OsStr::new("--set-capacity"), mount.source.as_os_str()];
    run("losetup", &capacity, GROW_MAX).await?;
    let directory = [OsStr::new("--"), config.directory.as_os_str()];
    run("xfs_growfs", &directory, GROW_MAX).await.map(|_| ())
}

/// Makes the file system free the blocks of deleted files now instead of later.
pub(super) async fn free_deleted(directory: &Path) -> Result<(), ProgramError> {
    let [command, free, end] = ["-c", "prealloc -s", "--"].map(OsStr::new);
    let arguments = [command, free, end, directory.as_os_str()];
    run("xfs_spaceman", &arguments, TRIM_MAX).await.map(|_| ())
}

/// Returns free blocks of the mounted file system to the host, which completes a moment after this
/// returns.
pub(super) async fn trim(directory: &Path) -> Result<(), ProgramError> {
    let arguments = [OsStr::new("--"), directory.as_os_str()];
    run("fstrim", &arguments, TRIM_MAX).await.map(|_| ())
}

/// Unmounts it; `false` if it is in use.
pub(super) async fn unmount(directory: &Path) -> Result<bool, ProgramError> {
    let arguments = [OsStr::new("--"), directory.as_os_str()];
    for _ in 0..UNMOUNT_TRIES {
        match run("umount", &arguments, MOUNT_MAX).await {
            Ok(_) => return Ok(true),
            // A process that reads all mounts uses this one for a moment.
            Err(ProgramError::Failed { message, .. }) if message.contains("busy") => {
                tokio::time::sleep(UNMOUNT_AGAIN_AFTER).await;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// Creates a sparse file of `size` bytes that only its owner can read.
fn fresh(path: &Path, size: u64) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.set_len(size)
}

fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".making");
    name.into()
}
