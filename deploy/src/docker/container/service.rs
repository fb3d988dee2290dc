//! Services: a container in its networks, reachable by its plain name.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use bollard::{
    models::{ContainerInspectResponse, NetworkConnectRequest},
    query_parameters::{
        InspectContainerOptions, RemoveContainerOptionsBuilder, StopContainerOptionsBuilder,
    },
};
use tokio::time::Instant;

use super::{
    host_config::{Created, Plan},
    stop_signal::is_deaf,
};
use crate::{
    docker::{Docker, names::leads_to},
    engine::{EngineError, Network, STOP_GRACE, ServiceKey, ServiceSpec},
    labels::{Kind, Mark},
};

/// Attempts to start when the containers or networks change during the start.
const START_ATTEMPTS: usize = 4;

/// Time limit until a started container has an address or has exited.
const SETTLE_MAX: Duration = Duration::from_secs(3);

/// Interval between two checks of a started container.
const SETTLE_POLL: Duration = Duration::from_millis(20);

/// The result of checking an existing container with our service's name.
enum Adopted {
    Started(Option<SocketAddr>),
    /// It did not match and was removed, or it was already gone.
    Cleared,
}

impl Docker {
    pub(crate) async fn start_in_networks(
        &self,
        spec: &ServiceSpec,
    ) -> Result<Option<SocketAddr>, EngineError> {
        let network = Network::Revision(spec.key.revision);
        let mut looked_anew = false;
        for _ in 0..START_ATTEMPTS {
            let network_id = self.network_id(&spec.key.preview, &network).await?;
            let container = self
                .names(&spec.key.preview)
                .service(spec.key.revision, &spec.key.service);
            let plan = Plan {
                container: container.clone(),
                volume_owner: container,
                kind: Kind::Service,
                starts_again: true,
                named: true,
                ..base_plan(spec, network_id)
            };
            match self.create(&plan).await? {
                Created::New(id) => match self.launch(&id, &plan, spec).await {
                    Ok(address) => return Ok(address),
                    Err(EngineError::Missing(what)) => {
                        self.clear(&id).await?;
                        if std::mem::replace(&mut looked_anew, true) {
                            return Err(EngineError::Missing(what));
                        }
                        // A cached network id may be stale: the network may have been recreated.
                        self.forget_network(&spec.key.preview, &network);
                        self.forget_data_network(&plan);
                    }
                    Err(error) => return Err(error),
                },
                Created::NameTaken => {
                    if let Adopted::Started(address) = self.adopt(&plan, spec).await? {
                        return Ok(address);
                    }
                }
            }
        }
        let what = describe(&spec.key);
        Err(EngineError::Unreachable(format!(
            "{what} or its networks changed during the start"
        )))
    }

    pub(crate) async fn stop_and_remove(&self, key: &ServiceKey) -> Result<(), EngineError> {
        let name = self.names(&key.preview).service(key.revision, &key.service);
        if let Some(there) = self.inspect_ours(&name).await? {
            let what = describe(key);
            if runs(&there) && !is_deaf(&there) {
                let seconds = i32::try_from(STOP_GRACE.as_secs()).unwrap_or(i32::MAX);
                let options = StopContainerOptionsBuilder::new().t(seconds).build();
                self.absent(&what, self.api().stop_container(&name, Some(options)))
                    .await?;
            }
            self.clear(there.id.as_deref().unwrap_or(&name)).await?;
        }
        self.remove_volumes(
            &key.preview,
            &key.revision.0.to_string(),
            key.service.as_str(),
        )
        .await
    }

    /// The container of that name and whether it runs, if its labels match its name.
    pub(crate) async fn find_ours(
        &self,
        name: &str,
    ) -> Result<Option<(String, bool)>, EngineError> {
        Ok(self.inspect_ours(name).await?.map(|there| {
            let running = runs(&there);
            (there.id.unwrap_or_else(|| name.to_owned()), running)
        }))
    }

    /// The container of that name, if its labels match its name.
    pub(crate) async fn inspect_ours(
        &self,
        name: &str,
    ) -> Result<Option<ContainerInspectResponse>, EngineError> {
        let there = self.inspect(name).await?;
        Ok(there.filter(|there| self.is_ours(there, name)))
    }

    pub(crate) async fn inspect(
        &self,
        container: &str,
    ) -> Result<Option<ContainerInspectResponse>, EngineError> {
        let inspect = self
            .api()
            .inspect_container(container, None::<InspectContainerOptions>);
        self.find("a container", inspect).await
    }

    /// Kills and removes a container.
    pub(crate) async fn clear(&self, container: &str) -> Result<(), EngineError> {
        let options = RemoveContainerOptionsBuilder::new()
            .force(true)
            .v(true)
            .build();
        self.absent(
            "a container",
            self.api().remove_container(container, Some(options)),
        )
        .await
    }

    /// Connects the networks that it needs before it runs, and starts it.
    pub(crate) async fn connect_and_start(&self, id: &str, plan: &Plan) -> Result<(), EngineError> {
        let what = format!("{} {}", plan.kind.as_str(), plan.name);
        // A database lives in its data network; a service joins it.
        if plan.kind != Kind::Database
            && let Some(generation) = plan.generation
        {
            let network = self
                .network_id(&plan.preview, &Network::Data(generation))
                .await?;
            let request = NetworkConnectRequest {
                container: id.to_owned(),
                endpoint_config: None,
            };
            self.change(&what, self.api().connect_network(&network, request))
                .await?;
        }
        self.change(&what, self.api().start_container(id, None))
            .await
    }

    async fn launch(
        &self,
        id: &str,
        plan: &Plan,
        spec: &ServiceSpec,
    ) -> Result<Option<SocketAddr>, EngineError> {
        self.connect_and_start(id, plan).await?;
        self.settle(id, plan, spec).await
    }

    /// Waits for the address of a started container, or for its exit.
    async fn settle(
        &self,
        id: &str,
        plan: &Plan,
        spec: &ServiceSpec,
    ) -> Result<Option<SocketAddr>, EngineError> {
        let what = describe(&spec.key);
        let deadline = Instant::now() + SETTLE_MAX;
        loop {
            let there = self.inspect(id).await?;
            let there = there.ok_or_else(|| EngineError::Missing(what.clone()))?;
            if let Some(ip) = address_in(&there, &plan.network) {
                return Ok(Some(SocketAddr::new(ip, spec.port)));
            }
            let state = there.state.unwrap_or_default();
            if state.running != Some(true) || state.restarting == Some(true) {
                return Ok(None);
            }
            if Instant::now() >= deadline {
                let why = format!("{what} runs but has no address in its network");
                return Err(EngineError::Unreachable(why));
            }
            tokio::time::sleep(SETTLE_POLL).await;
        }
    }

    /// Keeps the existing container if it matches the plan.
    async fn adopt(&self, plan: &Plan, spec: &ServiceSpec) -> Result<Adopted, EngineError> {
        let Some(there) = self.inspect(&plan.container).await? else {
            return Ok(Adopted::Cleared);
        };
        if !self.is_ours(&there, &plan.container) {
            return Err(EngineError::Refused {
                what: describe(&spec.key),
                why: format!(
                    "a container called {} exists but is not Dayfly's; remove it",
                    plan.container
                ),
            });
        }
        let id = there.id.clone().unwrap_or_else(|| plan.container.clone());
        let same = mark(&there).is_some_and(|mark| mark.spec == plan.spec());
        let state = there.state.clone().unwrap_or_default();
        if same && state.restarting == Some(true) {
            return Ok(Adopted::Started(None));
        }
        if same && state.running == Some(true) {
            if let Some(ip) = address_in(&there, &plan.network)
                && self.is_in_data_network(&there, plan).await?
            {
                return Ok(Adopted::Started(Some(SocketAddr::new(ip, spec.port))));
            }
        } else if same && state.started_at.is_some_and(|at| !at.starts_with("0001-")) {
            // It ran before, so it is in its networks; the start fails if a network is gone.
            let started = self
                .change(&describe(&spec.key), self.api().start_container(&id, None))
                .await;
            match started {
                Ok(()) => return self.settle(&id, plan, spec).await.map(Adopted::Started),
                Err(EngineError::Missing(_)) => {}
                Err(error) => return Err(error),
            }
        }
        self.clear(&id).await?;
        Ok(Adopted::Cleared)
    }

    async fn is_in_data_network(
        &self,
        there: &ContainerInspectResponse,
        plan: &Plan,
    ) -> Result<bool, EngineError> {
        let Some(generation) = plan.generation else {
            return Ok(true);
        };
        let network = self
            .network_id(&plan.preview, &Network::Data(generation))
            .await?;
        Ok(address_in(there, &network).is_some())
    }

    /// A cached network id may be stale: the network may have been recreated.
    pub(crate) fn forget_data_network(&self, plan: &Plan) {
        if let Some(generation) = plan.generation {
            self.forget_network(&plan.preview, &Network::Data(generation));
        }
    }

    pub(crate) fn is_ours(&self, there: &ContainerInspectResponse, name: &str) -> bool {
        let called = there
            .name
            .as_deref()
            .is_some_and(|n| n.trim_start_matches('/') == name);
        called
            && mark(there).is_some_and(|mark| {
                mark.instance == self.config().instance && leads_to(&mark, name)
            })
    }
}

/// The common part of the plans for services and for commands in their images.
pub(crate) fn base_plan(spec: &ServiceSpec, network: String) -> Plan {
    Plan {
        container: String::new(),
        volume_owner: String::new(),
        kind: Kind::Service,
        preview: spec.key.preview.clone(),
        revision: Some(spec.key.revision),
        generation: spec.data,
        name: spec.key.service.to_string(),
        port: Some(spec.port),
        image: spec.image.clone(),
        command: spec.command.as_ref().map(|command| command.0.clone()),
        env: spec.env.clone(),
        memory_bytes: spec.memory_bytes,
        cpu_milli: spec.cpu_milli,
        pids_max: spec.pids_max,
        starts_again: false,
        shm_bytes: None,
        data: None,
        script: None,
        init: spec.init,
        user: spec.process.user.clone(),
        entrypoint: spec.process.entrypoint.clone(),
        working_dir: spec.process.working_dir.clone(),
        named: false,
        network,
    }
}

fn runs(there: &ContainerInspectResponse) -> bool {
    let state = there.state.as_ref();
    state.is_some_and(|state| state.running == Some(true))
}

/// The container's address in the network with that id.
pub(crate) fn address_in(there: &ContainerInspectResponse, network: &str) -> Option<IpAddr> {
    let networks = there.network_settings.as_ref()?.networks.as_ref()?;
    let endpoint = networks
        .values()
        .find(|e| e.network_id.as_deref() == Some(network))?;
    endpoint.ip_address.as_deref()?.parse().ok()
}

/// Its environment variables, including those of its image.
pub(crate) fn variables(there: &ContainerInspectResponse) -> &[String] {
    let config = there.config.as_ref();
    config
        .and_then(|config| config.env.as_deref())
        .unwrap_or_default()
}

/// The container's labels as values.
pub(crate) fn mark(there: &ContainerInspectResponse) -> Option<Mark> {
    Mark::read(there.config.as_ref()?.labels.as_ref()?)
}

fn describe(key: &ServiceKey) -> String {
    format!(
        "service {} of {} {}",
        key.service, key.preview, key.revision
    )
}
