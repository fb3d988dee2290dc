//! The part of the configuration that workers and pages need.

use std::path::PathBuf;

use webhook::names::RepoName;

use super::{limits::Limits, link_key::LinkKey};

/// The operator's addresses, repositories and limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The domain under which previews live.
    pub domain: String,
    /// The host of webhook and health.
    pub control_host: String,
    /// `http` or `https`, as visitors see it.
    pub public_scheme: String,
    /// The port as visitors see it.
    pub public_port: u16,
    /// The repositories that may have previews. Empty allows every repository that the forge names.
    pub repositories: Vec<RepoName>,
    /// The folder for build logs and the last lines of exited services.
    pub logs: PathBuf,
    /// The key that makes the tokens in links.
    pub link_key: LinkKey,
    /// Limits.
    pub limits: Limits,
}

impl Settings {
    /// Whether previews are on `localhost`, where visitors need no link.
    pub fn is_local(&self) -> bool {
        self.domain == "localhost" || self.domain.ends_with(".localhost")
    }

    /// Whether pull requests of a repository may have previews. Names of repositories are
    /// case-insensitive.
    pub fn follows(&self, repository: &RepoName) -> bool {
        let name = repository.to_string();
        let mut listed = self.repositories.iter();
        self.repositories.is_empty()
            || listed.any(|one| name.eq_ignore_ascii_case(&one.to_string()))
    }

    /// The address of a host as visitors see it.
    pub fn url(&self, host: &str) -> String {
        let standard = matches!(
            (self.public_scheme.as_str(), self.public_port),
            ("http", 80) | ("https", 443)
        );
        if standard {
            format!("{}://{host}", self.public_scheme)
        } else {
            format!("{}://{host}:{}", self.public_scheme, self.public_port)
        }
    }
}
