//! Blueprints from compose files, and databases of `dayfly.toml`.

mod compose;
mod databases;
mod pushes;
mod refusals;
mod seeds;

use std::collections::BTreeMap;

use super::{Blueprint, BlueprintError, Command, Database, DatabaseKind, OnPush, SeedSource, read};
use crate::{
    names::ServiceName,
    source::{
        Limits,
        testing::{Bench, uploaded},
    },
};

/// What every commit of these tests holds beside `dayfly.toml`.
const FILES: [(&str, &str); 22] = [
    ("Dockerfile", "FROM scratch\nEXPOSE 3000\n"),
    ("db/seed.sql", "select 1;"),
    ("db/SEED.SQL.GZ", "gz"),
    ("db/seed.sql.zst", "zst"),
    ("db/seed.dump", "PGDMP"),
    ("db/seed.pgdump", "PGDMP"),
    ("db/seed.custom", "PGDMP"),
    ("db/seed.rdb", "REDIS"),
    ("db/seed.txt", "?"),
    ("db/parts/02.sql", "select 2;"),
    ("db/parts/01.sql", "select 1;"),
    ("db/parts/10.sql.gz", "gz"),
    ("db/parts/README.md", "About"),
    ("db/parts/deep/00.sql", "select 0;"),
    ("db/archive/toc.dat", "PGDMP"),
    ("db/archive/1.dat.gz", "gz"),
    ("db/archive/2.dat.gz", "gz"),
    ("db/empty/.gitkeep", ""),
    ("db/folder.sql/1.sql", "select 1;"),
    ("db/migrate/001.sql", "create"),
    ("db/migrate/deep/002.sql", "alter"),
    ("db/migrate/003.rb", "alter"),
];

async fn toml(text: &str) -> Result<Blueprint, BlueprintError> {
    let mut files = FILES.to_vec();
    files.push(("dayfly.toml", text));
    let (_folder, tree) = uploaded(&files).await;
    read(&tree).await
}

/// The one database of a file of these lines.
async fn database(lines: &str) -> Database {
    let text = format!("[databases.d]\n{lines}");
    let mut blueprint = toml(&text).await.unwrap_or_else(|e| panic!("{text}\n{e}"));
    assert_eq!(blueprint.databases.len(), 1);
    blueprint.databases.remove(0)
}

fn noted(blueprint: &Blueprint, words: &str) {
    let notes = &blueprint.notes;
    assert!(
        notes.iter().any(|note| note.contains(words)),
        "{words:?} in {notes:#?}"
    );
}

fn command(words: &[&str]) -> Command {
    Command(words.iter().map(|word| (*word).to_owned()).collect())
}
