//! How the server comes to speak with the forge.

use std::{sync::Arc, time::Duration};

use webhook::{
    forge::Forge,
    github::{GitHub, GitHubConfig},
};

use crate::config::GitHubSettings;

/// How long one question may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The forge of a configuration. Asks nothing yet; fails where the App's key is none.
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
