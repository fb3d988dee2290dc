//! A command that runs in the image of a service, such as `migrate`.

use std::ops::Range;

use toml::{Spanned, de::DeValue};

use super::{
    BlueprintError, Command,
    section::{At, Section, Source},
    service,
};
use crate::names::{DatabaseName, ServiceName};

const KEYS: [&str; 2] = ["run", "in"];

/// The command, and the service if it is given.
pub(super) struct Draft {
    key: &'static str,
    run: Command,
    service: Option<At<String>>,
    at: Range<usize>,
}

/// Reads `{ run = "...", in = "..." }`, the value of `key`.
pub(super) fn run(
    section: &Section<'_>,
    key: &'static str,
    value: &Spanned<DeValue<'_>>,
) -> Result<Draft, BlueprintError> {
    let at = value.span();
    let DeValue::Table(table) = value.get_ref() else {
        let wanted = "a table such as { run = \"./migrate\", in = \"web\" }";
        return Err(section.wrong(&at, key, wanted, value));
    };
    let inner = section.inner(key, table, &at);
    inner.expect(&KEYS, &[])?;
    let Some((run, _)) = inner.command("run")? else {
        return Err(inner.error(format!("`{key}` needs `run`, the command")));
    };
    let service = inner.text("in")?.map(|(name, at)| (name.to_owned(), at));
    Ok(Draft {
        key,
        run,
        service,
        at,
    })
}

/// Finds the service.
pub(super) fn resolve(
    source: &Source<'_>,
    draft: Draft,
    services: &[service::Draft],
    database: &DatabaseName,
    notes: &mut Vec<String>,
) -> Result<(Command, ServiceName), BlueprintError> {
    let key = draft.key;
    let known = || {
        let names: Vec<_> = services.iter().map(|s| s.name.as_str()).collect();
        names.join(", ")
    };
    let service = match (&draft.service, services) {
        (Some((name, at)), _) => services
            .iter()
            .find(|service| service.name.as_str() == name)
            .ok_or_else(|| {
                let message = format!("`in` names no service: {name:?}; known are {}", known());
                source.error(at, message)
            })?,
        (None, [only]) => {
            let name = &only.name;
            notes.push(format!(
                "database {database}: `{key}` runs in {name}, the only service."
            ));
            only
        }
        (None, _) => {
            let message = format!(
                "`{key}` needs `in`, the service whose image runs it: {}",
                known()
            );
            return Err(source.error(&draft.at, message));
        }
    };
    Ok((draft.run, service.name.clone()))
}
