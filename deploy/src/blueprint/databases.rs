//! Checks the databases of a draft against the commit and the services.

use super::{
    BlueprintError, Database, DatabaseKind, Migrate,
    draft::{DatabaseDraft, Place, ServiceDraft},
    migrations, run, seed,
    values::variable,
};
use crate::{names::DatabaseName, source::Tree};

const MEMORY_BYTES_DEFAULT: u64 = 512 << 20;

/// Fills in defaults of the databases.
pub(super) async fn resolve_databases(
    tree: &Tree,
    drafts: Vec<DatabaseDraft>,
    services: &[ServiceDraft],
    notes: &mut Vec<String>,
) -> Result<Vec<Database>, BlueprintError> {
    let families: Vec<Family> = drafts
        .iter()
        .map(|draft| family(&draft.server.kind))
        .collect();
    let mut databases = Vec::with_capacity(drafts.len());
    let mut places = Vec::with_capacity(drafts.len());
    for (draft, family) in drafts.into_iter().zip(&families) {
        let several = families.iter().filter(|other| *other == family).count() > 1;
        let at = draft.url.as_ref().map_or(&draft.at, |(_, at)| at);
        places.push(at.clone());
        notes.extend_from_slice(&draft.notes);
        let url_variable = match &draft.url {
            Some((variable, _)) => variable.clone(),
            None => default_variable(&draft.name, &draft.at, *family, several, notes)?,
        };
        let database = resolve_database(tree, draft, url_variable, services, notes);
        databases.push(database.await?);
    }
    refuse_clashes(&databases, &places, services)?;
    Ok(databases)
}

async fn resolve_database(
    tree: &Tree,
    draft: DatabaseDraft,
    url_variable: String,
    services: &[ServiceDraft],
    notes: &mut Vec<String>,
) -> Result<Database, BlueprintError> {
    let name = draft.name;
    let lookup = seed::Lookup {
        tree,
        services,
        database: &name,
        kind: &draft.server.kind,
    };
    let seed = match draft.seed {
        Some(draft) => Some(seed::resolve(&lookup, draft, notes).await?),
        None => None,
    };
    let seed_digest = seed::digest(tree, seed.as_ref()).await?;
    let migrate = match draft.migrate {
        Some(draft) => {
            let (run, service) = run::resolve(draft, services, &name, notes)?;
            Some(Migrate { run, service })
        }
        None => None,
    };
    let migrations = match draft.migrations {
        Some(globs) => Some(migrations::digest(tree, &name, globs, notes).await?),
        None => None,
    };
    let memory_bytes = draft.memory_bytes.unwrap_or_else(|| {
        notes.push(format!("database {name}: 512 MiB of memory by default."));
        MEMORY_BYTES_DEFAULT
    });
    Ok(Database {
        name,
        kind: draft.server.kind,
        image: draft.server.image,
        seed,
        seed_digest: Some(seed_digest),
        migrate,
        on_push: draft.on_push,
        migrations,
        url_variable,
        memory_bytes,
    })
}

/// Databases that share a default variable.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Sql,
    Redis,
    Other,
}

fn family(kind: &DatabaseKind) -> Family {
    match kind {
        DatabaseKind::Postgres | DatabaseKind::Mysql | DatabaseKind::Mariadb => Family::Sql,
        DatabaseKind::Redis | DatabaseKind::Valkey => Family::Redis,
        DatabaseKind::Other { .. } => Family::Other,
    }
}

/// The variable if `url` is not given.
fn default_variable(
    name: &DatabaseName,
    at: &Place,
    family: Family,
    several: bool,
    notes: &mut Vec<String>,
) -> Result<String, BlueprintError> {
    let (url, why) = url_variable(name.as_str(), family, several);
    // A database called dayfly would set the preview's own URL.
    variable(&url).map_err(|why| {
        let message = format!("database {name} needs `url`, the variable for its address: {why}");
        at.error(message)
    })?;
    notes.push(format!("database {name}: its URL is in {url}, {why}."));
    Ok(url)
}

/// Only one database gets the plain variable: the only one of its family, or the SQL database
/// called main.
fn url_variable(name: &str, family: Family, several: bool) -> (String, &'static str) {
    const ONLY: &str = "since it is the only one of its kind";
    const SEVERAL: &str = "since there are several and `url` is not given";
    let prefixed = |plain: &str| {
        let prefix = name.to_ascii_uppercase().replace('-', "_");
        format!("{prefix}_{plain}")
    };
    match (family, several) {
        (Family::Sql, false) => ("DATABASE_URL".to_owned(), ONLY),
        (Family::Sql, true) if name == "main" => {
            ("DATABASE_URL".to_owned(), "since it is called main")
        }
        (Family::Sql, true) => (prefixed("DATABASE_URL"), SEVERAL),
        (Family::Redis, false) => ("REDIS_URL".to_owned(), ONLY),
        (Family::Redis, true) => (prefixed("REDIS_URL"), SEVERAL),
        (Family::Other, _) => (prefixed("URL"), "from its name, since `url` is not given"),
    }
}

/// Refuses a variable that two sources set, since its value would be ambiguous.
fn refuse_clashes(
    databases: &[Database],
    places: &[Place],
    services: &[ServiceDraft],
) -> Result<(), BlueprintError> {
    for (at, (database, place)) in databases.iter().zip(places).enumerate() {
        let variable = &database.url_variable;
        if let Some(other) = databases[..at].iter().find(|d| d.url_variable == *variable) {
            let (one, two) = (&other.name, &database.name);
            let message = format!(
                "databases {one} and {two} both set {variable}; change `url` of one of them"
            );
            return Err(place.error(message));
        }
        for service in services {
            if let Some((_, at)) = service.env.get(variable) {
                let (service, database) = (&service.name, &database.name);
                let message = format!(
                    "{variable} of service {service} is set by database {database}; remove it, or \
                     change `url` of the database"
                );
                return Err(at.error(message));
            }
        }
    }
    Ok(())
}
