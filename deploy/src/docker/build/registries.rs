//! Log-ins for image registries.

use std::collections::BTreeMap;

use base64::Engine as _;
use secrecy::SecretString;
use serde::Deserialize;

/// The default registry, for names without a host. Engines and builders also use subdomains of this
/// name.
const DEFAULT: &str = "docker.io";

/// A log-in to a registry.
#[derive(Clone, Debug)]
pub struct Login {
    /// The user name.
    pub username: String,
    /// Password or token; never logged.
    pub password: SecretString,
}

/// Log-ins by registry, from the operator's configuration only.
#[derive(Clone, Debug, Default)]
pub struct Registries {
    logins: BTreeMap<String, Login>,
}

impl Registries {
    /// These log-ins, by host and port as in image references.
    pub fn new(logins: BTreeMap<String, Login>) -> Self {
        let logins = logins
            .into_iter()
            .map(|(host, login)| (canonical(&host).to_owned(), login))
            .collect();
        Self { logins }
    }

    /// Reads the log-ins of Docker's own configuration file: `auths`, with `auth` as base64 of
    /// `user:password`. Credential helpers are programs, and Dayfly does not run them.
    pub fn from_docker_config(text: &str) -> Result<Self, RegistriesError> {
        #[derive(Deserialize)]
        struct File {
            #[serde(default)]
            auths: BTreeMap<String, Entry>,
        }
        #[derive(Deserialize)]
        struct Entry {
            auth: Option<String>,
        }
        let file: File = serde_json::from_str(text).map_err(|error| {
            // The parser's own message could contain a password.
            RegistriesError(format!("line {} is malformed", error.line()))
        })?;
        let mut logins = BTreeMap::new();
        for (host, entry) in file.auths {
            // A log-in in a helper has an empty entry here.
            let Some(auth) = entry.auth.filter(|auth| !auth.is_empty()) else {
                continue;
            };
            let login = decode(&auth).ok_or_else(|| {
                RegistriesError(format!(
                    "the log-in for {host} is not `user:password` in base64"
                ))
            })?;
            logins.insert(host, login);
        }
        Ok(Self::new(logins))
    }

    /// The log-in for a registry.
    pub(crate) fn of(&self, host: &str) -> Option<&Login> {
        self.logins.get(canonical(host))
    }

    /// The log-in for the registry of an image.
    pub(crate) fn of_image(&self, reference: &str) -> Option<&Login> {
        self.of(host(reference))
    }
}

/// Why log-ins cannot be read; never contains a log-in.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RegistriesError(String);

fn decode(auth: &str) -> Option<Login> {
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(auth.trim())
        .ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (username, password) = text.split_once(':')?;
    Some(Login {
        username: username.to_owned(),
        password: password.trim_end_matches('\0').to_owned().into(),
    })
}

/// The registry's host in a reference: its first part, if that can be a host.
pub(crate) fn host(reference: &str) -> &str {
    match reference.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => DEFAULT,
    }
}

fn canonical(host: &str) -> &str {
    let host = host
        .trim_start_matches("https://")
        .trim_end_matches("/v1/")
        .trim_end_matches('/');
    match host.strip_suffix(DEFAULT) {
        Some(below) if below.ends_with('.') => DEFAULT,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_its_registry_or_means_the_default_one() {
        for (reference, wanted) in [
            ("postgres:15", DEFAULT),
            ("acme/shop", DEFAULT),
            ("localhost:5000/shop", "localhost:5000"),
            ("localhost/shop", "localhost"),
            ("registry.example/acme/shop:1", "registry.example"),
        ] {
            assert_eq!(host(reference), wanted, "{reference}");
        }
    }

    #[test]
    fn log_ins_come_from_dockers_own_file_and_a_wrong_one_shows_nothing() {
        let text = r#"{"auths": {"registry.example:5000": {"auth": "YWRhOnNlY3JldDoyCg=="}}}"#;
        let all = Registries::from_docker_config(text).unwrap();
        assert_eq!(
            all.of_image("registry.example:5000/a").unwrap().username,
            "ada"
        );
        for wrong in [
            "{\"auths\": {\"x\": {\"auth\": \"hunter2\"}}}",
            "{\"auths\": hunter2}",
        ] {
            let error = Registries::from_docker_config(wrong)
                .unwrap_err()
                .to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_log_in_is_found_by_every_name_of_its_registry_and_by_no_other() {
        let login = Login {
            username: "ada".to_owned(),
            password: "x".to_owned().into(),
        };
        let all = Registries::new(BTreeMap::from([("any.docker.io".to_owned(), login)]));
        assert!(all.of("https://any.docker.io/v1/").is_some());
        assert!(all.of_image("acme/shop").is_some());
        assert!(all.of_image("registry.example/acme/shop").is_none());
    }
}
