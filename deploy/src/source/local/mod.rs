//! The files of a folder of this machine, read with the rights of the calling user.
//!
//! Blocking: for the command line, not for the server.

mod archive;
mod opened;

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

pub use archive::archive_checkout;
pub use opened::open_checkout;

use super::{
    Limits, SourceError,
    checkout::{listed, utf8},
    limits::LINK_BYTES_MAX,
    listing::weigh,
    paths,
};

/// A summary of a folder's files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files and links.
    pub files: usize,
    /// Bytes of their contents.
    pub bytes: u64,
    /// Whether git listed the files; otherwise all files were included.
    pub by_git: bool,
    /// A sentence for each omission, for users.
    pub notes: Vec<String>,
}

/// The kind of a file on the disk.
enum Found {
    File {
        size: u64,
        executable: bool,
        identity: (u64, u64),
    },
    Link(String),
    /// A submodule that is not checked out here.
    Submodule,
}

/// The paths to check in a folder, each with whether it is a git submodule. An untracked path that
/// git takes for another repository ends with a slash.
type Names = BTreeMap<String, bool>;

fn root_of(path: &Path) -> Result<PathBuf, SourceError> {
    fs::canonicalize(path).map_err(SourceError::io(format!("open {}", path.display())))
}

/// The files, links and missing submodules of a folder by their paths. In a git checkout these are
/// the tracked and the untracked, not ignored files as they are on the disk, including those of
/// submodules. Elsewhere it is everything but `.git`. Follows no link.
fn files_of(
    root: &Path,
    limits: &Limits,
) -> Result<(BTreeMap<String, Found>, Summary), SourceError> {
    let mut summary = Summary::default();
    let names = match checkout_of(root) {
        Some(_) => {
            summary.by_git = true;
            by_git(root, limits)?
        }
        None => by_walk(root, limits)?,
    };
    let found = inspect_all(root, names, limits, &mut summary)?;
    Ok((found, summary))
}

/// The checkout that contains the folder. Searched without git: if git cannot read the checkout,
/// that must be an error. Otherwise the archive would include all ignored files.
fn checkout_of(root: &Path) -> Option<&Path> {
    root.ancestors()
        .find(|folder| fs::symlink_metadata(folder.join(".git")).is_ok())
}

/// The paths that git lists in a checkout and its checked-out submodules.
fn by_git(root: &Path, limits: &Limits) -> Result<Names, SourceError> {
    let mut names = Names::new();
    let mut checkouts = vec![String::new()];
    while let Some(checkout) = checkouts.pop() {
        for (name, submodule) in listed(&root.join(&checkout))? {
            let name = format!("{checkout}{name}");
            // Git ends an untracked repository with a slash.
            if !name.ends_with('/') && is_checkout(root, &name) {
                checkouts.push(name + "/");
                // Bounds the git calls: at most one per file.
                weigh(checkouts.len(), 0, limits)?;
            } else {
                names.insert(name, submodule);
            }
        }
    }
    Ok(names)
}

/// Whether a tracked path is a checked-out submodule: a real folder with a checkout's `.git`.
fn is_checkout(root: &Path, name: &str) -> bool {
    is_real_folder(root, name, &mut HashMap::from([(String::new(), true)]))
        && fs::symlink_metadata(root.join(name).join(".git")).is_ok()
}

fn by_walk(root: &Path, limits: &Limits) -> Result<Names, SourceError> {
    let mut names = Names::new();
    let mut folders = vec![PathBuf::new()];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        let doing = || format!("read the folder {}", root.join(&folder).display());
        for entry in fs::read_dir(root.join(&folder)).map_err(SourceError::io(doing()))? {
            let entry = entry.map_err(SourceError::io(doing()))?;
            if entry.file_name() == ".git" {
                continue;
            }
            seen += 1;
            // Folders count too: otherwise a huge tree of empty folders would have no limit.
            weigh(seen, 0, limits)?;
            let path = folder.join(entry.file_name());
            if entry
                .file_type()
                .map_err(SourceError::io(doing()))?
                .is_dir()
            {
                folders.push(path);
            } else {
                names.insert(utf8(path.as_os_str().as_encoded_bytes())?, false);
            }
        }
    }
    Ok(names)
}

fn inspect_all(
    root: &Path,
    names: Names,
    limits: &Limits,
    summary: &mut Summary,
) -> Result<BTreeMap<String, Found>, SourceError> {
    let mut folders = HashMap::from([(String::new(), true)]);
    let mut all = BTreeMap::new();
    for (name, submodule) in names {
        let git = Git {
            tracked: !name.ends_with('/'),
            submodule,
        };
        let path = name.trim_end_matches('/').to_owned();
        paths::check(&path).map_err(|why| SourceError::unfit(&path, why))?;
        let folder = paths::folder(&path);
        // The folders above a missing submodule may be missing too.
        let absent = submodule && !is_replaced(root, folder);
        if !absent && !is_real_folder(root, folder, &mut folders) {
            continue;
        }
        let Some(found) = inspect(root, &path, &git, summary)? else {
            continue;
        };
        let bytes = match &found {
            Found::File { size, .. } => Some(*size),
            Found::Link(target) => Some(target.len() as u64),
            Found::Submodule => None,
        };
        if let Some(bytes) = bytes {
            summary.files += 1;
            summary.bytes += bytes;
        }
        weigh(summary.files, summary.bytes, limits)?;
        all.insert(path, found);
    }
    Ok(all)
}

/// Whether every folder on the way is a real folder and not a link. Git still lists a tracked file
/// after its folder was replaced by a link, and reading the file would follow that link.
fn is_real_folder(root: &Path, folder: &str, known: &mut HashMap<String, bool>) -> bool {
    if let Some(answer) = known.get(folder) {
        return *answer;
    }
    let answer = is_real_folder(root, paths::folder(folder), known)
        && fs::symlink_metadata(root.join(folder)).is_ok_and(|data| data.is_dir());
    known.insert(folder.to_owned(), answer);
    answer
}

/// Whether something else replaced a folder on the way.
fn is_replaced(root: &Path, folder: &str) -> bool {
    !folder.is_empty()
        && (is_replaced(root, paths::folder(folder))
            || fs::symlink_metadata(root.join(folder)).is_ok_and(|data| !data.is_dir()))
}

/// Git's view of a path.
struct Git {
    tracked: bool,
    submodule: bool,
}

fn inspect(
    root: &Path,
    path: &str,
    git: &Git,
    summary: &mut Summary,
) -> Result<Option<Found>, SourceError> {
    let absent =
        "is a submodule that is not checked out here; `git submodule update --init` gets its files";
    let full = root.join(path);
    let mut note = |what| summary.notes.push(format!("{} {what}", paths::shown(path)));
    let data = match fs::symlink_metadata(&full) {
        Ok(data) => data,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound && git.submodule => {
            note(absent);
            return Ok(Some(Found::Submodule));
        }
        // Tracked, but deleted on the disk.
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(SourceError::io(format!("inspect {path}"))(cause)),
    };
    if data.is_file() {
        let executable = data.permissions().mode() & 0o100 != 0;
        let identity = (data.dev(), data.ino());
        return Ok(Some(Found::File {
            size: data.len(),
            executable,
            identity,
        }));
    }
    if data.is_symlink() {
        let target =
            fs::read_link(&full).map_err(SourceError::io(format!("read the link {path}")))?;
        let target = target.into_os_string().into_string();
        let target =
            target.map_err(|_| SourceError::unfit(path, "the link's target is not UTF-8"))?;
        if target.len() as u64 > LINK_BYTES_MAX {
            return Err(SourceError::unfit(
                path,
                "the link's target is longer than 4096 bytes",
            ));
        }
        return Ok(Some(Found::Link(target)));
    }
    if data.is_dir() && git.submodule {
        note(absent);
        return Ok(Some(Found::Submodule));
    }
    if !data.is_dir() {
        note("is a device, pipe or socket and was left out");
    } else if !git.tracked {
        note("is another repository's checkout and was left out");
    }
    // If a folder replaced a tracked file, git lists the files in it separately.
    Ok(None)
}
