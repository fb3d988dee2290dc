//! A modelled GitHub with one repository, and a client of it.

use std::{future::Future, time::Duration};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use webhook::{
    Credential, GitHub, GitHubConfig, PullRequestNumber, RepoName,
    model::{Changes, Files, ModelConfig, ModelGitHub},
};

pub(crate) const APP_ID: u64 = 77;

pub(crate) fn shop() -> RepoName {
    RepoName::parse("acme/shop").unwrap()
}

pub(crate) fn change(path: &str, text: &str) -> Changes {
    [(path.to_owned(), Some(text.into()))].into()
}

/// With `acme/shop` and its pull request #1 from the branch `topic`.
pub(crate) async fn model() -> ModelGitHub {
    let model = ModelGitHub::start(ModelConfig {
        app: Some((APP_ID, "dayfly".to_owned())),
        ..ModelConfig::default()
    })
    .await
    .unwrap();
    let files = Files::from([("README".to_owned(), "one".into())]);
    model.create_repository(&shop(), files).await.unwrap();
    let changes = change("README", "two");
    model
        .push(&shop(), "topic", "main", &changes, "Change")
        .await
        .unwrap();
    let number = model
        .open_pull_request(&shop(), "topic", "main", "A title", "alice")
        .await
        .unwrap();
    assert_eq!(number, PullRequestNumber(1));
    model
}

pub(crate) fn client(model: &ModelGitHub) -> GitHub {
    connect(model, Credential::Token("model-token".into()))
}

pub(crate) fn connect(model: &ModelGitHub, credential: Credential) -> GitHub {
    connect_within(model, credential, Duration::from_secs(10))
}

pub(crate) fn connect_within(
    model: &ModelGitHub,
    credential: Credential,
    timeout: Duration,
) -> GitHub {
    GitHub::connect(GitHubConfig {
        api_url: model.url(),
        credential,
        repositories: vec![shop()],
        allow_insecure_clone: true,
        timeout,
    })
    .unwrap()
}

/// A credential whose key lives as long as the test.
pub(crate) fn app() -> Credential {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let body = BASE64_STANDARD.encode(der.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    Credential::App {
        app_id: APP_ID,
        private_key_pem: pem.into(),
    }
}

/// Number of requests with this method and path.
pub(crate) fn count(model: &ModelGitHub, method: &str, path: &str) -> usize {
    let seen = model.requests();
    let fits = seen.iter().filter(|r| r.method == method);
    fits.filter(|r| r.path.contains(path)).count()
}

/// Waits for a value, for at most 10 s.
pub(crate) async fn eventually<T, F>(mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let wait = async {
        loop {
            if let Some(value) = look().await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait)
        .await
        .unwrap()
}
