//! Checks of `dayfly doctor` outside of this host: the domain's addresses, the forge, and its
//! webhooks.

use std::time::Duration;

use deploy::docker::{Check, CheckState};
use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::time::timeout;
use webhook::{forge::ForgeError, github::Credential, names::RepoName};

use crate::{
    api::DeliveryView,
    cli::{call::Caller, units},
    config::{GitHubSettings, ServerConfig},
    forge::connect,
};

/// Time limit for a DNS lookup.
const LOOKUP_DEADLINE: Duration = Duration::from_secs(5);
/// Time limit for one request to the forge.
const FORGE_DEADLINE: Duration = Duration::from_secs(20);
/// How many deliveries are searched for the last one of each repository.
const DELIVERIES: usize = 1_000;

pub(super) async fn outside(config: &ServerConfig, caller: &Caller) -> Vec<Check> {
    let mut checks = Vec::new();
    if config.domain != "localhost" && !config.domain.ends_with(".localhost") {
        checks.push(wildcard(&config.domain).await);
    }
    if let Some(github) = &config.github {
        checks.extend(forge(github).await);
        checks.push(webhooks(config, github, caller).await);
    }
    checks
}

/// Checks whether names below the domain resolve.
async fn wildcard(domain: &str) -> Check {
    let host = format!("dayfly-doctor.{domain}");
    let advice = || {
        Some(format!(
            "create a DNS record *.{domain} that points to this host, or to the proxy in front of \
             it"
        ))
    };
    let found = timeout(
        LOOKUP_DEADLINE,
        tokio::net::lookup_host((host.as_str(), 80)),
    )
    .await;
    let (state, found, advice) = match found {
        Ok(Ok(addresses)) => {
            let addresses: Vec<String> = addresses.map(|at| at.ip().to_string()).collect();
            let found = format!("*.{domain} resolves to {}", addresses.join(", "));
            (CheckState::Good, found, None)
        }
        Ok(Err(error)) => {
            let found = format!("{host} does not resolve: {error}");
            (CheckState::Warning, found, advice())
        }
        Err(_) => {
            let seconds = LOOKUP_DEADLINE.as_secs();
            let found = format!("no DNS answer for {host} within {seconds} s");
            (CheckState::Warning, found, advice())
        }
    };
    Check::new(state, "domain", found, advice)
}

/// Checks whether the credential can read the repositories.
async fn forge(github: &GitHubSettings) -> Vec<Check> {
    let forge = match connect::connect(github) {
        Ok(forge) => forge,
        Err(error) => {
            let advice = Some(credential(github));
            return vec![check_forge(CheckState::Bad, format!("{error:#}"), advice)];
        }
    };
    let failed = |what: &str, error: &ForgeError| {
        let advice = match error {
            ForgeError::Unavailable(_) | ForgeError::RateLimited { .. } => away(),
            ForgeError::NotFound(_) | ForgeError::Refused { .. } => credential(github),
        };
        check_forge(CheckState::Bad, format!("{what}{error}"), Some(advice))
    };
    let late = |what: &str| {
        let found = format!("{what}{}", no_answer(github));
        check_forge(CheckState::Bad, found, Some(away()))
    };
    if github.repositories.is_empty() {
        return vec![match timeout(FORGE_DEADLINE, forge.repositories()).await {
            Ok(Ok(all)) => {
                let found = format!(
                    "the credential for {} can read {} repositories",
                    github.api_url,
                    all.len()
                );
                check_forge(CheckState::Good, found, None)
            }
            Ok(Err(error)) => failed("", &error),
            Err(_) => late(""),
        }];
    }
    let each = github.repositories.iter().map(async |name| {
        match timeout(FORGE_DEADLINE, forge.repository(name)).await {
            Ok(Ok(_)) => check_forge(CheckState::Good, format!("{name} can be read"), None),
            Ok(Err(error)) => failed(&format!("{name}: "), &error),
            Err(_) => late(&format!("{name}: ")),
        }
    });
    join_all(each).await
}

fn check_forge(state: CheckState, found: String, advice: Option<String>) -> Check {
    Check::new(state, "forge", found, advice)
}

fn no_answer(github: &GitHubSettings) -> String {
    let seconds = FORGE_DEADLINE.as_secs();
    format!("{} did not answer within {seconds} s", github.api_url)
}

fn away() -> String {
    "check github.api_url, and that this host can reach it".to_owned()
}

fn credential(github: &GitHubSettings) -> String {
    match &github.credential {
        Credential::Token(_) => {
            "check github.token: the token must be valid and able to read these repositories"
                .to_owned()
        }
        Credential::App { app_id, .. } => {
            format!(
                "check github.private_key_file, and that App {app_id} is installed for these \
                 repositories"
            )
        }
    }
}

/// Checks whether webhooks arrive; only a running server knows.
async fn webhooks(config: &ServerConfig, github: &GitHubSettings, caller: &Caller) -> Check {
    let told = |state, found: String, advice| Check::new(state, "webhooks", found, advice);
    if github.webhook_secrets.is_empty() {
        return match github.poll_seconds {
            Some(seconds) => told(
                CheckState::Good,
                format!("not used without a secret; the server polls the forge every {seconds} s"),
                None,
            ),
            None => told(
                CheckState::Bad,
                "no secret is set and github.poll_seconds is 0: the server sees no pull request"
                    .into(),
                Some("set github.webhook_secret or github.poll_seconds".to_owned()),
            ),
        };
    }
    let path = format!("/api/v1/deliveries?limit={DELIVERIES}");
    let Ok(deliveries) = caller.client.get::<Vec<DeliveryView>>(&path).await else {
        let found = "not checked: only a running server knows whether webhooks arrive".to_owned();
        return told(CheckState::Good, found, None);
    };
    let last = |name: &RepoName| of(name, &deliveries);
    let silent: Vec<String> = github
        .repositories
        .iter()
        .filter(|name| last(name).is_none())
        .map(ToString::to_string)
        .collect();
    let newest = deliveries.iter().map(|delivery| delivery.received_at).max();
    match (newest, silent.is_empty()) {
        (Some(at), true) => {
            let found = format!(
                "the last webhook arrived {}",
                units::ago(at, Timestamp::now())
            );
            told(CheckState::Good, found, None)
        }
        (newest, _) => {
            let from = match silent.is_empty() {
                true => String::new(),
                false => format!(" from {}", silent.join(", ")),
            };
            // A quiet repository is no fault.
            let state = match newest {
                Some(_) => CheckState::Good,
                None => CheckState::Warning,
            };
            let advice = format!(
                "set the webhook URL to {}://{}/webhooks/github, with the content type \
                 application/json, the secret, and the event \"Pull requests\"",
                config.public_scheme, config.control_host
            );
            let found = format!(
                "no webhook{from} among the last {DELIVERIES} webhooks of the last 30 days"
            );
            told(state, found, Some(advice))
        }
    }
}

/// When the last webhook of a repository arrived.
fn of(name: &RepoName, deliveries: &[DeliveryView]) -> Option<Timestamp> {
    let name = name.to_string();
    deliveries
        .iter()
        .filter(|delivery| {
            let from = delivery.repository.as_deref().unwrap_or_default();
            from.eq_ignore_ascii_case(&name)
        })
        .map(|delivery| delivery.received_at)
        .max()
}
