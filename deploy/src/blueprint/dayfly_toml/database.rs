//! A `[databases.<name>]` table.

use super::{
    kind::server,
    migrations, run,
    section::{At, Section},
    seed,
    service::memory,
};
use crate::{
    blueprint::{BlueprintError, OnPush, draft::DatabaseDraft, nearest::nearest, values::variable},
    names::DatabaseName,
};

const KEYS: [&str; 12] = [
    "engine",
    "image",
    "seed",
    "snapshot",
    "migrate",
    "on_push",
    "migrations",
    "memory",
    "url",
    "data",
    "port",
    "env",
];
/// Keys that suggest an external database server.
const EXTERNAL: [&str; 10] = [
    "host", "hostname", "external", "server", "address", "dsn", "uri", "user", "username",
    "password",
];
const ON_PUSH: [(&str, OnPush); 3] = [
    ("keep", OnPush::Keep),
    ("reset", OnPush::Reset),
    (
        "reset-if-migrations-changed",
        OnPush::ResetIfMigrationsChanged,
    ),
];

/// Reads the table.
pub(super) fn database(name: &str, section: &Section<'_>) -> Result<DatabaseDraft, BlueprintError> {
    let name = DatabaseName::parse(name).map_err(|wrong| section.error(wrong.to_string()))?;
    refuse_external(section)?;
    section.expect(&KEYS, &[])?;
    let mut notes = Vec::new();
    let server = server(section, &name, &mut notes)?;
    let migrate = section.get("migrate");
    let migrate = migrate.map(|value| run::run(section, "migrate", value));
    Ok(DatabaseDraft {
        at: section.place(),
        seed: seed::seed(section, &server.kind)?,
        migrate: migrate.transpose()?,
        on_push: on_push(section)?,
        migrations: migrations::globs(section)?.map(|globs| section.placed(globs)),
        memory_bytes: memory(section)?,
        url: url(section)?.map(|url| section.placed(url)),
        server,
        notes,
        name,
    })
}

/// Refuses external databases, before unknown keys are reported.
fn refuse_external(section: &Section<'_>) -> Result<(), BlueprintError> {
    let mut entries = section.entries().into_iter();
    let Some((key, _)) = entries.find(|(key, _)| EXTERNAL.contains(&key.get_ref().as_ref())) else {
        return Ok(());
    };
    let word = key.get_ref();
    let message = format!(
        "`{word}` cannot be set: a blueprint cannot name an external database, since each preview \
         has its own, made from `engine` and `seed`; remove it"
    );
    Err(section.error_at(&key.span(), message))
}

fn url(section: &Section<'_>) -> Result<Option<At<String>>, BlueprintError> {
    let Some((name, at)) = section.text("url")? else {
        return Ok(None);
    };
    // The address is not repeated: it may contain a password.
    if name.contains("://") {
        let message = "`url` must be the name of a variable, such as DATABASE_URL, but is an \
                       address; a blueprint cannot name an external database";
        return Err(section.error_at(&at, message));
    }
    variable(name).map_err(|why| section.error_at(&at, format!("`url`: {why}")))?;
    Ok(Some((name.to_owned(), at)))
}

fn on_push(section: &Section<'_>) -> Result<OnPush, BlueprintError> {
    let Some((word, at)) = section.text("on_push")? else {
        return Ok(OnPush::default());
    };
    let Some((_, on_push)) = ON_PUSH.iter().find(|(known, _)| *known == word) else {
        let [keep, reset, changed] = ON_PUSH.map(|(known, _)| known);
        let hint = nearest(word, &[keep, reset, changed])
            .map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"));
        let message = format!(
            "`on_push` must be \"{keep}\", \"{reset}\" or \"{changed}\", but is {word:?}{hint}"
        );
        return Err(section.error_at(&at, message));
    };
    if *on_push == OnPush::ResetIfMigrationsChanged && section.get("migrations").is_none() {
        let message = format!(
            "`on_push = \"{word}\"` needs `migrations`, such as `migrations = [\"db/migrate/**\"]`"
        );
        return Err(section.error_at(&at, message));
    }
    Ok(*on_push)
}
