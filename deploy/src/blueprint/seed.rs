//! Looks a seed up in the commit: the initial content of a database.

use sha2::{Digest as _, Sha256};

use super::{
    BlueprintError, DatabaseKind, SeedSource,
    beside::beside,
    draft::{Place, SeedDraft, ServiceDraft},
    kind::kind_name,
    run,
};
use crate::{
    databases::SeedKind,
    names::DatabaseName,
    source::{Entry, Mode, Tree},
};

/// Maximum files of a folder.
const FILES_MAX: usize = 1000;
/// Maximum names of ignored files that are listed.
const NAMES_MAX: usize = 5;
/// The file that marks a folder as an archive of `pg_dump`.
const PG_CONTENTS: &str = "toc.dat";

/// The context for looking up a seed.
pub(super) struct Lookup<'a> {
    pub(super) tree: &'a Tree,
    pub(super) services: &'a [ServiceDraft],
    pub(super) database: &'a DatabaseName,
    pub(super) kind: &'a DatabaseKind,
}

/// Looks up the seed in the commit.
pub(super) async fn resolve(
    lookup: &Lookup<'_>,
    draft: SeedDraft,
    notes: &mut Vec<String>,
) -> Result<SeedSource, BlueprintError> {
    match draft {
        SeedDraft::Snapshot(name) => Ok(SeedSource::Snapshot { name }),
        SeedDraft::Run(run) => {
            let (run, service) = run::resolve(run, lookup.services, lookup.database, notes)?;
            Ok(SeedSource::Run { run, service })
        }
        SeedDraft::Path((path, at)) => lookup.path(path, &at, notes).await,
    }
}

/// Digest of a seed: if it changes, creating the data again could give another result.
pub(super) async fn digest(
    tree: &Tree,
    seed: Option<&SeedSource>,
) -> Result<String, BlueprintError> {
    let mut digest = Sha256::new();
    // No part contains a NUL.
    let mut add = |part: &str| digest.update(format!("{part}\0"));
    let read;
    let (kind, files) = match seed {
        None => ("none", [].as_slice()),
        Some(SeedSource::Sql { paths, beside }) => {
            read = [paths.as_slice(), beside].concat();
            ("sql", read.as_slice())
        }
        Some(SeedSource::PgCustom { path } | SeedSource::Rdb { path }) => {
            ("file", std::slice::from_ref(path))
        }
        Some(SeedSource::PgDirectory { files, .. }) => ("folder", files.as_slice()),
        Some(SeedSource::Run { run, service }) => {
            add(service.as_str());
            run.0.iter().for_each(|word| add(word));
            ("run", [].as_slice())
        }
        Some(SeedSource::Snapshot { name }) => {
            add(name);
            ("snapshot", [].as_slice())
        }
    };
    add(kind);
    for path in files {
        let entry = tree.resolve(path).await?;
        add(path);
        add(&entry.map_or_else(String::new, |entry| entry.id.to_string()));
    }
    Ok(hex::encode(digest.finalize()))
}

/// The seeds that an engine supports, in words for users.
fn takes(kind: &DatabaseKind) -> String {
    let (files, words) = SeedKind::taken_by(kind);
    let run = "{ run = \"./seed\" }";
    if files.contains(&SeedKind::PgCustom) {
        format!("{words}, a folder of .sql files, a folder with toc.dat, or {run}")
    } else if files.contains(&SeedKind::Sql) {
        format!("{words}, a folder of them, or {run}")
    } else if files.is_empty() {
        run.to_owned()
    } else {
        format!("{words}, or {run}")
    }
}

impl Lookup<'_> {
    async fn path(
        &self,
        path: String,
        at: &Place,
        notes: &mut Vec<String>,
    ) -> Result<SeedSource, BlueprintError> {
        let file = match path.as_str() {
            "" => None,
            path => self.tree.resolve(path).await?,
        };
        if file.is_none() && self.tree.has_folder(&path).await? {
            return self.folder(path, at, notes).await;
        }
        let kind =
            SeedKind::of(&path).filter(|kind| SeedKind::taken_by(self.kind).0.contains(kind));
        match (kind, file) {
            (Some(kind), Some(entry)) => {
                self.weigh(&path, at, entry.size)?;
                Ok(match kind {
                    SeedKind::Sql => self.scripts(vec![path], at).await?,
                    SeedKind::PgCustom => SeedSource::PgCustom { path },
                    SeedKind::Rdb => SeedSource::Rdb { path },
                })
            }
            (None, Some(_)) => Err(self.unfit(&path, at)),
            // A name that cannot be a folder is judged without looking it up.
            (None, None) if SeedKind::of(&path).is_some() => Err(self.unfit(&path, at)),
            (_, None) => {
                let (name, why) = (self.database, self.tree.absence(&path, "file or folder"));
                let message = format!("database {name} has the seed {path}, but {why}");
                Err(at.error(message))
            }
        }
    }

    /// A folder of SQL files, or an archive of `pg_dump`.
    async fn folder(
        &self,
        path: String,
        at: &Place,
        notes: &mut Vec<String>,
    ) -> Result<SeedSource, BlueprintError> {
        let (database, shown) = (self.database, shown(&path));
        let entries = self.tree.list().await?;
        let inside = children(&entries, &path);
        let dumped = inside.iter().any(|(name, _)| *name == PG_CONTENTS);
        let taken: Vec<&Entry> = inside
            .into_iter()
            .filter(|(name, _)| dumped || SeedKind::of(name) == Some(SeedKind::Sql))
            .map(|(_, entry)| entry)
            .collect();
        let kinds = SeedKind::taken_by(self.kind).0;
        let wanted = if dumped {
            SeedKind::PgCustom
        } else {
            SeedKind::Sql
        };
        if !kinds.contains(&wanted) {
            return Err(self.unfit(&shown, at));
        }
        if taken.is_empty() {
            let message = format!(
                "the seed {shown} of database {database} is a folder without .sql files; {} takes {}",
                kind_name(self.kind),
                takes(self.kind)
            );
            return Err(at.error(message));
        }
        if taken.len() > FILES_MAX {
            let message = format!("the seed {shown} has more than {FILES_MAX} files; merge some");
            return Err(at.error(message));
        }
        let odd = |entry: &&&Entry| !matches!(entry.mode, Mode::File | Mode::Executable);
        if let Some(odd) = taken.iter().find(odd) {
            // A missing Git LFS file has its own error message.
            self.tree.resolve(&odd.path).await?;
            let message = format!(
                "{} in the seed {shown} is a link or a submodule; replace it with the file",
                odd.path
            );
            return Err(at.error(message));
        }
        self.weigh(&shown, at, taken.iter().map(|entry| entry.size).sum())?;
        let paths: Vec<String> = taken.iter().map(|entry| entry.path.clone()).collect();
        if dumped {
            return Ok(SeedSource::PgDirectory { path, files: paths });
        }
        if let [first, .., last] = paths.as_slice() {
            let count = paths.len();
            notes.push(format!(
                "database {database}: its seed is {count} files in the order of their names, from \
                 {first} to {last}."
            ));
        }
        let seed = self.scripts(paths, at).await?;
        notes.extend(self.not_run(&path, &entries, &seed));
        Ok(seed)
    }

    /// Lists the files in a folder of scripts that are neither run nor read by the scripts.
    fn not_run(&self, folder: &str, entries: &[Entry], seed: &SeedSource) -> Option<String> {
        let SeedSource::Sql { paths, beside } = seed else {
            return None;
        };
        let idle = |entry: &Entry| !paths.contains(&entry.path) && !beside.contains(&entry.path);
        let inside = children(entries, folder).into_iter();
        let names: Vec<&str> = inside
            .filter(|(_, e)| idle(e))
            .map(|(name, _)| name)
            .collect();
        let shown = names.get(..names.len().min(NAMES_MAX))?.join(", ");
        let more = match names.len().saturating_sub(NAMES_MAX) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        (!names.is_empty()).then(|| {
            format!(
                "database {}: only .sql files of the folder {} are run, but not: {shown}{more}.",
                self.database,
                self::shown(folder)
            )
        })
    }

    /// Scripts, with the files that they read.
    async fn scripts(&self, paths: Vec<String>, at: &Place) -> Result<SeedSource, BlueprintError> {
        let beside = match self.kind {
            DatabaseKind::Postgres => beside(self.tree, &paths).await?,
            _ => Vec::new(),
        };
        let entries = self.tree.list().await?;
        let read = entries.iter().filter(|entry| beside.contains(&entry.path));
        let size = read.map(|entry| entry.size).sum();
        if let Some(first) = paths.first() {
            self.weigh(first, at, size)?;
        }
        Ok(SeedSource::Sql { paths, beside })
    }

    fn weigh(&self, path: &str, at: &Place, size: u64) -> Result<(), BlueprintError> {
        let most = self.tree.seed_bytes_max();
        if size <= most {
            return Ok(());
        }
        let (size, most) = (size.div_ceil(1 << 20), most >> 20);
        let message = format!("the seed {path} has {size} MiB; at most {most} MiB are supported");
        Err(at.error(message))
    }

    /// The error for a seed that the engine does not support.
    fn unfit(&self, path: &str, at: &Place) -> BlueprintError {
        let (name, engine) = (self.database, kind_name(self.kind));
        let message = format!(
            "the seed {path} of database {name} is not for {engine}, which takes {}",
            takes(self.kind)
        );
        at.error(message)
    }
}

/// The entries directly in a folder, sorted by name.
fn children<'a>(entries: &'a [Entry], folder: &str) -> Vec<(&'a str, &'a Entry)> {
    let prefix = match folder {
        "" => String::new(),
        folder => format!("{folder}/"),
    };
    let name = |entry: &'a Entry| {
        let name = entry.path.strip_prefix(&prefix)?;
        (!name.contains('/')).then_some((name, entry))
    };
    entries.iter().filter_map(name).collect()
}

/// A folder's path for messages.
fn shown(path: &str) -> String {
    match path {
        "" => ".".to_owned(),
        path => path.to_owned(),
    }
}
