//! Stores webhook deliveries and wakes the workers of the affected previews.

use async_trait::async_trait;
use webhook::intake::{Accepted, Delivery, Hint, Intake, IntakeError};

use crate::{clock::wall_ms, config::Settings, worker::Workers};

/// Stores deliveries and wakes the workers of the affected previews.
pub struct StoreIntake {
    /// The workers to wake.
    pub workers: Workers,
}

#[async_trait]
impl Intake for StoreIntake {
    async fn accept(&self, mut delivery: Delivery) -> Result<Accepted, IntakeError> {
        let guid = delivery.guid.clone();
        let ports = self.workers.ports();
        delivery.hint = fenced(&ports.settings, delivery.hint);
        let store = &ports.store;
        let (accepted, woken) = store
            .accept_delivery(delivery, wall_ms())
            .await
            .map_err(|error| IntakeError(error.to_string()))?;
        tracing::info!(%guid, ?accepted, previews = woken.len(), "delivery recorded");
        for preview in woken {
            self.workers.wake(&preview);
        }
        Ok(accepted)
    }
}

/// Ignores a hint about a repository that is not listed in `github.repositories`.
fn fenced(settings: &Settings, hint: Hint) -> Hint {
    match &hint {
        Hint::Refresh { repository, .. } | Hint::RefreshAll { repository }
            if !settings.follows(&repository.name) =>
        {
            let reason = format!("{} is not in github.repositories", repository.name);
            Hint::Ignored { reason }
        }
        _ => hint,
    }
}

#[cfg(test)]
mod tests {
    use webhook::{
        Repository,
        names::{PullRequestNumber, RepoName, RepositoryId},
    };

    use super::*;
    use crate::config::{Limits, LinkKey};

    fn settings(listed: &[&str]) -> Settings {
        Settings {
            domain: "localhost".to_owned(),
            control_host: "dayfly.localhost".to_owned(),
            public_scheme: "http".to_owned(),
            public_port: 8080,
            repositories: listed
                .iter()
                .map(|name| RepoName::parse(name).unwrap())
                .collect(),
            logs: "logs".into(),
            link_key: LinkKey::make(tempfile::tempdir().unwrap().path()).unwrap(),
            limits: Limits::default(),
        }
    }

    #[test]
    fn only_listed_repositories_are_followed_where_some_are_listed() {
        let repository = Repository {
            id: RepositoryId(7),
            name: RepoName::parse("Acme/Shop").unwrap(),
        };
        let hints = [
            Hint::Refresh {
                repository: repository.clone(),
                number: PullRequestNumber(1),
            },
            Hint::RefreshAll { repository },
        ];
        for hint in hints {
            for listed in [&[][..], &["acme/shop"], &["acme/blog", "ACME/shop"]] {
                assert_eq!(fenced(&settings(listed), hint.clone()), hint, "{listed:?}");
            }
            for listed in [&["acme/blog"][..], &["acme/shop2", "other/shop"]] {
                let fenced = fenced(&settings(listed), hint.clone());
                assert!(matches!(fenced, Hint::Ignored { .. }), "{listed:?}");
            }
        }
    }
}
