//! Commands that run to their end in a service's image and networks.

use bollard::{errors::Error, query_parameters::WaitContainerOptions};
use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;

use super::{
    host_config::{Created, Plan},
    service::base_plan,
};
use crate::{
    docker::{Docker, error::classify},
    engine::{Ended, EngineError, Network, OUTPUT_LINES_MAX, ServiceSpec},
    labels::Kind,
};

impl Docker {
    /// A separate task owns the container. It removes the container at the end, even if the caller
    /// is gone: a create in progress cannot be cancelled, only cleaned up afterwards.
    pub(crate) async fn run(&self, spec: &ServiceSpec, word: &str) -> Result<Ended, EngineError> {
        let cancel = CancellationToken::new();
        let _end = cancel.clone().drop_guard();
        let (docker, spec, word) = (self.clone(), spec.clone(), word.to_owned());
        let life = tokio::spawn(async move { docker.run_and_remove(&spec, &word, cancel).await });
        life.await
            .unwrap_or_else(|error| Err(EngineError::Unreachable(error.to_string())))
    }

    async fn run_and_remove(
        &self,
        spec: &ServiceSpec,
        word: &str,
        cancel: CancellationToken,
    ) -> Result<Ended, EngineError> {
        let what = format!("{word} in service {}", spec.key.service);
        let id = self.create_task(spec, word, &what).await?;
        let ended = tokio::select! {
            ended = self.run_created(&id, &what) => ended,
            () = cancel.cancelled() => Err(EngineError::Unreachable(format!("{what} was stopped"))),
        };
        self.clear(&id.0).await?;
        self.remove_volumes_of(&id.1).await?;
        ended
    }

    /// Creates the task's container and replaces a leftover one.
    async fn create_task(
        &self,
        spec: &ServiceSpec,
        word: &str,
        what: &str,
    ) -> Result<(String, Plan), EngineError> {
        let names = self.names(&spec.key.preview);
        let network = Network::Revision(spec.key.revision);
        let network = self.network_id(&spec.key.preview, &network).await?;
        let plan = Plan {
            container: names.task(spec.key.revision, &spec.key.service, word),
            volume_owner: names.service(spec.key.revision, &spec.key.service),
            kind: Kind::Task,
            port: None,
            ..base_plan(spec, network)
        };
        if let Created::New(id) = self.create(&plan).await? {
            return Ok((id, plan));
        }
        let taken = || EngineError::Refused {
            what: what.to_owned(),
            why: format!(
                "a container called {} exists but is not Dayfly's; remove it",
                plan.container
            ),
        };
        let (left_over, _) = self.find_ours(&plan.container).await?.ok_or_else(taken)?;
        self.clear(&left_over).await?;
        match self.create(&plan).await? {
            Created::New(id) => Ok((id, plan)),
            Created::NameTaken => Err(taken()),
        }
    }

    async fn run_created(
        &self,
        (id, plan): &(String, Plan),
        what: &str,
    ) -> Result<Ended, EngineError> {
        if let Err(error) = self.connect_and_start(id, plan).await {
            // Forget the missing network, so that the next call looks it up again.
            if let (EngineError::Missing(_), Some(revision)) = (&error, plan.revision) {
                self.forget_network(&plan.preview, &Network::Revision(revision));
                self.forget_data_network(plan);
            }
            return Err(error);
        }
        let exit_code = self.wait(id, what).await?;
        let there = self.inspect(id).await?;
        let state = there.and_then(|there| there.state).unwrap_or_default();
        Ok(Ended {
            exit_code,
            out_of_memory: state.oom_killed.unwrap_or_default(),
            output: self.last_lines(id, OUTPUT_LINES_MAX).await?,
        })
    }

    /// Waits for the exit code, without a time limit of its own: the caller sets the limit.
    async fn wait(&self, id: &str, what: &str) -> Result<i64, EngineError> {
        let mut waiting = Box::pin(self.api().wait_container(id, None::<WaitContainerOptions>));
        match waiting.next().await {
            Some(Ok(answer)) => Ok(answer.status_code),
            Some(Err(Error::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(error)) => Err(classify(what, error)),
            None => Err(EngineError::Unreachable(format!(
                "{what}: the engine stopped waiting"
            ))),
        }
    }
}
