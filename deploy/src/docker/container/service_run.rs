//! Inspects one service's container.

use bollard::models::{ContainerInspectResponse, ContainerState as State};

use super::{
    listening::listening,
    logs::parse_time,
    service::{address_in, mark},
};
use crate::{
    docker::Docker,
    engine::{ContainerState, EngineError, Network, ServiceKey, ServiceRun},
};

impl Docker {
    /// The current state of a service; `None` if it has no container.
    pub(crate) async fn run_of(&self, key: &ServiceKey) -> Result<Option<ServiceRun>, EngineError> {
        let name = self.names(&key.preview).service(key.revision, &key.service);
        let Some(there) = self.inspect_ours(&name).await? else {
            return Ok(None);
        };
        let network = Network::Revision(key.revision);
        let network = self.network_id(&key.preview, &network).await?;
        let port = mark(&there).and_then(|mark| mark.port);
        Ok(Some(run(&there, &network, port)))
    }
}

fn run(there: &ContainerInspectResponse, network: &str, port: Option<u16>) -> ServiceRun {
    let none = State::default();
    let state = there.state.as_ref().unwrap_or(&none);
    let waits = state.restarting == Some(true);
    let runs = state.running == Some(true) && !waits;
    // The engine writes the year one for events that have not happened.
    let began = state.started_at.as_deref().and_then(parse_time);
    let address = address_in(there, network).zip(port).filter(|_| runs);
    ServiceRun {
        state: match (runs, began) {
            (true, _) => ContainerState::Running,
            (false, None) => ContainerState::Created,
            (false, Some(_)) => ContainerState::Exited {
                exit_code: state.exit_code.unwrap_or_default(),
                out_of_memory: state.oom_killed.unwrap_or_default(),
            },
        },
        address: address.map(Into::into),
        starts_again: waits,
        ends: there
            .restart_count
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or_default(),
        ended: state
            .finished_at
            .as_deref()
            .and_then(parse_time)
            .filter(|_| began.is_some()),
        listens: state
            .pid
            .zip(there.id.as_deref())
            .filter(|_| runs)
            .and_then(|(process, id)| listening(id, process).ok()),
    }
}
