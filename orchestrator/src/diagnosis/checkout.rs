//! The checkout asks for what cannot be given.

use deploy::blueprint::{BlueprintError, Service};

use super::say::diagnosis;
use crate::{inputs::secrets::SecretError, lifecycle::Diagnosis};

/// The checkout does not say what to run.
pub fn blueprint(error: &BlueprintError) -> Diagnosis {
    let said = error.to_string();
    let mut lines = said.lines().map(str::to_owned);
    let sentence = lines.next().unwrap_or_default();
    let action = "Mend it and push; `dayfly up` tries it without a push.";
    diagnosis("DF101", sentence, lines.collect(), action)
}

/// The commit cannot be had.
pub fn source(why: &str) -> Diagnosis {
    let action =
        "Check that the commit is still on the forge and that Dayfly may read the repository.";
    diagnosis(
        "DF102",
        format!("The commit cannot be fetched: {why}"),
        Vec::new(),
        action,
    )
}

/// A service asks for more than the server gives.
pub fn too_greedy(key: &str, bytes: u64, mib_max: u64) -> Diagnosis {
    let mib = bytes / (1024 * 1024);
    let name = key.rsplit('.').next().unwrap_or(key);
    let sentence =
        format!("{name} asks for {mib} MiB of memory; this server gives {mib_max} at most");
    let action = format!(
        "Lower `memory` of [{key}], or raise `limits.service_memory_mib_max` on the server."
    );
    diagnosis("DF103", sentence, Vec::new(), action)
}

/// A build asks for a secret that it does not get.
pub fn secret_missing(service: &Service, error: &SecretError) -> Diagnosis {
    let sentence = format!(
        "The build of {} does not get what it asks for: {error}",
        service.name
    );
    let action = match error {
        SecretError::Missing { repository, .. } => format!(
            "Whoever runs the server adds it to the table [\"{repository}\"] of the file that \
             `secrets_file` names there (DAYFLY_SECRETS_FILE for a server that `dayfly up` \
             starts); or remove it from `build.secrets` in dayfly.toml."
        ),
        SecretError::File(_) => "See the server's log.".to_owned(),
    };
    diagnosis("DF104", sentence, Vec::new(), action)
}
