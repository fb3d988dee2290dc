//! Containers that stand still for a moment, and go on whatever happens.

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

/// How often it is tried to make a container stand still, and how long after a failure. With cgroup
/// v1, runc gives up on a busy host and says "unable to freeze".
const PAUSE_ATTEMPTS: u32 = 5;
const PAUSE_AGAIN: Duration = Duration::from_millis(50);
/// How often it is tried to let a container go on, and how long after a failure.
const UNPAUSE_ATTEMPTS: u32 = 5;
const UNPAUSE_AGAIN: Duration = Duration::from_millis(500);

impl Docker {
    /// Containers of ours that are up, standing still or not, by their ids.
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

    /// Makes a container stand still; tried again where the kernel was too busy to stop all of it.
    pub(crate) async fn pause(&self, id: &str) -> Result<(), EngineError> {
        for _ in 0..PAUSE_ATTEMPTS {
            if self.try_pause(id).await? {
                return Ok(());
            }
            tokio::time::sleep(PAUSE_AGAIN).await;
        }
        let why = format!("the engine cannot make container {id} stand still");
        Err(EngineError::Unreachable(why))
    }

    /// Answers `false` for one that does not stand still yet.
    async fn try_pause(&self, id: &str) -> Result<bool, EngineError> {
        self.change("a pause", async {
            match self.api().pause_container(id).await {
                // One that ended meanwhile writes nothing either.
                Err(error) if matches!(status(&error), Some(404 | 409)) => Ok(true),
                Err(error) if sentence(&error).contains("unable to freeze") => Ok(false),
                other => other.map(|()| true),
            }
        })
        .await
    }

    /// Answers `false` for one that did not stand still.
    async fn unpause(&self, id: &str) -> Result<bool, EngineError> {
        self.change("the end of a pause", async {
            match self.api().unpause_container(id).await {
                Ok(()) => Ok(true),
                Err(error) if sentence(&error).contains("not paused") => Ok(false),
                // One that ended writes nothing either.
                Err(error) if matches!(status(&error), Some(404 | 409)) => Ok(true),
                Err(error) => Err(error),
            }
        })
        .await
    }

    /// Tried again: what stands still stands still for whoever uses it.
    pub(crate) async fn surely_unpause(&self, id: &str) -> Result<bool, EngineError> {
        for _ in 1..UNPAUSE_ATTEMPTS {
            match self.unpause(id).await {
                Ok(stood) => return Ok(stood),
                Err(error) => tracing::warn!(id, %error, "a container still stands still"),
            }
            tokio::time::sleep(UNPAUSE_AGAIN).await;
        }
        self.unpause(id).await
    }

    /// Lets everything go on that stands still because we died while a copy was taken.
    ///
    /// # Errors
    /// When the engine cannot be asked.
    pub async fn end_pauses(&self) -> Result<(), EngineError> {
        let mut filter = self.filter(&[]);
        filter.insert("status".to_owned(), vec!["paused".to_owned()]);
        for (id, _) in self.up(&filter).await? {
            self.unpause(&id).await?;
        }
        Ok(())
    }
}
