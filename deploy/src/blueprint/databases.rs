//! Databases of a draft, held against the commit and the services.

use super::{BlueprintError, Database, Migrate, database, section::Source, service};
use crate::source::Tree;

/// Fills in what one database leaves open.
pub(super) async fn resolve_database(
    tree: &Tree,
    source: &Source<'_>,
    draft: database::Draft,
    several: bool,
    services: &[service::Draft],
    notes: &mut Vec<String>,
) -> Result<Database, BlueprintError> {
    let name = draft.name;
    notes.extend(draft.notes);
    if let Some((path, at)) = &draft.seed {
        let Some(entry) = tree.resolve(path).await? else {
            let message = format!("the seed {path} of database {name} is not in the commit");
            return Err(source.error(at, message));
        };
        let most = tree.file_bytes_max();
        if entry.size > most {
            let (size, most) = (entry.size >> 20, most >> 20);
            let message =
                format!("the seed {path} has {size} MiB; at most {most} MiB are supported");
            return Err(source.error(at, message));
        }
    }
    let migrate = draft
        .migrate
        .map(|migrate| migration(source, migrate, services, &name, notes));
    let url_variable = draft.url.map_or_else(
        || {
            let (variable, why) = url_variable(name.as_str(), several);
            notes.push(format!("database {name}: its URL is in {variable}, {why}."));
            variable
        },
        |(variable, _)| variable,
    );
    let seed = draft.seed.map(|(path, _)| path);
    Ok(Database {
        name,
        image: draft.image,
        seed,
        migrate: migrate.transpose()?,
        url_variable,
    })
}

fn migration(
    source: &Source<'_>,
    draft: database::MigrateDraft,
    services: &[service::Draft],
    database: &crate::names::DatabaseName,
    notes: &mut Vec<String>,
) -> Result<Migrate, BlueprintError> {
    let known = || {
        services
            .iter()
            .map(|s| s.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let service = match (&draft.service, services) {
        (Some((name, at)), _) => {
            let service = services
                .iter()
                .find(|service| service.name.as_str() == name);
            service.ok_or_else(|| {
                source.error(
                    at,
                    format!("`in` names no service: {name:?}; there is {}", known()),
                )
            })?
        }
        (None, [only]) => {
            let name = &only.name;
            notes.push(format!(
                "database {database}: migrations run in {name}, the only service."
            ));
            only
        }
        (None, _) => {
            let message = format!(
                "`migrate` needs `in`, the service in whose image it runs: {}",
                known()
            );
            return Err(source.error(&draft.at, message));
        }
    };
    Ok(Migrate {
        run: draft.run,
        service: service.name.clone(),
    })
}

/// Only one database can be *the* database: the only one, or the one called main.
fn url_variable(name: &str, several: bool) -> (String, &'static str) {
    const PLAIN: &str = "DATABASE_URL";
    match (several, name) {
        (false, _) => (PLAIN.to_owned(), "since it is the only one"),
        (true, "main") => (PLAIN.to_owned(), "since it is called main"),
        (true, _) => {
            let prefix = name.to_ascii_uppercase().replace('-', "_");
            (
                format!("{prefix}_{PLAIN}"),
                "since there are several and `url` is not given",
            )
        }
    }
}

/// A variable that two want to set has no value that everybody would expect.
pub(super) fn refuse_clashes(
    source: &Source<'_>,
    databases: &[Database],
    places: &[std::ops::Range<usize>],
    services: &[service::Draft],
) -> Result<(), BlueprintError> {
    for (at, (database, place)) in databases.iter().zip(places).enumerate() {
        let variable = &database.url_variable;
        if let Some(other) = databases[..at].iter().find(|d| d.url_variable == *variable) {
            let (one, two) = (&other.name, &database.name);
            let message =
                format!("databases {one} and {two} both set {variable}; give one another `url`");
            return Err(source.error(place, message));
        }
        for service in services {
            if let Some((_, at)) = service.env.get(variable) {
                let (service, database) = (&service.name, &database.name);
                let message = format!(
                    "{variable} of service {service} is set by database {database}; remove it, or \
                     give the database another `url`"
                );
                return Err(source.error(at, message));
            }
        }
    }
    Ok(())
}
