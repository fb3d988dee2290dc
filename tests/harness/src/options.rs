//! How a server under test is configured.

use std::path::Path;

use webhook::names::RepoName;

/// What is different from the usual.
#[derive(Clone, Debug)]
pub struct Options {
    /// The domain of the previews.
    pub domain: String,
    /// The address that visitors are waited for on.
    pub listen: String,
    /// How often the forge is asked; the usual interval where none is given.
    pub poll_seconds: Option<u64>,
    /// Whether the modelled GitHub sends webhooks.
    pub webhook: bool,
    /// How long a revision may take to become healthy, in seconds.
    pub start_seconds_max: u64,
    /// How many builds may run at once.
    pub builds_max: u64,
    /// More lines for the top of the configuration.
    pub top: Vec<String>,
    /// Repositories beside the harness's own that may have previews.
    pub repositories: Vec<RepoName>,
    /// More lines of `[github]`.
    pub github: Vec<String>,
    /// More lines of `[engine]`.
    pub engine: Vec<String>,
    /// More lines of `[limits]`.
    pub limits: Vec<String>,
    /// Whether the server speaks to the engine itself, and not through the relay.
    pub direct: bool,
    /// The data directory is a disk of its own, of so many MiB.
    pub disk_mib: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            domain: "localhost".to_owned(),
            listen: "127.0.0.1".to_owned(),
            poll_seconds: None,
            webhook: true,
            start_seconds_max: 20,
            builds_max: 2,
            top: Vec::new(),
            repositories: Vec::new(),
            github: Vec::new(),
            engine: Vec::new(),
            limits: Vec::new(),
            direct: false,
            disk_mib: None,
        }
    }
}

impl Options {
    /// Asks the forge this often.
    pub fn polling(seconds: u64) -> Self {
        Self {
            poll_seconds: Some(seconds),
            ..Self::default()
        }
    }

    /// Waits for visitors on every address of the host.
    pub fn everywhere() -> Self {
        Self {
            listen: "0.0.0.0".to_owned(),
            ..Self::default()
        }
    }

    /// On a domain of its own, where access is by link.
    pub fn at(domain: &str) -> Self {
        Self {
            domain: domain.to_owned(),
            ..Self::default()
        }
    }
}

impl Options {
    /// The server's configuration file.
    pub(super) fn settings(
        &self,
        forge: &str,
        (token, secret): (&str, &str),
        repo: &RepoName,
        engine: &Path,
    ) -> String {
        let secret = match self.webhook {
            true => format!("webhook_secret = \"{secret}\"\n"),
            false => String::new(),
        };
        let all = std::iter::once(repo).chain(&self.repositories);
        let listed: Vec<_> = all.map(|repo| format!("\"{repo}\"")).collect();
        let poll = self
            .poll_seconds
            .map_or_else(String::new, |seconds| format!("poll_seconds = {seconds}\n"));
        format!(
            "domain = \"{}\"\nlisten = \"{}:0\"\n{}\n[github]\napi_url = \"{forge}\"\n\
             token = \"{token}\"\nrepositories = [{}]\nallow_insecure_clone = true\n\
             {secret}{poll}{}\n[engine]\nsocket = \"{}\"\n{}\n[limits]\nstart_seconds_max = {}\n\
             builds_max = {}\n{}",
            self.domain,
            self.listen,
            lines(&self.top),
            listed.join(", "),
            lines(&self.github),
            engine.display(),
            lines(&self.engine),
            self.start_seconds_max,
            self.builds_max,
            lines(&self.limits),
        )
    }
}

fn lines(all: &[String]) -> String {
    all.iter().map(|line| format!("{line}\n")).collect()
}
