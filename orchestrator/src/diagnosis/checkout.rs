//! Diagnoses of checkouts: missing source, a wrong dayfly.toml, or requests that the server denies.

use deploy::{
    blueprint::{BlueprintError, Service},
    source::SourceError,
};

use super::{
    say::diagnosis,
    way::{Way, capital},
};
use crate::{
    inputs::secrets::SecretError,
    lifecycle::{Diagnosis, Origin},
};

/// The checkout has no valid description of what to run.
pub fn blueprint(error: &BlueprintError, way: Way) -> Diagnosis {
    let said = error.to_string();
    let mut lines = said.lines().map(str::to_owned);
    let sentence = lines.next().unwrap_or_default();
    let what = match error {
        BlueprintError::Nothing(_) => "Add a Dockerfile or a dayfly.toml",
        BlueprintError::Invalid { .. } | BlueprintError::Source(_) => "Fix the file",
    };
    let action = format!("{what}, then {}.", way.again());
    diagnosis("DF101", sentence, lines.collect(), action)
}

/// The commit cannot be fetched or used.
pub fn source(error: &SourceError, way: Way) -> Diagnosis {
    let again = way.again();
    let (sentence, action) = match error {
        SourceError::NotThere { .. } => (
            format!("The commit cannot be fetched: {error}"),
            match way.0 {
                Origin::PullRequest => {
                    "Push the commit to GitHub again, or push a new commit.".to_owned()
                }
                _ => format!("Push the commit to GitHub again, then {again}."),
            },
        ),
        SourceError::Refused(_) | SourceError::BadUrl { .. } => (
            format!("The commit cannot be fetched: {error}"),
            "Check that the repository still exists on GitHub, and that Dayfly's credential may \
             read it."
                .to_owned(),
        ),
        SourceError::TooLarge(_) | SourceError::Unfit { .. } => (
            format!("The commit cannot be used: {error}"),
            format!("Fix the problem above, then {again}."),
        ),
        SourceError::Git { .. } => (
            format!("Git on the server {error}"),
            format!("{} If it fails again, {}.", way.retry(), way.doctor()),
        ),
        SourceError::Io { .. } | SourceError::Timeout { .. } | SourceError::Unreachable(_) => (
            format!("The commit cannot be fetched: {error}"),
            way.retry(),
        ),
    };
    diagnosis("DF102", sentence, Vec::new(), action)
}

/// The server does not have the checkout that was sent.
pub fn checkout_gone() -> Diagnosis {
    let sentence = "The server does not have the files that `dayfly up` sent".to_owned();
    diagnosis("DF102", sentence, Vec::new(), "Run `dayfly up` again.")
}

/// A service asks for more memory than the server allows.
pub fn too_greedy(key: &str, bytes: u64, mib_max: u64) -> Diagnosis {
    let mib = bytes / (1024 * 1024);
    let name = key.rsplit('.').next().unwrap_or(key);
    let sentence =
        format!("{name} asks for {mib} MiB of memory; this server allows {mib_max} MiB at most");
    let action = format!(
        "Set a lower `memory` in [{key}] of dayfly.toml, or ask the operator to raise \
         `limits.service_memory_mib_max` in the server's configuration."
    );
    diagnosis("DF103", sentence, Vec::new(), action)
}

/// A build asks for a secret that the server cannot give.
pub fn secret_missing(service: &Service, error: &SecretError, way: Way) -> Diagnosis {
    let sentence = format!(
        "The build of {} asks for a secret that it cannot get: {error}",
        service.name
    );
    let action = match error {
        SecretError::Missing { repository, .. } => {
            let file = match way.0 {
                Origin::Local => {
                    "the server's `secrets_file` (the file that DAYFLY_SECRETS_FILE names when \
                     `dayfly up` starts the server)"
                }
                _ => "the server's `secrets_file`",
            };
            let add = way.operator(&format!(
                "add the secret under [\"{repository}\"] in {file}"
            ));
            format!(
                "{}, or remove the secret from `build.secrets` in dayfly.toml.",
                capital(&add)
            )
        }
        SecretError::File(_) => {
            let fix = way.operator("fix the file of secrets; the server's log has the details");
            format!("{}.", capital(&fix))
        }
    };
    diagnosis("DF104", sentence, Vec::new(), action)
}

#[cfg(test)]
mod tests {
    use deploy::names::CommitSha;

    use super::*;
    use crate::diagnosis::say::testing::{says, says_not};

    const PUSH: Way = Way(Origin::PullRequest);
    const UP: Way = Way(Origin::Local);

    #[test]
    fn a_commit_that_is_gone_is_told_from_one_that_may_not_be_read_and_from_one_that_is_unfit() {
        let commit = CommitSha::parse(&"a".repeat(40)).unwrap();
        let gone = source(&SourceError::NotThere { commit }, PUSH);
        says(&gone, &["DF102", "force-pushed", "push"]);
        says_not(&gone, &["may read it", "Fix the problem"]);
        let refused = source(
            &SourceError::Refused("Repository not found.".to_owned()),
            PUSH,
        );
        says(&refused, &["DF102", "may read it"]);
        says_not(&refused, &["force-pushed", "Fix the problem"]);
        let large = || SourceError::TooLarge("9 files of 2".to_owned());
        says(
            &source(&large(), PUSH),
            &[
                "DF102",
                "cannot be used",
                "Fix the problem above, then push",
            ],
        );
        let sent = source(&large(), UP);
        says(&sent, &["DF102", "run `dayfly up` again"]);
        says_not(&sent, &["forge", "may read it", "push"]);
        let git = SourceError::Git {
            doing: "store the commit",
            message: "fatal: write error: No space left on device".to_owned(),
        };
        let git = source(&git, PUSH);
        says(
            &git,
            &["DF102", "failed to store the commit", "Push", "doctor"],
        );
        says_not(&git, &["may read it", "Fix the problem"]);
        let gone = checkout_gone();
        says(&gone, &["DF102", "dayfly up"]);
        says_not(&gone, &["forge", "push"]);
    }

    #[test]
    fn a_file_that_is_wrong_is_told_from_one_that_is_not_there() {
        let wrong = BlueprintError::Invalid {
            file: "dayfly.toml".to_owned(),
            line: 3,
            message: "unknown key".to_owned(),
        };
        let wrong = blueprint(&wrong, UP);
        says(
            &wrong,
            &[
                "DF101",
                "dayfly.toml:3",
                "Fix the file, then run `dayfly up` again",
            ],
        );
        says_not(&wrong, &["Add", "push"]);
        let none =
            BlueprintError::Nothing("nothing to run: there is no Dockerfile\n\nFROM x".to_owned());
        let none = blueprint(&none, PUSH);
        says(
            &none,
            &[
                "DF101",
                "nothing to run",
                "Add a Dockerfile or a dayfly.toml, then push",
            ],
        );
        says_not(&none, &["Fix", "dayfly up"]);
        assert_eq!(none.evidence, ["", "FROM x"]);
    }

    #[test]
    fn memory_that_is_not_given_is_told_with_its_key_and_the_servers_limit() {
        let greedy = too_greedy("databases.main", 8 << 30, 4096);
        says(
            &greedy,
            &[
                "DF103",
                "8192 MiB",
                "4096 MiB at most",
                "[databases.main]",
                "service_memory_mib_max",
            ],
        );
        says_not(&greedy, &["killed", "services.main"]);
    }

    #[test]
    fn a_secret_that_the_server_lacks_is_told_from_a_file_that_it_cannot_read() {
        let service = crate::diagnosis::start::testing::service("web");
        let missing = SecretError::Missing {
            name: "token".to_owned(),
            repository: "acme/shop".to_owned(),
        };
        let here = secret_missing(&service, &missing, PUSH);
        says(&here, &["DF104", "token", "[\"acme/shop\"]"]);
        says_not(&here, &["dayfly up", "server's log"]);
        says(
            &secret_missing(&service, &missing, UP),
            &["DAYFLY_SECRETS_FILE"],
        );
        let file = secret_missing(
            &service,
            &SecretError::File("it is open to others".to_owned()),
            PUSH,
        );
        says(&file, &["DF104", "server's log"]);
        says_not(&file, &["secrets_file", "build.secrets"]);
    }
}
