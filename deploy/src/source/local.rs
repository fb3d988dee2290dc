//! A folder of this machine, as the person who calls reads it, becomes an archive.
//!
//! Blocking: it belongs to the command line, not to the server.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{
    Limits, SourceError,
    limits::{CHUNK_BYTES, LINK_BYTES_MAX},
    links::{self, Leads},
    listing::weigh,
    paths, said,
    tape::{self, Item, Kind},
};

/// What was put into an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files and links.
    pub files: usize,
    /// Bytes of their contents.
    pub bytes: u64,
    /// Whether git said which files belong to it; otherwise everything was taken.
    pub by_git: bool,
    /// A sentence for each thing that was left out, for people.
    pub notes: Vec<String>,
}

/// What a file on the disk is to us.
enum Found {
    File {
        size: u64,
        executable: bool,
        identity: (u64, u64),
    },
    Link(String),
}

/// Writes the files of a folder as a tar archive. In a git checkout these are the tracked and the
/// untracked ones that are not ignored, as they are on the disk; elsewhere all but `.git`. No link
/// is followed.
pub fn archive_checkout(path: &Path, sink: impl Write) -> Result<Summary, SourceError> {
    archive_with(path, sink, &Limits::default())
}

fn archive_with(
    path: &Path,
    mut sink: impl Write,
    limits: &Limits,
) -> Result<Summary, SourceError> {
    let root =
        fs::canonicalize(path).map_err(SourceError::io(format!("open {}", path.display())))?;
    let mut summary = Summary::default();
    let names = match checkout_of(&root) {
        Some(_) => {
            summary.by_git = true;
            by_git(&root)?
        }
        None => by_walk(&root, limits)?,
    };
    let found = look_at_all(&root, names, limits, &mut summary)?;
    refuse_leaving_links(&found)?;
    for (path, found) in &found {
        write_one(&root, path, found, &mut sink)?;
    }
    sink.write_all(&tape::END)
        .and_then(|()| sink.flush())
        .map_err(writing())?;
    Ok(summary)
}

/// The checkout that the folder is in. Looked for by hand: if git then cannot read it, that must
/// be told, and not end in an archive of everything that it would have ignored.
fn checkout_of(root: &Path) -> Option<&Path> {
    root.ancestors()
        .find(|folder| fs::symlink_metadata(folder.join(".git")).is_ok())
}

fn by_git(root: &Path) -> Result<BTreeSet<String>, SourceError> {
    let doing = "list the checkout's files";
    let mut command = Command::new("git");
    // Variables that a hook sets would lead git to another repository.
    for name in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_PREFIX",
        "GIT_NAMESPACE",
    ] {
        command.env_remove(name);
    }
    let output = command
        .args([
            "-c",
            "core.fsmonitor=false",
            "-c",
            "core.hooksPath=/dev/null",
        ])
        .args(["ls-files", "-co", "--exclude-standard", "-z", "--", "."])
        .current_dir(root)
        .env("LC_ALL", "C")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null())
        .output()
        .map_err(SourceError::io("run git"))?;
    if !output.status.success() {
        let message = said::clean(&String::from_utf8_lossy(&output.stderr), &[]);
        return Err(SourceError::Git { doing, message });
    }
    output
        .stdout
        .split(|b| *b == 0)
        .filter(|name| !name.is_empty())
        .map(utf8)
        .collect()
}

fn by_walk(root: &Path, limits: &Limits) -> Result<BTreeSet<String>, SourceError> {
    let mut names = BTreeSet::new();
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
            // Folders count too, or a tree of empty ones could be walked for ever.
            weigh(seen, 0, limits)?;
            let path = folder.join(entry.file_name());
            if entry
                .file_type()
                .map_err(SourceError::io(doing()))?
                .is_dir()
            {
                folders.push(path);
            } else {
                names.insert(utf8(path.as_os_str().as_encoded_bytes())?);
            }
        }
    }
    Ok(names)
}

fn utf8(name: &[u8]) -> Result<String, SourceError> {
    String::from_utf8(name.to_vec()).map_err(|_| {
        let shown = String::from_utf8_lossy(name);
        SourceError::unfit(
            &shown,
            "the name is not UTF-8, so no build can carry it; rename it",
        )
    })
}

fn look_at_all(
    root: &Path,
    names: BTreeSet<String>,
    limits: &Limits,
    summary: &mut Summary,
) -> Result<BTreeMap<String, Found>, SourceError> {
    let mut folders = HashMap::from([(String::new(), true)]);
    let mut all = BTreeMap::new();
    for name in names {
        let path = name.trim_end_matches('/').to_owned();
        paths::check(&path).map_err(|why| SourceError::unfit(&path, why))?;
        if !is_real_folder(root, paths::folder(&path), &mut folders) {
            continue;
        }
        let Some(found) = look_at(root, &path, summary)? else {
            continue;
        };
        summary.files += 1;
        summary.bytes += match &found {
            Found::File { size, .. } => *size,
            Found::Link(target) => target.len() as u64,
        };
        weigh(summary.files, summary.bytes, limits)?;
        all.insert(path, found);
    }
    Ok(all)
}

/// Whether every folder on the way is one and not a link: git still lists a tracked file whose
/// folder was replaced by a link, and reading it would follow that link.
fn is_real_folder(root: &Path, folder: &str, known: &mut HashMap<String, bool>) -> bool {
    if let Some(answer) = known.get(folder) {
        return *answer;
    }
    let answer = is_real_folder(root, paths::folder(folder), known)
        && fs::symlink_metadata(root.join(folder)).is_ok_and(|data| data.is_dir());
    known.insert(folder.to_owned(), answer);
    answer
}

fn look_at(root: &Path, path: &str, summary: &mut Summary) -> Result<Option<Found>, SourceError> {
    let full = root.join(path);
    let data = match fs::symlink_metadata(&full) {
        Ok(data) => data,
        // Tracked, but deleted on the disk.
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(SourceError::io(format!("look at {path}"))(cause)),
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
    let what = if data.is_dir() {
        "is another repository's checkout and was left out"
    } else {
        "is a device, pipe or socket and was left out"
    };
    summary.notes.push(format!("{} {what}", paths::shown(path)));
    Ok(None)
}

fn refuse_leaving_links(found: &BTreeMap<String, Found>) -> Result<(), SourceError> {
    let targets = || {
        found.iter().filter_map(|(path, found)| match found {
            Found::Link(target) => Some((path.as_str(), target.as_str())),
            Found::File { .. } => None,
        })
    };
    let all = targets().collect();
    for (path, target) in targets() {
        if links::of_link(path, target, &all) == Leads::Out {
            let why = format!(
                "the link leaves the folder (it leads to {})",
                paths::shown(target)
            );
            return Err(SourceError::unfit(path, why));
        }
    }
    Ok(())
}

fn write_one(
    root: &Path,
    path: &str,
    found: &Found,
    sink: &mut impl Write,
) -> Result<(), SourceError> {
    let (kind, file) = match found {
        Found::Link(target) => (Kind::Link(target), None),
        Found::File {
            size,
            executable,
            identity,
        } => {
            let file =
                File::open(root.join(path)).map_err(SourceError::io(format!("open {path}")))?;
            let data = file
                .metadata()
                .map_err(SourceError::io(format!("look at {path}")))?;
            // The name may have become a link since it was looked at.
            if (data.dev(), data.ino()) != *identity || data.len() != *size {
                return Err(changed(path));
            }
            (
                Kind::File {
                    size: *size,
                    executable: *executable,
                },
                Some((file, *size)),
            )
        }
    };
    sink.write_all(&tape::head(&Item {
        path,
        kind,
        nanos: 0,
    }))
    .map_err(writing())?;
    let Some((file, size)) = file else {
        return Ok(());
    };
    let mut file = file.take(size);
    let mut piece = vec![0; CHUNK_BYTES.min(usize::try_from(size).unwrap_or(CHUNK_BYTES))];
    let mut left = size;
    while left > 0 {
        let length = file
            .read(&mut piece)
            .map_err(SourceError::io(format!("read {path}")))?;
        if length == 0 {
            return Err(changed(path));
        }
        sink.write_all(&piece[..length]).map_err(writing())?;
        left -= length as u64;
    }
    sink.write_all(tape::padding(size)).map_err(writing())
}

fn changed(path: &str) -> SourceError {
    SourceError::unfit(path, "it changed while it was read; try again")
}

fn writing() -> impl FnOnce(io::Error) -> SourceError {
    SourceError::io("write the archive")
}
