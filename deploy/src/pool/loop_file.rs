//! The file system of our own in one sparse file: made, mounted, grown, trimmed, unmounted.

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

/// A smaller file system would be mostly its own log.
pub(super) const FILE_MIB_MIN: u64 = 512;

/// How long the programs may take. Mounting may have to replay a log, trimming visits all room.
const MAKE_MAX: Duration = Duration::from_secs(60);
const MOUNT_MAX: Duration = Duration::from_secs(120);
const GROW_MAX: Duration = Duration::from_secs(60);
const TRIM_MAX: Duration = Duration::from_secs(300);

/// How often unmounting is tried while something uses the file system, and how far apart.
const UNMOUNT_TRIES: usize = 5;
const UNMOUNT_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// The unit in which a file's blocks are counted.
const BLOCK_BYTES: u64 = 512;

const LABEL: &str = "dayfly-pool";
const BLOCKS: &str = "size=4096";
/// Blocks that files share, and no map from blocks back to their owners, which newer programs make
/// unless they are told: it would be written for every extent of every clone.
const FEATURES: &str = "reflink=1,rmapbt=0";
/// What a write to a shared file keeps room for, in blocks of 4 KiB, for a few minutes: databases
/// write pages of 8 or 16 KiB, and pages near each other that lie side by side again cost the next
/// clone less. The default of 32 blocks would take the room of a whole file in few writes.
const COPY_ON_WRITE: &str = "cowextsize=8";
/// The same in the words of another program.
const HINT: &str = "cowextsize 32768";
/// The largest buffers of its own log: a clone of what was written in many places is thousands of
/// small changes to the log, and costs a sixth less than with the usual ones of 32 KiB.
const OPTIONS: &str = "loop,noatime,nosuid,nodev,logbsize=256k";

/// The log of a pool that has room for it: what does not fit into the usual 64 MiB has to be written
/// to its place while a clone waits.
const LARGE_LOG: [&str; 2] = ["-l", "size=256m"];
const LARGE_LOG_FROM_MIB: u64 = 32 * 1024;

/// Makes the file with an empty file system in it. It has its name only once it is whole.
pub(super) async fn make(config: &PoolConfig) -> Result<(), io::Error> {
    let making = beside(&config.file);
    let result = async {
        let size = fits(config)?.min(config.file_bytes_max());
        if size < FILE_MIB_MIN * MIB {
            let why = format!("the disk has no room for a file of {FILE_MIB_MIN} MiB");
            return Err(io::Error::new(io::ErrorKind::StorageFull, why));
        }
        // Newer programs know the hint, older ones make the same without it: only slower.
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
                    tracing::debug!(%message, "the pool's file system is made without its hint");
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    };
    let result = result.await;
    if result.is_err() {
        // Best effort: the next making starts by removing it.
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

/// Gives the hint about copies on write to an empty file system that was made without it.
pub(super) async fn hint(directory: &Path) -> Result<(), ProgramError> {
    let [read_only, command, hint, end] = ["-r", "-c", HINT, "--"].map(OsStr::new);
    let arguments = [read_only, command, hint, end, directory.as_os_str()];
    run("xfs_io", &arguments, GROW_MAX).await.map(|_| ())
}

/// Makes the file as large as it may be and fits; never smaller. Answers its size in bytes.
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

/// How many bytes the file can have so that all of them fit on the disk below and some stay free
/// there. A file system that was promised more than its disk can hold loses what it believes to have
/// written.
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

/// Lets the mounted file system take up all of its file. Does nothing where it does already, so it
/// also ends what was cut off.
pub(super) async fn fill(config: &PoolConfig, mount: &Mount) -> Result<(), ProgramError> {
    let capacity = [OsStr::new("--set-capacity"), mount.source.as_os_str()];
    run("losetup", &capacity, GROW_MAX).await?;
    let directory = [OsStr::new("--"), config.directory.as_os_str()];
    run("xfs_growfs", &directory, GROW_MAX).await.map(|_| ())
}

/// Lets the file system free the blocks of deleted files now; by itself it does so later.
pub(super) async fn free_deleted(directory: &Path) -> Result<(), ProgramError> {
    let [command, free, end] = ["-c", "prealloc -s", "--"].map(OsStr::new);
    let arguments = [command, free, end, directory.as_os_str()];
    run("xfs_spaceman", &arguments, TRIM_MAX).await.map(|_| ())
}

/// Gives blocks that are free in the mounted file system back to the host, which takes a moment
/// longer than this.
pub(super) async fn trim(directory: &Path) -> Result<(), ProgramError> {
    let arguments = [OsStr::new("--"), directory.as_os_str()];
    run("fstrim", &arguments, TRIM_MAX).await.map(|_| ())
}

/// Unmounts it; `false` where something uses it.
pub(super) async fn unmount(directory: &Path) -> Result<bool, ProgramError> {
    let arguments = [OsStr::new("--"), directory.as_os_str()];
    for _ in 0..UNMOUNT_TRIES {
        match run("umount", &arguments, MOUNT_MAX).await {
            Ok(_) => return Ok(true),
            // Whoever looks through all mounts uses this one, for as long as it looks.
            Err(ProgramError::Failed { message, .. }) if message.contains("busy") => {
                tokio::time::sleep(UNMOUNT_AGAIN_AFTER).await;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// A sparse file of `size` bytes that only its owner reads.
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
