//! Pauses containers for a short time and ensures that they resume.

use std::{collections::HashMap, time::Duration};

use bollard::query_parameters::ListContainersOptionsBuilder;

use crate::{
    docker::{
        Docker,
        error::{sentence, status},
    },
    engine::EngineError,
    labels::Mark,
};

/// Attempts to pause a container, and the delay between them. With cgroup v1, runc gives up on a
/// busy host and reports "unable to freeze".
const PAUSE_ATTEMPTS: u32 = 5;
const PAUSE_AGAIN: Duration = Duration::from_millis(50);
/// Attempts to unpause a container, and the delay between them.
const UNPAUSE_ATTEMPTS: u32 = 5;
const UNPAUSE_AGAIN: Duration = Duration::from_millis(500);

impl Docker {
    /// Our running or paused containers, by their ids.
    pub(crate) async fn up(
        &self,
        filter: &HashMap<String, Vec<String>>,
    ) -> Result<Vec<(String, Mark)>, EngineError> {
        let options = ListContainersOptionsBuilder::new().filters(filter).build();
        let up = self
            .call("containers", self.api().list_containers(Some(options)))
            .await?;
        let known = up.into_iter().filter_map(|container| {
            let mark = container.labels.as_ref().and_then(Mark::read)?;
            let ours = mark.instance == self.config().instance;
            container.id.filter(|_| ours).zip(Some(mark))
        });
        Ok(known.collect())
    }

    /// Pauses a container; retries if the kernel was too busy to freeze all of its processes.
    pub(crate) async fn pause(&self, id: &str) -> Result<(), EngineError> {
        for _ in 0..PAUSE_ATTEMPTS {
            if self.try_pause(id).await? {
                return Ok(());
            }
            tokio::time::sleep(PAUSE_AGAIN).await;
        }
        let why = format!("the engine cannot pause container {id}");
        Err(EngineError::Unreachable(why))
    }

    /// Returns `false` if the container is not paused yet.
    async fn try_pause(&self, id: &str) -> Result<bool, EngineError> {
        self.change("pausing a container", async {
            match self.api().pause_container(id).await {
                // An exited container writes nothing either.
                Err(error) if matches!(status(&error), Some(404 | 409)) => Ok(true),
                Err(error) if sentence(&error).contains("unable to freeze") => Ok(false),
                other => other.map(|()| true),
            }
        })
        .await
    }

    /// Returns `false` if the container was not paused.
    async fn unpause(&self, id: &str) -> Result<bool, EngineError> {
        self.change("unpausing a container", async {
            match self.api().unpause_container(id).await {
                Ok(()) => Ok(true),
                Err(error) if sentence(&error).contains("not paused") => Ok(false),
                // An exited container writes nothing either.
                Err(error) if matches!(status(&error), Some(404 | 409)) => Ok(true),
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// Unpauses with retries, because a paused container blocks its users.
    pub(crate) async fn surely_unpause(&self, id: &str) -> Result<bool, EngineError> {
        for _ in 1..UNPAUSE_ATTEMPTS {
            match self.unpause(id).await {
                Ok(stood) => return Ok(stood),
                Err(error) => tracing::warn!(id, %error, "cannot unpause a container; retrying"),
            }
            tokio::time::sleep(UNPAUSE_AGAIN).await;
        }
        self.unpause(id).await
    }

    /// Unpauses all containers that a crash during a copy left paused.
    ///
    /// # Errors
    /// If the engine cannot be reached.
    pub async fn end_pauses(&self) -> Result<(), EngineError> {
        let mut filter = self.filter(&[]);
        filter.insert("status".to_owned(), vec!["paused".to_owned()]);
        for (id, _) in self.up(&filter).await? {
            self.unpause(&id).await?;
        }
        Ok(())
    }
}
