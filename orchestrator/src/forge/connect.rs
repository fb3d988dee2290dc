//! Creates the server's client for the forge.

use std::{sync::Arc, time::Duration};

use webhook::{
    forge::Forge,
    github::{GitHub, GitHubConfig},
};

use crate::config::GitHubSettings;

/// Time limit for one request.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The forge client for a configuration. Sends no request yet. Fails if the App's key is invalid.
pub fn connect(settings: &GitHubSettings) -> anyhow::Result<Arc<dyn Forge>> {
    let config = GitHubConfig {
        api_url: settings.api_url.clone(),
        credential: settings.credential.clone(),
        repositories: settings.repositories.clone(),
        allow_insecure_clone: settings.allow_insecure_clone,
        timeout: TIMEOUT,
    };
    Ok(Arc::new(GitHub::connect(config)?))
}
