//! The configuration of a server, checked, with every default filled in.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::Context as _;
use deploy::docker::Registries;
use proxy::table::HostName;
use secrecy::SecretString;
use webhook::{github::Credential, names::RepoName};

use super::{
    BackupSchedule, Limits,
    backups::backups,
    data_dir::data_dir,
    file::{ConfigError, Given, Keys, wrong},
    limits::limits,
};
use crate::inputs::{secrets::SecretsFile, submodules::ListedSubmodule};

/// How often the forge is asked where nothing else is said.
const POLL_SECONDS_DEFAULT: u64 = 300;
/// The public GitHub.
const API_URL_DEFAULT: &str = "https://api.github.com";
/// Where the engine listens on most machines.
const SOCKET_DEFAULT: &str = "/var/run/docker.sock";
/// Out of the way of the engine's own pools (172.17.0.0/12, 192.168.0.0/16).
const SUBNET_POOL_DEFAULT: &str = "10.213.0.0/16";

/// What is needed to speak with GitHub.
#[derive(Clone, Debug)]
pub struct GitHubSettings {
    /// Where its API is.
    pub api_url: String,
    /// As whom.
    pub credential: Credential,
    /// The repositories to look after; with an App, all it is installed for where none is named.
    pub repositories: Vec<RepoName>,
    /// One, or two while it is rotated; none where no webhook is used.
    pub webhook_secrets: Vec<SecretString>,
    /// How often to ask, in seconds; none never asks.
    pub poll_seconds: Option<u64>,
    /// Whether code may be fetched over plain HTTP.
    pub allow_insecure_clone: bool,
    /// Submodules that are fetched with the same credential.
    pub submodules: Vec<ListedSubmodule>,
}

/// Everything a server is started with.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The domain under which previews live.
    pub domain: String,
    /// The host of webhook and health.
    pub control_host: String,
    /// `http` or `https`, as visitors see it.
    pub public_scheme: String,
    /// The port as visitors see it; the proxy's own where none was given.
    pub public_port: Option<u16>,
    /// Where the proxy listens.
    pub listen: Vec<SocketAddr>,
    /// The data directory.
    pub data: PathBuf,
    /// None for local previews only.
    pub github: Option<GitHubSettings>,
    /// The engine's socket.
    pub engine_socket: PathBuf,
    /// Where previews get their networks from.
    pub subnet_pool: String,
    /// Whether builds are isolated from the host and from private addresses.
    pub isolate_builds: bool,
    /// Who may pull from which registry.
    pub registries: Registries,
    /// Secrets for builds.
    pub secrets: SecretsFile,
    /// Backups by schedule, where the operator wants them.
    pub backups: Option<BackupSchedule>,
    /// Limits.
    pub limits: Limits,
}

impl ServerConfig {
    /// Reads file and environment. `data` is the directory named on the command line.
    pub fn read(file: Option<&Path>, data: Option<PathBuf>) -> anyhow::Result<Self> {
        let keys = Keys::read(file, |name| std::env::var(name).ok())?;
        Self::from_keys(&keys, data)
    }

    fn from_keys(keys: &Keys, data: Option<PathBuf>) -> anyhow::Result<Self> {
        let domain = host(keys, "domain")?.unwrap_or_else(|| "localhost".to_owned());
        let control_host =
            host(keys, "control_host")?.unwrap_or_else(|| format!("dayfly.{domain}"));
        let public_scheme = match keys.parse::<String>("public_scheme", "http or https")? {
            None => "http".to_owned(),
            Some(scheme) if scheme == "http" || scheme == "https" => scheme,
            Some(scheme) => {
                anyhow::bail!("public_scheme is {scheme:?}; it has to be http or https")
            }
        };
        let named = keys.parse::<PathBuf>("data", "a path")?;
        Ok(Self {
            domain,
            control_host,
            public_scheme,
            public_port: keys.parse("public_port", "a port between 1 and 65535")?,
            listen: listen(keys)?,
            data: data_dir(data.or(named))?,
            github: if keys.has_section("github") {
                Some(github(keys)?)
            } else {
                None
            },
            engine_socket: keys
                .parse("engine.socket", "a path")?
                .unwrap_or_else(|| PathBuf::from(SOCKET_DEFAULT)),
            subnet_pool: keys
                .parse("engine.subnet_pool", "a network such as 10.213.0.0/16")?
                .unwrap_or_else(|| SUBNET_POOL_DEFAULT.to_owned()),
            isolate_builds: keys
                .parse("engine.isolate_builds", "true or false")?
                .unwrap_or(false),
            registries: registries(keys)?,
            secrets: secrets(keys)?,
            backups: backups(keys)?,
            limits: limits(keys)?,
        })
    }
}

fn host(keys: &Keys, key: &'static str) -> Result<Option<String>, ConfigError> {
    let Some(given) = keys.get(key) else {
        return Ok(None);
    };
    let [value] = given.values.as_slice() else {
        return Err(wrong(given, format!("{key} takes one host name")));
    };
    match HostName::parse(value) {
        Ok(host) => Ok(Some(host.to_string())),
        Err(error) => Err(wrong(given, format!("{key}: {error}"))),
    }
}

fn listen(keys: &Keys) -> Result<Vec<SocketAddr>, ConfigError> {
    let Some(given) = keys.get("listen") else {
        return Ok(vec![SocketAddr::from(([127, 0, 0, 1], 8080))]);
    };
    given
        .values
        .iter()
        .map(|value| each(given, value, "an address and a port such as 0.0.0.0:80"))
        .collect()
}

fn each<T: FromStr>(given: &Given, value: &str, form: &str) -> Result<T, ConfigError> {
    value
        .parse()
        .map_err(|_| wrong(given, format!("{value:?} has to be {form}")))
}

fn registries(keys: &Keys) -> anyhow::Result<Registries> {
    let Some(path) = keys.parse::<PathBuf>("engine.registry_auth_file", "a path")? else {
        return Ok(Registries::default());
    };
    let named = || format!("engine.registry_auth_file names {}", path.display());
    let text = std::fs::read_to_string(&path).with_context(named)?;
    Registries::from_docker_config(&text).with_context(named)
}

fn secrets(keys: &Keys) -> anyhow::Result<SecretsFile> {
    let file = SecretsFile::new(keys.parse("secrets_file", "a path")?);
    file.check()?;
    Ok(file)
}

/// Every value of a key that takes a list; none where it was not given.
fn list<T: FromStr>(keys: &Keys, key: &'static str, form: &str) -> Result<Vec<T>, ConfigError> {
    let Some(given) = keys.get(key) else {
        return Ok(Vec::new());
    };
    let values = given.values.iter();
    values.map(|value| each(given, value, form)).collect()
}

fn github(keys: &Keys) -> anyhow::Result<GitHubSettings> {
    let poll_seconds: Option<u32> = keys.parse(
        "github.poll_seconds",
        "a number of seconds up to 4294967295",
    )?;
    let poll_seconds = poll_seconds.map_or(POLL_SECONDS_DEFAULT, u64::from);
    Ok(GitHubSettings {
        api_url: keys
            .parse("github.api_url", "a URL")?
            .unwrap_or_else(|| API_URL_DEFAULT.to_owned()),
        credential: credential(keys)?,
        repositories: list(keys, "github.repositories", "a repository as owner/name")?,
        webhook_secrets: webhook_secrets(keys)?,
        poll_seconds: (poll_seconds > 0).then_some(poll_seconds),
        allow_insecure_clone: keys
            .parse("github.allow_insecure_clone", "true or false")?
            .unwrap_or(false),
        submodules: list(
            keys,
            "github.submodules",
            "a repository and its submodule as owner/name:owner/name",
        )?,
    })
}

fn credential(keys: &Keys) -> anyhow::Result<Credential> {
    let token = match keys.parse::<String>("github.token", "a token")? {
        Some(token) => Some(SecretString::from(token)),
        None => secret_file(keys, "github.token_file")?,
    };
    let app_id: Option<u64> = keys.parse("github.app_id", "the App's number")?;
    let key = secret_file(keys, "github.private_key_file")?;
    match (token, app_id, key) {
        (Some(token), None, None) => Ok(Credential::Token(token)),
        (None, Some(app_id), Some(private_key_pem)) => Ok(Credential::App {
            app_id,
            private_key_pem,
        }),
        (None, None, None) => anyhow::bail!(
            "[github] names no credential: give github.token, or github.app_id and github.private_key_file"
        ),
        (None, ..) => anyhow::bail!("an App needs both github.app_id and github.private_key_file"),
        (Some(_), ..) => anyhow::bail!("[github] names a token and an App; keep one of them"),
    }
}

fn webhook_secrets(keys: &Keys) -> Result<Vec<SecretString>, ConfigError> {
    let mut secrets = Vec::new();
    if let Some(given) = keys.get("github.webhook_secret") {
        if given.values.len() > 2 || given.values.iter().any(String::is_empty) {
            let message = "github.webhook_secret takes one secret, or two while it is rotated";
            return Err(wrong(given, message.to_owned()));
        }
        secrets.extend(given.values.iter().cloned().map(SecretString::from));
    }
    secrets.extend(secret_file(keys, "github.webhook_secret_file")?);
    Ok(secrets)
}

fn secret_file(keys: &Keys, key: &'static str) -> Result<Option<SecretString>, ConfigError> {
    let Some(path) = keys.parse::<PathBuf>(key, "a path")? else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(&path).map_err(|why| ConfigError::Unreadable {
        file: path.display().to_string(),
        why,
    })?;
    match (text.trim(), keys.get(key)) {
        ("", Some(given)) => Err(wrong(given, format!("{} is empty", path.display()))),
        (text, _) => Ok(Some(SecretString::from(text.to_owned()))),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn read(text: &str, variables: &[(&str, &str)]) -> Result<ServerConfig, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let variable = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, v)| (*v).to_owned())
        };
        let keys = Keys::read(Some(file.path()), variable).map_err(|e| e.to_string())?;
        ServerConfig::from_keys(&keys, Some("/data".into())).map_err(|e| e.to_string())
    }

    #[test]
    fn an_unknown_key_names_file_line_and_the_nearest_known_key() {
        let error = read("domain = \"localhost\"\n[github]\ntokne = \"x\"\n", &[]).unwrap_err();
        assert!(
            error.contains(":3: unknown key \"github.tokne\""),
            "{error}"
        );
        assert!(error.contains("did you mean \"github.token\"?"), "{error}");
    }

    #[test]
    fn a_variable_stands_above_the_file() {
        let config = read("domain = \"a.example\"", &[("DAYFLY_DOMAIN", "b.example")]).unwrap();
        assert_eq!(config.domain, "b.example");
        assert_eq!(config.control_host, "dayfly.b.example");
    }

    #[test]
    fn an_old_name_of_a_key_still_works_and_is_refused_beside_the_new_one() {
        let (old, new) = (
            "[engine]\nfence_builds = true",
            "[engine]\nisolate_builds = true",
        );
        for text in [old, new] {
            assert!(read(text, &[]).unwrap().isolate_builds, "{text}");
        }
        let variables = ["FENCE", "ISOLATE"].map(|word| format!("DAYFLY_ENGINE_{word}_BUILDS"));
        for variable in &variables {
            let config = read(old, &[(variable, "false")]).unwrap();
            assert!(!config.isolate_builds, "{variable}");
        }
        let both = read(&format!("{new}\nfence_builds = false"), &[]).unwrap_err();
        assert!(
            both.contains("engine.isolate_builds is given twice"),
            "{both}"
        );
        let both = [(&*variables[0], "true"), (&*variables[1], "true")];
        let both = read("", &both).unwrap_err();
        assert!(
            both.contains("engine.isolate_builds is given twice"),
            "{both}"
        );
    }

    #[test]
    fn a_bad_value_names_its_place_and_what_it_has_to_be() {
        for (text, wanted) in [
            ("listen = \"x\"", "an address and a port"),
            ("domain = \"a b\"", "is not a host name"),
            ("public_port = 70000", "a port between 1 and 65535"),
            ("[limits]\nbuilds_max = 0", "from 1 to 4294967295"),
            ("[limits]\nbuild_memory_mib_max = 0", "from 1 to"),
            ("[limits]\nbuild_disk_percent_max = 0x65", "from 1 to 100"),
            (
                "[limits]\nstart_seconds_max = 9223372036854775807",
                "from 1 to 4294967295",
            ),
            (
                "[github]\ntoken = \"x\"\npoll_seconds = 9223372036854775808",
                "up to 4294967295",
            ),
            (
                "[engine]\nbuilder = \"direct\"",
                "unknown key \"engine.builder\"",
            ),
            ("[limits]\nbuild_disk_percent_max = 180", "from 1 to 100"),
            (
                "[engine]\nregistry_auth_file = \"/nonexistent\"",
                "/nonexistent",
            ),
            ("secrets_file = \"/nonexistent\"", "/nonexistent"),
            ("[github]\napp_id = 1", "needs both"),
            ("[backup]\nevery = \"24h\"", "needs both"),
            (
                "[backup]\nevery = \"1s\"\ndirectory = \"/b\"",
                "from one minute to a year",
            ),
            ("[backup]\nkeep = 0", "from 1 to 65535"),
            (
                "[github]\ntoken = \"x\"\nrepositories = [\"nope\"]",
                "owner/name",
            ),
            (
                "[github]\ntoken = \"x\"\nsubmodules = [\"acme/shop\"]",
                "owner/name:owner/name",
            ),
            ("domain = ", "dayfly"),
        ] {
            match read(text, &[]) {
                Err(error) => assert!(
                    error.contains(wanted) || text == "domain = ",
                    "{text:?} gave {error:?}"
                ),
                Ok(_) => panic!("{text:?} was accepted"),
            }
        }
    }

    #[test]
    fn nothing_at_all_is_a_server_for_this_machine() {
        let config = read("", &[]).unwrap();
        assert_eq!(config.domain, "localhost");
        assert!(config.github.is_none());
        assert!(
            config
                .listen
                .iter()
                .all(|address| address.ip().is_loopback())
        );
    }
}
