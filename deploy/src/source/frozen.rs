//! Copies mirrors for an archive, and removes leftovers of crashes from mirrors.

use std::{
    fs::{DirBuilder, File},
    io::{self, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use super::{
    MirrorFile, MirrorId, Mirrors, SourceError, git::config_of_mirror, leftovers::sweep,
    mirrors::GONE_PREFIX,
};

/// Prefix of the folders of copies. They lie beside the mirrors, so that both can share file
/// blocks.
const COPY_PREFIX: &str = "frozen-";

/// A mirror at one moment. It shares the mirror's files and is removed when dropped.
#[derive(Debug)]
pub struct FrozenMirror {
    folder: PathBuf,
    name: String,
    left_out: Vec<String>,
}

impl FrozenMirror {
    /// Adds it to an archive, in a folder of its name below `below`; blocking.
    ///
    /// # Errors
    /// If a file is unreadable or writing the archive fails.
    pub fn append_to<W: io::Write>(
        &self,
        archive: &mut tar::Builder<W>,
        below: &Path,
    ) -> io::Result<()> {
        archive.follow_symlinks(false);
        archive.append_dir_all(below.join(&self.name), self.folder.join(&self.name))
    }

    /// The parts of the mirror that it lacks, each with its path in the mirror.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }
}

impl Drop for FrozenMirror {
    fn drop(&mut self) {
        // Best effort: the next start removes leftovers.
        let _gone = std::fs::remove_dir_all(&self.folder);
    }
}

/// The contents of the folder of mirrors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MirrorNames {
    /// Names of the mirrors' folders, sorted.
    pub mirrors: Vec<String>,
    /// Names of entries that Dayfly did not create.
    pub strangers: Vec<String>,
}

impl Mirrors {
    /// Lists the folder.
    ///
    /// # Errors
    /// If the folder is unreadable.
    pub fn names(&self) -> io::Result<MirrorNames> {
        let mut names = MirrorNames::default();
        let entries = match std::fs::read_dir(self.root()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(names),
            other => other?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_folder = entry.file_type()?.is_dir();
            match mirror_of(&name) {
                Some(_) if is_folder => names.mirrors.push(name),
                _ if is_ours(&name) => {}
                _ => names.strangers.push(name),
            }
        }
        names.mirrors.sort();
        names.strangers.sort();
        Ok(names)
    }

    /// Removes leftovers of killed git processes from idle mirrors, and unfinished copies and
    /// removals of a crashed server. For the start: no copy may be running.
    pub async fn sweep(&self) {
        let names = match self.names() {
            Ok(names) => names,
            Err(cause) => {
                tracing::warn!(%cause, "cannot list the mirrors to remove leftovers");
                return;
            }
        };
        for name in names.mirrors {
            match self.sweep_one(&name).await {
                Ok(0) => {}
                Ok(files) => tracing::info!(mirror = name, files, "removed a mirror's leftovers"),
                Err(error) => tracing::warn!(mirror = name, %error, "cannot clean up a mirror"),
            }
        }
        let root = self.root().to_owned();
        let removed = tokio::task::spawn_blocking(move || remove_copies(&root));
        if let Ok(Err(cause)) = removed.await {
            tracing::warn!(%cause, "cannot remove unfinished copies of mirrors");
        }
    }

    async fn sweep_one(&self, name: &str) -> Result<usize, SourceError> {
        let Some(mirror) = mirror_of(name) else {
            return Ok(0);
        };
        match self.try_hold(mirror.as_str()).await? {
            Some(_hold) => Ok(sweep(&self.root().join(name)).await),
            None => Ok(0),
        }
    }

    /// Copies a mirror, by its folder's name, without leftovers of crashes. `None` if it does not
    /// exist (yet). A concurrent fetch is in the copy completely or not at all.
    ///
    /// # Errors
    /// If the mirror is unreadable or the copy fails.
    pub async fn freeze(&self, name: &str) -> Result<Option<FrozenMirror>, SourceError> {
        let Some(mirror) = mirror_of(name) else {
            return Ok(None);
        };
        let hold = self.try_hold(mirror.as_str()).await?;
        let dir = self.root().join(name);
        if hold.is_some() {
            sweep(&dir).await;
        }
        let doing = format!("copy the mirror {}", dir.display());
        let random = crate::random::hex::<8>().map_err(io::Error::other);
        let random = random.map_err(SourceError::io(doing.clone()))?;
        let copy = FrozenMirror {
            folder: self.root().join(format!("{COPY_PREFIX}{random}")),
            name: name.to_owned(),
            left_out: Vec::new(),
        };
        let copied = tokio::task::spawn_blocking(move || {
            let _hold = hold;
            fill(copy, &dir)
        });
        let copied = copied.await.map_err(io::Error::other).flatten();
        copied.map_err(SourceError::io(doing))
    }
}

/// The mirror that belongs to this folder name.
fn mirror_of(name: &str) -> Option<MirrorId> {
    let name = name.strip_suffix(".git")?;
    MirrorId::parse(name.strip_suffix(".sha256").unwrap_or(name)).ok()
}

/// Whether Dayfly creates entries of this name beside mirrors.
fn is_ours(name: &str) -> bool {
    let kinds = [".lock", ".lfs", ".sha256.lfs"];
    let beside = |kind: &&str| {
        let mirror = name.strip_suffix(*kind);
        mirror.is_some_and(|mirror| MirrorId::parse(mirror).is_ok())
    };
    name == "home" || is_copy(name) || kinds.iter().any(beside)
}

fn is_copy(name: &str) -> bool {
    let rest = [COPY_PREFIX, GONE_PREFIX]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix));
    rest.is_some_and(|rest| rest.len() == 16 && rest.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn remove_copies(root: &Path) -> io::Result<()> {
    let entries = match std::fs::read_dir(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(is_copy) {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// References are copied first, then the shallow file, then objects. Git writes them in the
/// opposite order, so everything that the copied references need is in the copy.
const ORDER: [&str; 6] = [
    "refs",
    "packed-refs",
    "shallow",
    "objects",
    "config",
    "HEAD",
];

fn fill(mut copy: FrozenMirror, dir: &Path) -> io::Result<Option<FrozenMirror>> {
    let target = copy.folder.join(&copy.name);
    DirBuilder::new()
        .mode(0o700)
        .recursive(true)
        .create(target.join("refs"))?;
    // Without objects and references, git does not recognise a repository.
    std::fs::create_dir_all(target.join("objects"))?;
    let top = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let mut names: Vec<String> = top
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<_>>()?;
    let place = |name: &String| ORDER.iter().position(|known| known == name);
    names.sort_by_key(|name| (place(name).unwrap_or(ORDER.len()), name.clone()));
    for name in names {
        add(&mut copy, dir, Path::new(&name))?;
    }
    // It may have been removed meanwhile, or be incomplete.
    let whole = dir.join("HEAD").try_exists()? && target.join("HEAD").try_exists()?;
    Ok(whole.then_some(copy))
}

fn add(copy: &mut FrozenMirror, dir: &Path, path: &Path) -> io::Result<()> {
    let (source, target) = (dir.join(path), copy.folder.join(&copy.name).join(path));
    let kind = match std::fs::symlink_metadata(&source) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?.file_type(),
    };
    if kind.is_dir() {
        let entries = match std::fs::read_dir(&source) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        for entry in entries {
            add(copy, dir, &path.join(entry?.file_name()))?;
        }
        return Ok(());
    }
    if !kind.is_file() || MirrorFile::of(path) != MirrorFile::Known {
        copy.left_out.push(path.display().to_string());
        return Ok(());
    }
    if let Some(parent) = target.parent() {
        std::fs::create_dir_all(parent)?;
    }
    if path == Path::new("config") {
        return add_config(copy, &source, &target);
    }
    match std::fs::hard_link(&source, &target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // Not every file system can share file blocks.
        Err(_) => std::fs::copy(&source, &target).map(drop),
        Ok(()) => Ok(()),
    }
}

/// The copy always has Dayfly's own settings, even if the mirror's were edited: a restore accepts
/// no others.
fn add_config(copy: &mut FrozenMirror, source: &Path, target: &Path) -> io::Result<()> {
    let ours = config_of_mirror(&copy.name);
    if std::fs::read(source)? != ours.as_bytes() {
        let changed = "config (manual changes only; the backup has Dayfly's own settings)";
        copy.left_out.push(changed.to_owned());
    }
    File::create_new(target)?.write_all(ours.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{
        check_mirror,
        testing::{Bench, archive, mirror},
    };

    /// The copy's files, sorted.
    fn files(folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let name = entry.file_name().into_string().unwrap();
            if entry.path().is_dir() {
                let below = files(&entry.path());
                found.extend(below.into_iter().map(|path| format!("{name}/{path}")));
            } else {
                found.push(name);
            }
        }
        found.sort();
        found
    }

    #[tokio::test]
    async fn a_copy_has_what_makes_the_mirror_and_names_what_it_left_out() {
        let bench = Bench::new();
        bench.put("a", "1").tree().await;
        bench.put("a", "2").tree().await;
        let root = bench.folder.path().join("mirrors");
        let dir = root.join("shop.git");
        let whole = files(&dir);
        std::fs::create_dir_all(dir.join("hooks")).unwrap();
        for (path, text) in [
            ("fast_import_crash_1", "crash"),
            ("shallow.lock", ""),
            ("objects/pack/tmp_pack_x", "PACK"),
            ("hooks/post-update", "#!/bin/sh"),
            ("config", "[core]\n\tfsmonitor = x\n"),
            ("notes", "of somebody"),
        ] {
            std::fs::write(dir.join(path), text).unwrap();
        }
        let names = bench.mirrors.names().unwrap();
        assert_eq!(names.mirrors, ["shop.git"]);
        assert!(names.strangers.is_empty(), "{names:?}");
        let copy = bench.mirrors.freeze("shop.git").await.unwrap().unwrap();
        let at = copy.folder.join("shop.git");
        assert_eq!(files(&at), whole);
        assert_eq!(
            copy.left_out(),
            [
                "config (manual changes only; the backup has Dayfly's own settings)",
                "hooks/post-update",
                "notes"
            ]
        );
        assert!(!dir.join("fast_import_crash_1").exists(), "not swept");
        check_mirror(&at, &root.join("home")).await.unwrap();
        let folder = copy.folder.clone();
        drop(copy);
        assert!(!folder.exists());
        assert!(dir.join("HEAD").exists());
    }

    #[tokio::test]
    async fn what_a_fetch_under_way_writes_is_left_alone_and_out_of_the_copy() {
        let bench = Bench::new();
        bench.put("a", "1").tree().await;
        let dir = bench.folder.path().join("mirrors/shop.git");
        let pack = dir.join("objects/pack/tmp_pack_x");
        std::fs::write(&pack, "PACK").unwrap();
        let hold = bench.mirrors.hold(mirror().as_str()).await.unwrap();
        bench.mirrors.sweep().await;
        let copy = bench.mirrors.freeze("shop.git").await.unwrap().unwrap();
        assert_eq!(copy.left_out(), ["objects/pack/tmp_pack_x"]);
        assert!(pack.exists(), "swept under a fetch");
        drop((hold, copy));
        bench.mirrors.sweep().await;
        assert!(!pack.exists());
    }

    #[tokio::test]
    async fn a_start_removes_what_deaths_left_and_nothing_else() {
        let bench = Bench::new();
        let commit = bench.put("a", "1").commit();
        bench.fetch(&commit).await.unwrap();
        let root = bench.folder.path().join("mirrors");
        let copy = root.join(format!("frozen-{}", "0".repeat(16)));
        let gone = root.join(format!("gone-{}", "1".repeat(16)));
        for folder in [&copy, &gone] {
            std::fs::create_dir_all(folder.join("shop.git")).unwrap();
        }
        std::fs::write(root.join("shop.git/fast_import_crash_7"), "").unwrap();
        std::fs::write(root.join("readme"), "of somebody").unwrap();
        assert_eq!(bench.mirrors.names().unwrap().strangers, ["readme"]);
        bench.mirrors.sweep().await;
        assert!(!copy.exists() && !gone.exists());
        assert!(!root.join("shop.git/fast_import_crash_7").exists());
        assert!(root.join("readme").exists());
        assert!(bench.mirrors.find(&mirror(), &commit).await.is_some());
    }

    #[tokio::test]
    async fn an_upload_that_broke_off_leaves_only_what_a_mirror_has() {
        let bench = Bench::new();
        let whole = archive(&[("a", "content"), ("b", "more")]);
        assert!(
            bench
                .mirrors
                .import(&mirror(), &whole[..whole.len() - 700])
                .await
                .is_err()
        );
        let left = files(&bench.folder.path().join("mirrors/shop.git"));
        let mut unknown = left.iter();
        let unknown = unknown.find(|path| MirrorFile::of(Path::new(path)) != MirrorFile::Known);
        assert_eq!(unknown, None, "{left:?}");
    }

    #[tokio::test]
    async fn a_mirror_that_lacks_an_object_is_told_from_a_whole_one() {
        let bench = Bench::new();
        bench.put("a", "1").tree().await;
        let root = bench.folder.path().join("mirrors");
        let dir = root.join("shop.git");
        check_mirror(&dir, &root.join("home")).await.unwrap();
        let packs = std::fs::read_dir(dir.join("objects/pack"))
            .unwrap()
            .flatten();
        for file in packs {
            std::fs::remove_file(file.path()).unwrap();
        }
        let broken = check_mirror(&dir, &root.join("home")).await.unwrap_err();
        assert!(broken.to_string().contains("check the mirror"), "{broken}");
    }
}
