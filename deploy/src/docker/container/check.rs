//! Runs the command of a health check in a service's container.

use std::time::Duration;

use crate::{
    blueprint::HealthCheck,
    docker::{Docker, database::run::Run},
    engine::{Probe, ServiceKey},
};

impl Docker {
    /// One attempt.
    pub(crate) async fn check_service(&self, key: &ServiceKey, check: &HealthCheck) -> Probe {
        let name = self.names(&key.preview).service(key.revision, &key.service);
        let words: Vec<&str> = check.run.iter().map(String::as_str).collect();
        let run = Run::new(&words);
        let limit = Duration::from_millis(check.limit_ms);
        match tokio::time::timeout(limit, self.execute(&name, &run)).await {
            Ok(Ok(answer)) if answer.exit_code == 0 => Probe::Ready,
            Ok(Ok(answer)) => Probe::Failing(answer.exit_code),
            Ok(Err(_)) => Probe::Refused,
            Err(_) => Probe::CheckTooSlow,
        }
    }
}
