//! Finds or creates a file system that shares blocks, without hiding existing data.

use std::{
    fs::{DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::{
    CloneMethod, PoolConfig, PoolError, config::MIB, layout::FOLDER_MODE, loop_file,
    mounts::Mounts, place::FOLDERS, probe::shares_blocks, program::ProgramError,
};

const ELSEWHERE: &str = "put the data directory on XFS or btrfs";

/// The configuration with paths without links, like the kernel's list of mounts.
pub(super) fn resolved(config: PoolConfig) -> Result<PoolConfig, PoolError> {
    folder(&config.directory)?;
    let directory = canonical(&config.directory)?;
    let (Some(parent), Some(name)) = (config.file.parent(), config.file.file_name()) else {
        let doing = format!("use {} as the pool's file", config.file.display());
        return Err(PoolError::refused(doing, "it has no file name"));
    };
    let parent = if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    };
    folder(parent)?;
    let file = canonical(parent)?.join(name);
    Ok(PoolConfig {
        directory,
        file,
        ..config
    })
}

/// The mount point of the pool's file, as the kernel names it, if it is mounted.
pub(super) fn mounted(config: &PoolConfig) -> Result<Option<PathBuf>, PoolError> {
    if !exists(&config.file)? || !exists(&config.directory)? {
        return Ok(None);
    }
    let (directory, file) = (canonical(&config.directory)?, canonical(&config.file)?);
    let mounts = mounts()?;
    let mount = mounts.on(&directory);
    let backing = mount.and_then(super::mounts::Mount::backing_file);
    Ok((backing == Some(file)).then_some(directory))
}

/// Chooses how this pool makes clones, and sets that up.
pub(super) async fn decide(config: &PoolConfig) -> Result<CloneMethod, PoolError> {
    if exists(&config.file)? {
        return adopt(config).await;
    }
    match shares_blocks(&config.directory) {
        Ok(true) => return Ok(CloneMethod::Native),
        // Too full for the check: existing data was created with shared blocks, and it must be
        // possible to remove it.
        Err(PoolError::Full { .. }) if holds_data(&config.directory)? => {
            return Ok(CloneMethod::Native);
        }
        Ok(false) => {}
        Err(error) => return Err(error),
    }
    let mounts = mounts()?;
    let kind = mounts
        .below(&config.directory)
        .map_or("unknown", |mount| mount.kind.as_str());
    let copies = |reason: String, remedy: &str| {
        let directory = config.directory.display();
        Ok(CloneMethod::Copies {
            why: format!(
                "the file system of {directory} ({kind}) cannot share blocks, and {reason}"
            ),
            remedy: remedy.to_owned(),
        })
    };
    if mounts.on(&config.directory).is_some() {
        return copies(
            "the directory is its mount point".to_owned(),
            "mount XFS or btrfs there",
        );
    }
    if holds_data(&config.directory)? {
        let remedy = "remove all previews and snapshots, then start again";
        return copies("the pool already holds data".to_owned(), remedy);
    }
    if !nix::unistd::geteuid().is_root() {
        return copies("only root can mount one that can".to_owned(), ELSEWHERE);
    }
    if config.file_mib_max < loop_file::FILE_MIB_MIN {
        let why = format!(
            "{} MiB is too small; set limits.pool_mib_max to at least {}",
            config.file_mib_max,
            loop_file::FILE_MIB_MIN
        );
        return Err(PoolError::refused("create the pool's file", why));
    }
    match create(config).await {
        Ok(()) => looped(config).await,
        Err(error) => copies(error.to_string(), remedy(&error)),
    }
}

/// An existing file is mounted unless it already is.
async fn adopt(config: &PoolConfig) -> Result<CloneMethod, PoolError> {
    let doing = || {
        format!(
            "mount {} on {}",
            config.file.display(),
            config.directory.display()
        )
    };
    let mounted = match mounts()?.on(&config.directory) {
        Some(mount) if mount.backing_file().as_deref() == Some(&*config.file) => true,
        Some(_) => {
            return Err(PoolError::refused(
                doing(),
                "something else is mounted there; unmount it first",
            ));
        }
        None => false,
    };
    if !mounted && holds_data(&config.directory)? {
        return Err(PoolError::refused(
            doing(),
            "the directory holds data that the mount would hide; move one of the two away",
        ));
    }
    let lengthen = |error| PoolError::of(format!("grow {}", config.file.display()), error);
    loop_file::lengthen(config).map_err(lengthen)?;
    if !mounted {
        let mount = loop_file::mount(config).await;
        mount.map_err(|error| PoolError::of(doing(), error))?;
    }
    looped(config).await
}

/// Creates and mounts the file. On failure it removes the file, since an existing file means that
/// it holds data.
async fn create(config: &PoolConfig) -> Result<(), io::Error> {
    loop_file::make(config).await?;
    let mounted = loop_file::mount(config).await;
    if mounted.is_err() {
        std::fs::remove_file(&config.file)?;
    }
    mounted?;
    // Everything below inherits it. Without it, clones use more space when they are written to.
    if let Err(error) = loop_file::hint(&config.directory).await {
        tracing::debug!(%error, "cannot set the hint of the pool's file system");
    }
    Ok(())
}

/// The method of a pool with a mounted file, after growing it to its full size.
async fn looped(config: &PoolConfig) -> Result<CloneMethod, PoolError> {
    let mounts = mounts()?;
    if let Some(mount) = mounts.on(&config.directory)
        && let Err(error) = loop_file::fill(config, mount).await
    {
        tracing::warn!(%error, "cannot grow the pool's file system; it keeps its size");
    }
    let private = Permissions::from_mode(FOLDER_MODE);
    std::fs::set_permissions(&config.directory, private).map_err(|error| {
        PoolError::of(
            format!("restrict access to {}", config.directory.display()),
            error,
        )
    })?;
    match shares_blocks(&config.directory) {
        // Too full for the check; Dayfly's own file systems do share blocks.
        Ok(true) | Err(PoolError::Full { .. }) => {}
        Ok(false) => {
            let doing = format!("clone in {}", config.file.display());
            let why = "its file system cannot share blocks; move it away to have a new one created";
            return Err(PoolError::refused(doing, why));
        }
        Err(error) => return Err(error),
    }
    let size = std::fs::metadata(&config.file)
        .map_err(|error| PoolError::of(format!("measure {}", config.file.display()), error))?;
    let size_bytes = size.len();
    // Tolerates small changes by other users of the disk.
    if let Ok(fits) = loop_file::fits(config)
        && size_bytes - size_bytes / 8 > fits
    {
        tracing::warn!(
            pool_mib = size_bytes / MIB,
            room_mib = fits / MIB,
            "the pool may grow larger than the free space of the disk below; free some of the disk"
        );
    }
    Ok(CloneMethod::Loop { size_bytes })
}

fn remedy(error: &io::Error) -> &'static str {
    let program = error.get_ref().and_then(|inner| inner.downcast_ref());
    match program {
        Some(ProgramError::NotInstalled("mkfs.xfs")) => "apt-get install xfsprogs",
        Some(ProgramError::NotInstalled(_)) => "apt-get install mount",
        _ if error.kind() == io::ErrorKind::StorageFull => {
            "free some of the disk, then start again"
        }
        _ => ELSEWHERE,
    }
}

/// Whether the directory contains more than Dayfly's own empty folders.
fn holds_data(directory: &Path) -> Result<bool, PoolError> {
    let failed = |error| PoolError::of(format!("list {}", directory.display()), error);
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let ours = entry
            .file_name()
            .to_str()
            .is_some_and(|n| FOLDERS.contains(&n));
        let is_folder = entry.file_type().map_err(failed)?.is_dir();
        let is_empty = ours
            && is_folder
            && std::fs::read_dir(entry.path())
                .map_err(failed)?
                .next()
                .is_none();
        if !is_empty {
            return Ok(true);
        }
    }
    Ok(false)
}

fn folder(path: &Path) -> Result<(), PoolError> {
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(path)
        .map_err(|error| PoolError::of(format!("create {}", path.display()), error))
}

fn canonical(path: &Path) -> Result<PathBuf, PoolError> {
    std::fs::canonicalize(path)
        .map_err(|error| PoolError::of(format!("find {}", path.display()), error))
}

fn exists(path: &Path) -> Result<bool, PoolError> {
    path.try_exists()
        .map_err(|error| PoolError::of(format!("find {}", path.display()), error))
}

fn mounts() -> Result<Mounts, PoolError> {
    Mounts::read().map_err(|error| PoolError::of("read the list of mounts", error))
}
