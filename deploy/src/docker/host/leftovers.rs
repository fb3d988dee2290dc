//! Containers that nobody will come back to.

use bollard::query_parameters::ListContainersOptionsBuilder;

use crate::{
    docker::{Docker, database::is_import},
    engine::EngineError,
    labels::Mark,
};

impl Docker {
    /// Removes what imports left that were cut off by our death.
    ///
    /// # Errors
    /// When the engine cannot be asked.
    pub async fn end_imports(&self) -> Result<(), EngineError> {
        self.end_those(|mark| is_import(&mark.preview)).await
    }

    /// Removes every container of ours: they run on other data than those that are there now.
    ///
    /// # Errors
    /// When the engine cannot be asked.
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
