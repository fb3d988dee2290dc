//! Removes abandoned containers.

use bollard::query_parameters::ListContainersOptionsBuilder;

use crate::{
    docker::{Docker, database::is_import},
    engine::EngineError,
    labels::Mark,
};

impl Docker {
    /// Removes the remains of imports that a crash interrupted.
    ///
    /// # Errors
    /// If the engine cannot be reached.
    pub async fn end_imports(&self) -> Result<(), EngineError> {
        self.end_those(|mark| is_import(&mark.preview)).await
    }

    /// Removes all our containers, because they run on data that has been replaced.
    ///
    /// # Errors
    /// If the engine cannot be reached.
    pub async fn end_all(&self) -> Result<(), EngineError> {
        self.end_those(|_| true).await
    }

    async fn end_those(&self, meant: impl Fn(&Mark) -> bool) -> Result<(), EngineError> {
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&self.filter(&[]))
            .build();
        let all = self
            .call("containers", self.api().list_containers(Some(options)))
            .await?;
        for container in all {
            let mark = container.labels.as_ref().and_then(Mark::read);
            let ours =
                mark.is_some_and(|mark| mark.instance == self.config().instance && meant(&mark));
            if let (Some(id), true) = (container.id, ours) {
                self.clear(&id).await?;
            }
        }
        Ok(())
    }
}
