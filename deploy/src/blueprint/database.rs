//! A `[databases.<name>]` table.

use std::ops::Range;

use toml::de::DeValue;

use super::{
    BlueprintError, Command,
    section::{At, Section},
    service::{path, variable},
};
use crate::names::DatabaseName;

const KEYS: [&str; 4] = ["engine", "seed", "migrate", "url"];
const LATER: [&str; 4] = ["on_push", "migrations", "data", "snapshot"];
/// Engines that will come.
const LATER_ENGINES: [&str; 6] = ["mysql", "mariadb", "redis", "valkey", "mongo", "mongodb"];
/// The version of Postgres where none is given.
const POSTGRES_DEFAULT: &str = "postgres:17";

/// A database as the file gives it.
pub(super) struct Draft {
    pub(super) name: DatabaseName,
    pub(super) at: Range<usize>,
    pub(super) image: String,
    pub(super) seed: Option<At<String>>,
    pub(super) migrate: Option<MigrateDraft>,
    pub(super) url: Option<At<String>>,
    pub(super) notes: Vec<String>,
}

/// What to run, and in which service where that is said.
pub(super) struct MigrateDraft {
    pub(super) run: Command,
    pub(super) service: Option<At<String>>,
    pub(super) at: Range<usize>,
}

/// Reads the table.
pub(super) fn database(name: &str, section: &Section<'_>) -> Result<Draft, BlueprintError> {
    let name = DatabaseName::parse(name).map_err(|wrong| section.error(wrong.to_string()))?;
    section.expect(&KEYS, &LATER)?;
    let mut notes = Vec::new();
    let image = engine(section, &name, &mut notes)?;
    let url = section.text("url")?.map(|(name, at)| (name.to_owned(), at));
    if let Some((name, at)) = &url {
        variable(name).map_err(|why| section.error_at(at, format!("`url`: {why}")))?;
    }
    let at = section.at.clone();
    Ok(Draft {
        at,
        image,
        seed: seed(section)?,
        migrate: migrate(section)?,
        url,
        notes,
        name,
    })
}

fn engine(
    section: &Section<'_>,
    name: &DatabaseName,
    notes: &mut Vec<String>,
) -> Result<String, BlueprintError> {
    let Some((engine, at)) = section.text("engine")? else {
        let message =
            format!("database {name} needs an engine, such as `engine = \"{POSTGRES_DEFAULT}\"`");
        return Err(section.error(message));
    };
    let (kind, version) = match engine.split_once(':') {
        Some((kind, version)) => (kind, Some(version)),
        None => (engine, None),
    };
    if LATER_ENGINES.contains(&kind) {
        let message = format!("the engine {kind} is not supported yet; postgres is");
        return Err(section.error_at(&at, message));
    }
    if kind != "postgres" {
        let message =
            format!("unknown engine {engine:?}; known is postgres, as in \"{POSTGRES_DEFAULT}\"");
        return Err(section.error_at(&at, message));
    }
    let Some(version) = version else {
        notes.push(format!(
            "database {name}: {POSTGRES_DEFAULT}, since `engine` names no version."
        ));
        return Ok(POSTGRES_DEFAULT.to_owned());
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    if version.is_empty()
        || version.len() > 128
        || !version.bytes().all(plain)
        || version.starts_with(['-', '.'])
    {
        return Err(section.error_at(&at, format!("{version:?} is not a version of postgres")));
    }
    Ok(engine.to_owned())
}

fn seed(section: &Section<'_>) -> Result<Option<At<String>>, BlueprintError> {
    if let Some(value) = section.get("seed")
        && matches!(value.get_ref(), DeValue::Table(_))
    {
        let message = "a `seed` that is run is not supported yet; name an .sql file";
        return Err(section.error_at(&value.span(), message));
    }
    let Some((seed, at)) = section.text("seed")? else {
        return Ok(None);
    };
    let seed = path(section, "seed", seed, &at)?;
    if !seed.to_ascii_lowercase().ends_with(".sql") {
        let message = format!("`seed` must be an .sql file; {seed:?} is not supported yet");
        return Err(section.error_at(&at, message));
    }
    Ok(Some((seed, at)))
}

fn migrate(section: &Section<'_>) -> Result<Option<MigrateDraft>, BlueprintError> {
    let Some(value) = section.get("migrate") else {
        return Ok(None);
    };
    let at = value.span();
    let DeValue::Table(table) = value.get_ref() else {
        let wanted = "a table such as { run = \"./migrate\", in = \"web\" }";
        return Err(section.wrong(&at, "migrate", wanted, value));
    };
    let name = format!("{}.migrate]", section.name.trim_end_matches(']'));
    let inner = Section {
        source: section.source,
        name,
        at: at.clone(),
        table,
    };
    inner.expect(&["run", "in"], &[])?;
    let Some((run, _)) = inner.command("run")? else {
        return Err(inner.error("`migrate` needs `run`, the command"));
    };
    let service = inner.text("in")?.map(|(name, at)| (name.to_owned(), at));
    Ok(Some(MigrateDraft { run, service, at }))
}
