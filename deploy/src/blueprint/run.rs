//! Finds the service in whose image a command runs.

use super::{
    BlueprintError, Command,
    draft::{RunDraft, ServiceDraft},
};
use crate::names::{DatabaseName, ServiceName};

/// Finds the service.
pub(super) fn resolve(
    draft: RunDraft,
    services: &[ServiceDraft],
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
                at.error(message)
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
            return Err(draft.at.error(message));
        }
    };
    Ok((draft.run, service.name.clone()))
}
