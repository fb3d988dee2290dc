//! What workers and pages have to know of the configuration.

use std::path::PathBuf;

use webhook::names::RepoName;

use super::{limits::Limits, link_key::LinkKey};

/// What the operator decided about addresses and repositories.
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
    /// The repositories that may have previews; all that the forge tells of where none is named.
    pub repositories: Vec<RepoName>,
    /// Where build logs and the last lines of ended services are kept.
    pub logs: PathBuf,
    /// What makes the tokens in links.
    pub link_key: LinkKey,
    /// Limits.
    pub limits: Limits,
}

impl Settings {
    /// Whether previews live on this machine's own name, where no link is asked for.
    pub fn is_local(&self) -> bool {
        self.domain == "localhost" || self.domain.ends_with(".localhost")
    }

    /// Whether pull requests of a repository may have previews. The forge makes no difference between
    /// capital and small letters.
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
