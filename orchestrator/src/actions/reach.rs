//! Connects to a database of a preview.

use deploy::{
    data_access::ConnectionInfo,
    databases::{DatabaseError, DatabaseSpec, url},
    engine::EngineError,
    names::{DatabaseKey, DatabaseName, PreviewId},
};
use secrecy::SecretString;

use super::{
    caller::{Action, Caller},
    refused::Refused,
};
use crate::{
    lifecycle::{Origin, Outcome, RevisionFacts, Wanted},
    preview::current,
    store::PreviewRow,
    text,
    worker::Ports,
};

/// How to connect to a database of a preview, and its URL with `HOST:PORT` instead of its address.
/// The name `-` means the only database.
pub async fn reach(
    caller: Caller,
    ports: &Ports,
    id: &str,
    name: &str,
) -> Result<(ConnectionInfo, String), Refused> {
    caller.check(Action::Reach)?;
    let none =
        |what: &str| Refused::not_found(format!("there is no {what}; `dayfly ls` shows all"));
    let id = PreviewId::parse(id).map_err(|_| none("such preview"))?;
    let row = ports.store.preview(&id).await?;
    let row = row.ok_or_else(|| none("such preview"))?;
    if row.desired.origin == Origin::Capture {
        return Err(Refused::conflict(format!(
            "{id} is a capture and does not run; `dayfly fork {id}` opens a copy of it"
        )));
    }
    let observed = current::observed(ports, &row).await?;
    let revision = current::shown(&row, &observed);
    if let Some(why) = unread(&row, revision) {
        return Err(Refused::conflict(why));
    }
    let databases: Vec<_> = revision
        .iter()
        .flat_map(|facts| facts.databases())
        .collect();
    let names: Vec<_> = databases.iter().map(|known| known.name.as_str()).collect();
    let wanted = match name {
        "-" => databases.first().filter(|_| databases.len() == 1),
        name => databases.iter().find(|known| known.name.as_str() == name),
    };
    let wanted = wanted.ok_or_else(|| unknown(&id, name, &names))?;
    let away = |complete| {
        let why = not_running(&id, &wanted.name, complete, failed(revision));
        Refused::conflict(why)
    };
    let generation = revision.and_then(|facts| facts.generation);
    let generation = generation.ok_or_else(|| away(false))?;
    let rows = ports.store.databases(&id).await?;
    let password = rows
        .into_iter()
        .find(|row| row.generation == generation && row.name == wanted.name)
        .map(|row| SecretString::from(row.password));
    let complete = observed.is_complete(generation, &wanted.name);
    let password = password.ok_or_else(|| away(complete))?;
    let spec = DatabaseSpec {
        key: DatabaseKey {
            preview: id.clone(),
            generation,
            name: wanted.name.clone(),
        },
        kind: wanted.kind.clone(),
        image: wanted.image.clone(),
        password,
        memory_bytes: wanted.memory_bytes,
        cpu_milli: 0,
    };
    let info = ports.data_access.reach(&spec).await;
    let info = info.map_err(|error| match error {
        DatabaseError::Engine(EngineError::Missing(_)) => away(complete),
        error => Refused::outside(error),
    })?;
    let url = url(&spec.kind, &wanted.name, &spec.password, Some("HOST:PORT"));
    Ok((info, url))
}

/// The preview has no such database, or has several and none was named.
fn unknown(preview: &PreviewId, wanted: &str, there: &[&str]) -> Refused {
    let names = there.join(", ");
    Refused::not_found(match (there, wanted) {
        ([], _) => format!("{preview} has no database"),
        (_, "-") => format!("name one of the databases of {preview}: {names}"),
        _ => {
            let shown = text::asked(wanted);
            format!("{preview} has no database {shown:?}; it has {names}")
        }
    })
}

fn failed(revision: Option<&RevisionFacts>) -> bool {
    let outcome = revision.and_then(|facts| facts.outcome.as_ref());
    matches!(outcome, Some(Outcome::Failed(_)))
}

/// Why the databases of a preview are unknown.
fn unread(row: &PreviewRow, revision: Option<&RevisionFacts>) -> Option<String> {
    let id = &row.id;
    if let Wanted::Nothing(_) = row.desired.wanted {
        return Some(match row.gone_at_ms {
            Some(_) => format!("{id} was removed, including its databases"),
            None => format!("{id} is being removed, including its databases"),
        });
    }
    if revision.is_some_and(|facts| facts.blueprint.is_some()) {
        return None;
    }
    Some(match failed(revision) {
        true => format!("{id} failed before its databases were known; `dayfly show {id}` says why"),
        false => format!("the databases of {id} are not known yet"),
    })
}

/// Why a database of a preview cannot be reached.
fn not_running(id: &PreviewId, name: &DatabaseName, complete: bool, failed: bool) -> String {
    match (failed, complete) {
        (true, false) => {
            format!(
                "database {name} was not created, since {id} failed; `dayfly show {id}` says why"
            )
        }
        (true, true) => {
            format!(
                "database {name} is not running, since {id} failed; `dayfly show {id}` says why"
            )
        }
        (false, false) => format!("database {name} is not created yet"),
        (false, true) => format!("database {name} is not running at the moment"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_was_not_made_is_told_from_one_that_was_stopped_and_from_one_to_come() {
        let id = PreviewId::parse("shop-1").unwrap();
        let name = DatabaseName::parse("main").unwrap();
        for (complete, failed, words, not) in [
            (false, true, "was not created, since shop-1 failed", "yet"),
            (true, true, "is not running, since shop-1 failed", "created"),
            (false, false, "is not created yet", "failed"),
            (true, false, "is not running at the moment", "failed"),
        ] {
            let said = not_running(&id, &name, complete, failed);
            assert!(said.contains(words) && !said.contains(not), "{said}");
        }
    }
}
