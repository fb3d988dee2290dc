//! Reads `dayfly.toml` as a draft, and checks everything that needs no other file.

mod database;
mod kind;
mod migrations;
mod run;
mod section;
mod seed;
mod service;
mod words;

use section::{Section, Source};
use toml::de::DeTable;

use super::{
    BlueprintError,
    draft::{Draft, Place},
};

/// Maximum services of one blueprint.
const SERVICES_MAX: usize = 20;
/// Maximum databases of one blueprint.
const DATABASES_MAX: usize = 5;

/// Tables that are planned for later versions.
const LATER: [&str; 2] = ["preview", "review"];

/// Reads the content of a file.
pub(super) fn draft(file: &str, text: &str) -> Result<Draft, BlueprintError> {
    let source = Source { file, text };
    let parsed = DeTable::parse(text).map_err(|wrong| unreadable(&source, &wrong))?;
    let root = Section {
        source: &source,
        name: String::new(),
        at: 0..0,
        table: parsed.get_ref(),
    };
    root.expect(&["services", "databases"], &LATER)?;
    let (mut services, mut databases) = (Vec::new(), Vec::new());
    for (name, section) in root.sections()? {
        match name {
            "services" => {
                for (name, section) in section.sections()? {
                    services.push(service::service(name, &section)?);
                }
                if services.len() > SERVICES_MAX {
                    return Err(section.error(format!("more than {SERVICES_MAX} services")));
                }
            }
            _ => {
                for (name, section) in section.sections()? {
                    databases.push(database::database(name, &section)?);
                }
                if databases.len() > DATABASES_MAX {
                    return Err(section.error(format!("more than {DATABASES_MAX} databases")));
                }
            }
        }
    }
    for database in &databases {
        if services
            .iter()
            .any(|service| service.name.as_str() == database.name.as_str())
        {
            let name = &database.name;
            let message = format!(
                "{name} is the name of a service too, but names are shared on the network; \
                 rename one"
            );
            return Err(database.at.error(message));
        }
    }
    Ok(Draft {
        top: Place::top(file),
        services,
        databases,
        notes: Vec::new(),
    })
}

/// A syntax error. The TOML parser names neither the duplicate key nor a fix, so this adds them.
fn unreadable(source: &Source<'_>, wrong: &toml::de::Error) -> BlueprintError {
    let at = wrong.span().unwrap_or(0..0);
    let mut message = wrong.message().trim().replace('\n', ", ");
    if message == "duplicate key" {
        let key = source.text.get(at.clone()).unwrap_or_default();
        message = format!(
            "duplicate key `{key}`: a table or key can only occur once; rename or \
             remove this one"
        );
    }
    source.place(&at).error(message)
}
