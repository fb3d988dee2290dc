//! Chooses the credential of each request. Tokens of an App are limited to one repository, live one
//! hour, and exist only in memory.

use std::time::{Duration, SystemTime};

use http::HeaderValue;
use jiff::Timestamp;
use octocrab::{
    auth::{EncodingKey, create_jwt},
    models::AppId,
};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    ask::Ask,
    failure,
    http::Http,
    slots::Slots,
    wire::{Installation, InstallationToken, Repo},
};
use crate::{forge::ForgeError, names::RepoName};

/// A token is renewed this long before it expires, so that none expires during a request.
const EXPIRY_MARGIN: Duration = Duration::from_secs(5 * 60);

/// A token and its expiry.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) secret: SecretString,
    pub(super) expires_at: Option<SystemTime>,
}

impl Token {
    fn is_fresh(&self) -> bool {
        self.expires_at
            .is_none_or(|end| end > SystemTime::now() + EXPIRY_MARGIN)
    }
}

/// The permissions of a token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Scope {
    /// Only for listing repositories and their ids.
    Metadata(u64),
    /// All of the App's permissions, in one repository.
    Api(RepoName),
    /// Only for reading the contents of one repository.
    Contents(RepoName),
}

/// The source of tokens.
pub(super) enum Tokens {
    Fixed(SecretString),
    App(Box<AppTokens>),
}

/// The tokens of an App, requested on demand.
pub(super) struct AppTokens {
    app_id: u64,
    key: EncodingKey,
    tokens: Slots<Scope, Token>,
    /// Installation and id of a repository, by the name at the time of the look-up.
    places: Slots<RepoName, Place>,
}

/// The installation and id of a repository.
#[derive(Clone, Copy)]
struct Place {
    installation: u64,
    repository: u64,
}

impl Tokens {
    pub(super) fn fixed(token: SecretString) -> Result<Self, ForgeError> {
        bearer(token.expose_secret())?;
        Ok(Self::Fixed(token))
    }

    pub(super) fn app(app_id: u64, key: EncodingKey) -> Self {
        Self::App(Box::new(AppTokens {
            app_id,
            key,
            tokens: Slots::default(),
            places: Slots::default(),
        }))
    }

    /// The credential for API requests about this repository.
    pub(super) async fn api(
        &self,
        http: &Http,
        repo: &RepoName,
    ) -> Result<HeaderValue, ForgeError> {
        match self {
            Self::Fixed(token) => bearer(token.expose_secret()),
            Self::App(app) => {
                let token = app.narrowed(http, Scope::Api(repo.clone()), repo).await?;
                bearer(token.secret.expose_secret())
            }
        }
    }

    /// The token for fetching this repository.
    pub(super) async fn contents(&self, http: &Http, repo: &RepoName) -> Result<Token, ForgeError> {
        match self {
            Self::Fixed(token) => Ok(Token {
                secret: token.clone(),
                expires_at: None,
            }),
            Self::App(app) => {
                app.narrowed(http, Scope::Contents(repo.clone()), repo)
                    .await
            }
        }
    }

    /// Forgets the cached credential of a refused request; false if nothing can be renewed.
    pub(super) fn forget(&self, repo: &RepoName) -> bool {
        let Self::App(app) = self else { return false };
        app.places.forget(|name| name == repo);
        app.tokens.forget(|scope| match scope {
            Scope::Api(name) | Scope::Contents(name) => name == repo,
            Scope::Metadata(_) => true,
        });
        true
    }
}

impl AppTokens {
    /// The credential of the App itself.
    pub(super) fn jwt(&self) -> Result<HeaderValue, ForgeError> {
        let jwt = create_jwt(AppId(self.app_id), &self.key).map_err(failure::unavailable)?;
        bearer(&jwt)
    }

    /// The credential of an installation, for listing and look-ups.
    pub(super) async fn metadata(
        &self,
        http: &Http,
        installation: u64,
    ) -> Result<HeaderValue, ForgeError> {
        let body = json!({ "permissions": { "metadata": "read" } });
        let scope = Scope::Metadata(installation);
        let token = self.token(http, scope, installation, body).await?;
        bearer(token.secret.expose_secret())
    }

    async fn narrowed(
        &self,
        http: &Http,
        scope: Scope,
        repo: &RepoName,
    ) -> Result<Token, ForgeError> {
        let place = self.place(http, repo).await?;
        let mut body = json!({ "repository_ids": [place.repository] });
        if matches!(scope, Scope::Contents(_)) {
            body["permissions"] = json!({ "contents": "read" });
        }
        self.token(http, scope, place.installation, body).await
    }

    async fn token(
        &self,
        http: &Http,
        scope: Scope,
        installation: u64,
        body: Value,
    ) -> Result<Token, ForgeError> {
        let slot = self.tokens.slot(scope);
        let mut slot = slot.lock().await;
        if let Some(token) = slot.as_ref().filter(|token| token.is_fresh()) {
            return Ok(token.clone());
        }
        let ask = Ask::post(
            format!("/app/installations/{installation}/access_tokens"),
            format!("a token of installation {installation} of the GitHub App"),
            body,
        );
        let made: InstallationToken = read(http, &ask, &self.jwt()?).await?;
        let end: Timestamp = made
            .expires_at
            .parse()
            .map_err(|error| failure::unexpected(&ask, &error))?;
        let token = Token {
            secret: made.token.into(),
            expires_at: Some(end.into()),
        };
        *slot = Some(token.clone());
        Ok(token)
    }

    async fn place(&self, http: &Http, repo: &RepoName) -> Result<Place, ForgeError> {
        let slot = self.places.slot(repo.clone());
        let mut slot = slot.lock().await;
        if let Some(place) = *slot {
            return Ok(place);
        }
        let ask = Ask::get(
            format!("/repos/{repo}/installation"),
            format!("the GitHub App's installation on {repo}"),
        );
        let installation: Installation = read(http, &ask, &self.jwt()?).await?;
        let metadata = self.metadata(http, installation.id).await?;
        let ask = Ask::get(format!("/repos/{repo}"), format!("repository {repo}"));
        let found: Repo = read(http, &ask, &metadata).await?;
        let place = Place {
            installation: installation.id,
            repository: found.id,
        };
        *slot = Some(place);
        Ok(place)
    }
}

/// Sends one request and decodes its answer, which must be a success.
pub(super) async fn read<T: DeserializeOwned>(
    http: &Http,
    ask: &Ask,
    authorization: &HeaderValue,
) -> Result<T, ForgeError> {
    let answer = http.send(ask, authorization).await?;
    if !answer.status.is_success() {
        return Err(failure::forge_error(ask, &answer));
    }
    super::decode::decode(ask, &answer)
}

fn bearer(token: &str) -> Result<HeaderValue, ForgeError> {
    let refused = |why: &str| ForgeError::Refused {
        what: "use the token".to_owned(),
        why: why.to_owned(),
    };
    if token.is_empty() {
        return Err(refused("it is empty"));
    }
    let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
        .map_err(|_| refused("it has invalid characters, perhaps a line break"))?;
    value.set_sensitive(true);
    Ok(value)
}
