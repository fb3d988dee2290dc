//! A build context: the files of a commit's folder without the ignored ones, plus the Dockerfile.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, HashMap, btree_map::Entry as Slot},
    sync::Arc,
};

use bytes::{Bytes, BytesMut};
use sha2::{Digest as _, Sha256};

use super::{
    Absence, Entry, IgnoreRules, Mode, SourceError, Tree,
    ignore::Matcher,
    limits::{CHUNK_BYTES, IGNORE_BYTES_MAX},
    paths,
    store::Reader,
    tape::EPOCH_SECONDS,
};

/// The files of a build. The time of each file derives from its content: for a builder, equal files
/// are equal and different files differ, whatever their sizes. All checks ran before this was
/// created. Links are sent as links, wherever they lead; Dayfly does not follow them.
#[derive(Clone, Debug)]
pub struct Context {
    tree: Tree,
    folder: String,
    parts: Arc<[Part]>,
    recipe: Arc<[Part]>,
    /// The effective ignore file, from the tree's root.
    ignore: Option<String>,
}

/// One entry of a context. Owner is root, modes are 0644 and 0755.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its path inside the context; folders have no trailing slash.
    pub path: String,
    /// The kind of entry.
    pub kind: PartKind,
}

/// The kind of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// A folder.
    Folder,
    /// A symbolic link.
    Link {
        /// The target as committed: it may be outside the context or not exist.
        target: String,
        /// The id of its content.
        id: String,
    },
    /// A file.
    File {
        /// The id of its content.
        id: String,
        /// Bytes of its content.
        size: u64,
        /// Whether it is executable.
        executable: bool,
        /// Index of the tree's store that has its content.
        store: usize,
    },
}

impl Part {
    /// Nanoseconds after 2000-01-01T00:00:00Z: the first 40 bits of the content's id, about 18
    /// minutes. Builders compare path, size, mode and time, but never content.
    pub(super) fn nanos(&self) -> u64 {
        let (PartKind::Link { id, .. } | PartKind::File { id, .. }) = &self.kind else {
            return 0;
        };
        id.get(..10)
            .and_then(|digits| u64::from_str_radix(digits, 16).ok())
            .unwrap_or(0)
    }

    /// Its time in nanoseconds since 1970.
    pub fn modified_ns(&self) -> i64 {
        let nanos = EPOCH_SECONDS * 1_000_000_000 + self.nanos();
        i64::try_from(nanos).unwrap_or(i64::MAX)
    }
}

impl Context {
    /// The files of `folder` of the tree, for a build of `dockerfile` inside it.
    ///
    /// # Errors
    /// If the folder has no files, the ignore file is unreadable, or a limit is exceeded.
    pub async fn of(tree: &Tree, folder: &str, dockerfile: &str) -> Result<Self, SourceError> {
        let prefix = prefix(folder);
        let own_ignore = format!("{dockerfile}.dockerignore");
        let rules = rules(tree, &prefix, [&own_ignore, ".dockerignore"]).await?;
        let (ignore, rules) =
            rules.map_or_else(Default::default, |(ignore, rules)| (Some(ignore), rules));
        let recipe = recipe(tree, &prefix, [dockerfile, &own_ignore]).await?;
        let mut parts = parts(tree, folder, rules).await?;
        parts.sort_unstable_by(|a, b| compare(&a.path, &b.path));
        Ok(Self {
            tree: tree.clone(),
            folder: folder.to_owned(),
            parts: parts.into(),
            recipe: recipe.into(),
            ignore,
        })
    }

    /// Its entries in the order that builders require: folders before their contents.
    pub fn parts(&self) -> &Arc<[Part]> {
        &self.parts
    }

    /// The files that a builder reads before it asks for the context, even if they are ignored: the
    /// Dockerfile and its own ignore file. Links to them are followed inside the commit, so both
    /// are files here. In the order of [`Context::parts`].
    pub fn recipe(&self) -> &Arc<[Part]> {
        &self.recipe
    }

    /// Opens the contents of its files.
    pub fn contents(&self) -> Contents {
        Contents::of(&self.tree)
    }

    /// SHA-256 of all paths, modes and contents, in hex: equal exactly if a build gets the same
    /// input.
    pub fn digest(&self) -> String {
        let mut digest = Sha256::new();
        for part in self.parts.iter() {
            let (kind, content) = match &part.kind {
                PartKind::Folder => ("folder", ""),
                PartKind::Link { id, .. } => ("link", id.as_str()),
                PartKind::File {
                    id,
                    executable: true,
                    ..
                } => ("program", id.as_str()),
                PartKind::File { id, .. } => ("file", id.as_str()),
            };
            for field in [kind, content, &part.path] {
                digest.update(field.as_bytes());
                // No field contains a NUL, so different contexts never hash the same bytes.
                digest.update([0]);
            }
        }
        hex::encode(digest.finalize())
    }

    /// Why a builder does not find the file or folder `path`.
    pub async fn absence(&self, path: &str) -> Absence {
        let Some(path) = paths::tidy(path.trim_start_matches('/')).filter(|path| !path.is_empty())
        else {
            return Absence::NotCommitted;
        };
        let prefix = prefix(&self.folder);
        if let Some(missing) = self.tree.missing_at(&format!("{prefix}{path}")) {
            return Absence::Missing(missing.clone());
        }
        let below = format!("{path}/");
        let is = |other: &str| other == path || other.starts_with(&below);
        let offered = self.parts.iter().any(|part| is(&part.path));
        let Ok(all) = self.tree.list().await else {
            return Absence::NotCommitted;
        };
        let committed = all
            .iter()
            .filter_map(|entry| entry.path.strip_prefix(&prefix))
            .any(is);
        match &self.ignore {
            Some(file) if committed && !offered => Absence::Ignored { by: file.clone() },
            _ => Absence::NotCommitted,
        }
    }
}

/// Reads contents one after the other. Dropping it ends its processes, one per repository.
pub struct Contents {
    tree: Tree,
    open: BTreeMap<usize, Reader>,
    store: usize,
    left: u64,
}

impl Contents {
    /// Opens the contents of a commit's files.
    pub(super) fn of(tree: &Tree) -> Self {
        Self {
            tree: tree.clone(),
            open: BTreeMap::new(),
            store: 0,
            left: 0,
        }
    }

    /// Starts a file; the previous one must have been read to its end. Other parts have no content.
    pub async fn begin(&mut self, part: &PartKind) -> Result<(), SourceError> {
        let PartKind::File {
            id, size, store, ..
        } = part
        else {
            return Ok(());
        };
        self.store = *store;
        let reader = match self.open.entry(*store) {
            Slot::Occupied(open) => open.into_mut(),
            Slot::Vacant(slot) => slot.insert(self.tree.reader(*store)?),
        };
        reader.begin(id, *size).await?;
        self.left = *size;
        if *size == 0 {
            reader.end().await?;
        }
        Ok(())
    }

    /// The next piece, of at most 64 KiB; `None` at the end of the file.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, SourceError> {
        let Some(reader) = self.open.get_mut(&self.store).filter(|_| self.left > 0) else {
            return Ok(None);
        };
        let mut piece = BytesMut::new();
        while self.left > 0 && piece.len() < CHUNK_BYTES / 2 {
            self.left = reader.pour(self.left, &mut piece).await?;
        }
        if self.left == 0 {
            reader.end().await?;
        }
        Ok(Some(piece.freeze()))
    }
}

/// The order of builders: by bytes, with the slash sorted before all of them.
fn compare(a: &str, b: &str) -> Ordering {
    let key = |byte: u8| if byte == b'/' { 0 } else { byte };
    a.bytes().map(key).cmp(b.bytes().map(key))
}

fn prefix(folder: &str) -> String {
    match folder {
        "" => String::new(),
        folder => format!("{folder}/"),
    }
}

/// The first of these ignore files that exists, from the tree's root, with its rules.
async fn rules(
    tree: &Tree,
    prefix: &str,
    paths: [&str; 2],
) -> Result<Option<(String, IgnoreRules)>, SourceError> {
    for path in paths {
        let full = format!("{prefix}{path}");
        let Some(entry) = tree.resolve(&full).await? else {
            if tree.has_link(&full).await? {
                return Err(SourceError::unfit(&full, "the link leads to no file"));
            }
            continue;
        };
        if entry.size > IGNORE_BYTES_MAX {
            return Err(SourceError::unfit(
                &full,
                "an ignore file may have at most 64 KiB",
            ));
        }
        let text = tree.read(&full).await?.unwrap_or_default();
        let rules = IgnoreRules::parse(&String::from_utf8_lossy(&text))
            .map_err(|wrong| SourceError::unfit(&format!("{full}:{}", wrong.line), wrong.why))?;
        return Ok(Some((full, rules)));
    }
    Ok(None)
}

/// The existing ones of these files, with their folders.
async fn recipe(tree: &Tree, prefix: &str, paths: [&str; 2]) -> Result<Vec<Part>, SourceError> {
    let (mut folders, mut parts) = (BTreeSet::new(), Vec::new());
    for path in paths {
        let Some(entry) = tree.resolve(&format!("{prefix}{path}")).await? else {
            continue;
        };
        parts.push(file(path, &entry));
        let mut folder = paths::folder(path);
        while !folder.is_empty() {
            folders.insert(folder.to_owned());
            folder = paths::folder(folder);
        }
    }
    parts.extend(folders.into_iter().map(folder_part));
    parts.sort_unstable_by(|a, b| compare(&a.path, &b.path));
    Ok(parts)
}

fn file(path: &str, entry: &Entry) -> Part {
    Part {
        path: path.to_owned(),
        kind: PartKind::File {
            id: entry.id.clone(),
            size: entry.size,
            executable: entry.mode == Mode::Executable,
            store: entry.store,
        },
    }
}

fn folder_part(path: String) -> Part {
    Part {
        path,
        kind: PartKind::Folder,
    }
}

async fn parts(tree: &Tree, folder: &str, rules: IgnoreRules) -> Result<Vec<Part>, SourceError> {
    let all = tree.list().await?;
    let prefix = prefix(folder);
    let inside: Vec<(&str, &Entry)> = all
        .iter()
        .filter_map(|entry| Some((entry.path.strip_prefix(&prefix)?, entry)))
        .collect();
    if inside.is_empty() {
        return Err(SourceError::unfit(
            folder,
            "the commit has no files in this folder",
        ));
    }
    let (folders, files) = kept(Arc::new(rules), &inside).await?;
    let links = tree
        .link_targets(files.iter().map(|at| inside[*at].1))
        .await?;
    let targets: HashMap<&str, String> = links
        .into_iter()
        .map(|(entry, target)| (&entry.path[prefix.len()..], target))
        .collect();
    let files = files.into_iter().map(|at| {
        let (path, entry) = inside[at];
        match targets.get(path) {
            Some(target) => Part {
                path: path.to_owned(),
                kind: PartKind::Link {
                    target: target.clone(),
                    id: entry.id.clone(),
                },
            },
            None => file(path, entry),
        }
    });
    Ok(folders.into_iter().map(folder_part).chain(files).collect())
}

/// The folders and entries to send. A folder is sent if it is not ignored or if something in it is
/// sent. Runs on a blocking thread, since many patterns on many paths take long.
async fn kept(
    rules: Arc<IgnoreRules>,
    inside: &[(&str, &Entry)],
) -> Result<(BTreeSet<String>, Vec<usize>), SourceError> {
    let paths: Vec<(String, bool)> = inside
        .iter()
        .map(|(path, entry)| {
            let absent = matches!(entry.mode, Mode::Submodule | Mode::Pointer);
            ((*path).to_owned(), absent)
        })
        .collect();
    let work = move || {
        let mut matcher = Matcher::new(&rules);
        let (mut folders, mut files) = (BTreeSet::new(), Vec::new());
        for (at, (path, absent)) in paths.iter().enumerate() {
            let sent = !absent && !matcher.ignores(path)?;
            if sent {
                files.push(at);
            }
            let (mut folder, mut needed) = (paths::folder(path), sent);
            while !folder.is_empty() && !folders.contains(folder) {
                needed = needed || !matcher.ignores(folder)?;
                if needed {
                    folders.insert(folder.to_owned());
                }
                folder = paths::folder(folder);
            }
        }
        Ok((folders, files))
    };
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|cause| Err(SourceError::io("match the ignore file")(cause.into())))
}
