//! How to reach GitHub, and as whom.

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

/// As whom GitHub is asked.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A personal access token, or any other that does not expire while it is used.
    Token(SecretString),
    /// A GitHub App. Tokens are made on demand, each for one repository and one hour.
    App {
        /// Its number.
        app_id: u64,
        /// Its key, as PEM.
        private_key_pem: SecretString,
    },
}

/// How to reach GitHub.
#[derive(Clone, Debug)]
pub struct GitHubConfig {
    /// `https://api.github.com`, or `https://HOST/api/v3` of a GitHub Enterprise Server.
    pub api_url: String,
    /// As whom.
    pub credential: Credential,
    /// With a token: the repositories to look after. An App is told by its installations.
    pub repositories: Vec<RepoName>,
    /// Whether code may be fetched over plain HTTP.
    pub allow_insecure_clone: bool,
    /// After this a request counts as not answered; 10 s is a good choice.
    pub timeout: Duration,
}

/// GitHub as a [`Forge`](crate::Forge). What it remembers are ids and ETags: forgetting them costs
/// requests and nothing else.
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
    /// Checks the configuration. Asks nothing yet, so it also works while GitHub is away.
    ///
    /// # Errors
    /// [`ForgeError::Refused`] where the address or the key cannot be used.
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
