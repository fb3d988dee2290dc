//! The connection to GitHub: address and credential.

use std::{fmt, time::Duration};

use octocrab::auth::EncodingKey;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::OnceCell;

use super::{
    http::Http,
    known::{Identity, KnownComment, KnownDeployment, KnownStatus},
    remembered::Remembered,
    slots::Slots,
    tokens::Tokens,
};
use crate::{
    forge::ForgeError,
    names::{PullRequestNumber, RepoName},
};

/// The credential for requests to GitHub.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A personal access token, or any other token that does not expire while in use.
    Token(SecretString),
    /// A GitHub App. Tokens are requested on demand, each for one repository and one hour.
    App {
        /// The id of the App.
        app_id: u64,
        /// The private key of the App, as PEM.
        private_key_pem: SecretString,
    },
}

/// The configuration of the connection.
#[derive(Clone, Debug)]
pub struct GitHubConfig {
    /// `https://api.github.com`, or `https://HOST/api/v3` of a GitHub Enterprise Server.
    pub api_url: String,
    /// The credential.
    pub credential: Credential,
    /// With a token: the repositories to serve. An App gets them from its installations.
    pub repositories: Vec<RepoName>,
    /// Whether repositories may be fetched over plain HTTP.
    pub allow_insecure_clone: bool,
    /// Time limit of one request; 10 s is a good choice.
    pub timeout: Duration,
}

/// GitHub as a [`Forge`](crate::Forge). It only caches ids and ETags: losing them costs requests
/// and nothing else.
pub struct GitHub {
    pub(super) http: Http,
    pub(super) tokens: Tokens,
    pub(super) configured: Vec<RepoName>,
    pub(super) allow_insecure_clone: bool,
    pub(super) remembered: Remembered,
    pub(super) identity: OnceCell<Identity>,
    pub(super) comments: Slots<(RepoName, PullRequestNumber, String), KnownComment>,
    pub(super) deployments: Slots<(RepoName, String, u32), KnownDeployment>,
    pub(super) statuses: Slots<(RepoName, String), KnownStatus>,
}

impl fmt::Debug for GitHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitHub").finish_non_exhaustive()
    }
}

impl GitHub {
    /// Checks the configuration. It sends no request, so it also works while GitHub is unavailable.
    ///
    /// # Errors
    /// [`ForgeError::Refused`] if the URL or the key is invalid.
    pub fn connect(config: GitHubConfig) -> Result<Self, ForgeError> {
        let tokens = match config.credential {
            Credential::Token(token) => Tokens::fixed(token)?,
            Credential::App {
                app_id,
                private_key_pem,
            } => {
                let key = EncodingKey::from_rsa_pem(private_key_pem.expose_secret().as_bytes())
                    .map_err(|error| ForgeError::Refused {
                        what: "use the private key of the GitHub App".to_owned(),
                        why: format!("it is not an RSA key in PEM form: {error}"),
                    })?;
                Tokens::app(app_id, key)
            }
        };
        Ok(Self {
            http: Http::new(&config.api_url, config.timeout)?,
            tokens,
            configured: config.repositories,
            allow_insecure_clone: config.allow_insecure_clone,
            remembered: Remembered::default(),
            identity: OnceCell::new(),
            comments: Slots::default(),
            deployments: Slots::default(),
            statuses: Slots::default(),
        })
    }
}
