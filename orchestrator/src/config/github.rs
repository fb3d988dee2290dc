//! The configuration of GitHub.

use std::path::PathBuf;

use secrecy::SecretString;
use webhook::{github::Credential, names::RepoName};

use super::file::{ConfigError, Keys, wrong};
use crate::inputs::submodules::ListedSubmodule;

/// The default interval of polling.
const POLL_SECONDS_DEFAULT: u64 = 300;
/// The public GitHub.
const API_URL_DEFAULT: &str = "https://api.github.com";

/// The settings for GitHub.
#[derive(Clone, Debug)]
pub struct GitHubSettings {
    /// The URL of its API.
    pub api_url: String,
    /// The credential for its API and for fetches.
    pub credential: Credential,
    /// The repositories to preview. Empty with an App: all repositories it is installed for.
    pub repositories: Vec<RepoName>,
    /// The secret of the webhook, or two during a rotation; none where no webhook is used.
    pub webhook_secrets: Vec<SecretString>,
    /// The interval of polling in seconds; none never polls.
    pub poll_seconds: Option<u64>,
    /// Whether code may be fetched over plain HTTP.
    pub allow_insecure_clone: bool,
    /// Submodules that are fetched with the same credential.
    pub submodules: Vec<ListedSubmodule>,
}

/// Reads the settings for GitHub.
pub(super) fn github(keys: &Keys) -> anyhow::Result<GitHubSettings> {
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
        repositories: keys.list("github.repositories", "a repository as owner/name")?,
        webhook_secrets: webhook_secrets(keys)?,
        poll_seconds: (poll_seconds > 0).then_some(poll_seconds),
        allow_insecure_clone: keys
            .parse("github.allow_insecure_clone", "true or false")?
            .unwrap_or(false),
        submodules: keys.list(
            "github.submodules",
            "a repository and its submodule as owner/name:owner/name",
        )?,
    })
}

fn credential(keys: &Keys) -> anyhow::Result<Credential> {
    if let Some(given) = keys.get("github.token")
        && given.values.iter().all(|value| value.trim().is_empty())
    {
        return Err(wrong(given, "github.token is empty".to_owned()).into());
    }
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
            "[github] has no credential: set github.token or github.token_file, or github.app_id and \
             github.private_key_file"
        ),
        (None, ..) => anyhow::bail!("an App needs both github.app_id and github.private_key_file"),
        (Some(_), ..) => anyhow::bail!("[github] has a token and an App; keep one of them"),
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
    let Some(given) = keys.get(key) else {
        return Ok(None);
    };
    let shown = path.display();
    match std::fs::read_to_string(&path) {
        Ok(text) if text.trim().is_empty() => Err(wrong(given, format!("{key}: {shown} is empty"))),
        Ok(text) => Ok(Some(SecretString::from(text.trim().to_owned()))),
        Err(_) if given.values.iter().any(|value| is_secret(value)) => {
            let message = format!("{key} takes the path of a file, and not the secret itself");
            Err(wrong(given, message))
        }
        Err(why) => Err(wrong(given, format!("{key}: cannot read {shown}: {why}"))),
    }
}

/// Whether a value looks like a token or a key, which no message may repeat.
fn is_secret(value: &str) -> bool {
    let begins = ["ghp_", "gho_", "ghs_", "github_pat_", "-----BEGIN"];
    value.contains('\n')
        || begins
            .iter()
            .any(|begin| value.trim_start().starts_with(begin))
}
