//! Warnings about settings that are allowed, but probably a mistake. The server logs them when it
//! starts, and `dayfly doctor` shows them.

use std::{os::unix::fs::PermissionsExt as _, path::Path};

use deploy::blueprint::nearest;
use webhook::github::Credential;

use super::{file::Keys, github::GitHubSettings, keys::environment_names};

/// Variables that are not keys of the file.
const VARIABLES: [&str; 3] = ["DAYFLY_DATA", "DAYFLY_LOG", "DAYFLY_LOG_FORMAT"];

/// Keys that name files with secrets in them.
const SECRET_FILES: [&str; 5] = [
    "github.token_file",
    "github.private_key_file",
    "github.webhook_secret_file",
    "secrets_file",
    "engine.registry_auth_file",
];

/// Keys that are secrets themselves.
const SECRETS: [&str; 2] = ["github.token", "github.webhook_secret"];

/// A shorter interval finds nothing sooner than a webhook would, and uses up the forge's hourly
/// rate limit.
const POLL_SECONDS_SENSIBLE: u64 = 30;

/// A warning about a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// What is configured.
    pub found: String,
    /// What to do.
    pub advice: String,
}

/// All warnings about the configuration. `variables` are the names of all environment variables.
pub(super) fn doubts(
    keys: &Keys,
    github: Option<&GitHubSettings>,
    variables: impl Iterator<Item = String>,
) -> Vec<Doubt> {
    let mut doubts = unknown_variables(variables);
    doubts.extend(SECRET_FILES.iter().filter_map(|key| open_file(keys, key)));
    doubts.extend(SECRETS.iter().find_map(|key| open_configuration(keys, key)));
    doubts.extend(github.into_iter().flat_map(of_github));
    doubts
}

fn unknown_variables(variables: impl Iterator<Item = String>) -> Vec<Doubt> {
    let mut known = environment_names();
    known.extend(VARIABLES.map(str::to_owned));
    // `nearest` compares lower-case names.
    let small: Vec<String> = known.iter().map(|name| name.to_lowercase()).collect();
    let small: Vec<&str> = small.iter().map(String::as_str).collect();
    let mut unknown: Vec<String> = variables
        .filter(|name| name.starts_with("DAYFLY_") && !known.contains(name))
        .collect();
    unknown.sort();
    let doubt = |name: String| Doubt {
        advice: match nearest(&name, &small) {
            Some(near) => format!("did you mean {}?", near.to_uppercase()),
            None => "docs/configuration.md lists all variables".to_owned(),
        },
        found: format!(
            "the variable {} is unknown and ignored",
            crate::text::plain(&name)
        ),
    };
    unknown.into_iter().map(doubt).collect()
}

/// A file with secrets that other users of the host can read.
fn open_file(keys: &Keys, key: &'static str) -> Option<Doubt> {
    let path = keys.get(key)?.single()?;
    readable(Path::new(path), &format!("which {key} names"))
}

/// The configuration itself, where it contains a secret.
fn open_configuration(keys: &Keys, key: &'static str) -> Option<Doubt> {
    let path = keys.get(key)?.file()?;
    readable(path, &format!("which holds {key}"))
}

fn readable(path: &Path, which: &str) -> Option<Doubt> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    let shown = path.display();
    (mode & 0o044 != 0).then(|| Doubt {
        found: format!("{shown}, {which}, can be read by other users (mode {mode:03o})"),
        advice: format!("`chmod 600 {shown}`"),
    })
}

fn of_github(github: &GitHubSettings) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    if matches!(github.credential, Credential::Token(_)) && github.repositories.is_empty() {
        doubts.push(Doubt {
            found: "github.token is set without github.repositories: Dayfly does not poll, and \
                    accepts webhooks of any repository"
                .to_owned(),
            advice: "name the repositories, as in `repositories = [\"owner/name\"]`".to_owned(),
        });
    }
    let often = |seconds: &u64| *seconds < POLL_SECONDS_SENSIBLE;
    if let Some(seconds) = github.poll_seconds.filter(often) {
        doubts.push(Doubt {
            found: format!(
                "github.poll_seconds is {seconds}, and each poll uses up the rate limit"
            ),
            advice: format!(
                "set it to {POLL_SECONDS_SENSIBLE} or more; webhooks report changes at once"
            ),
        });
    }
    doubts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(variables: &[&str]) -> Vec<(String, String)> {
        let variables = variables.iter().map(|name| (*name).to_owned());
        unknown_variables(variables)
            .into_iter()
            .map(|doubt| (doubt.found, doubt.advice))
            .collect()
    }

    #[test]
    fn a_misspelt_variable_is_told_with_the_one_that_was_meant() {
        let known = [
            "DAYFLY_DATA",
            "DAYFLY_LISTEN",
            "DAYFLY_GITHUB_TOKEN",
            "HOME",
        ];
        assert_eq!(told(&known), []);
        assert_eq!(
            told(&["DAYFLY_DOMIAN", "DAYFLY_ENGINE_FENCE_BUILDS"]),
            [(
                "the variable DAYFLY_DOMIAN is unknown and ignored".to_owned(),
                "did you mean DAYFLY_DOMAIN?".to_owned()
            )]
        );
    }
}
