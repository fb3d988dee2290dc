//! The effects of engine calls on the simulated host, and its observations.

use std::net::SocketAddr;

use tokio::time::Instant;

use super::{
    AppScript, StartScript,
    rules::{describe, describe_network},
    world::{Run, Service, World},
};
use crate::{
    blueprint::Health,
    engine::{
        ContainerState, DatabaseState, Ended, EngineError, ImageState, Network, OUTPUT_LINES_MAX,
        Observation, Probe, ServiceKey, ServiceRun, ServiceSpec, ServiceState, Stray,
    },
    names::{Instance, PreviewId},
};

impl World {
    pub(super) fn check_network(
        &self,
        instance: &Instance,
        preview: &PreviewId,
        network: &Network,
    ) -> Result<(), EngineError> {
        let key = (instance.clone(), preview.clone(), network.clone());
        match self.networks.contains_key(&key) {
            true => Ok(()),
            false => Err(EngineError::Missing(describe_network(preview, network))),
        }
    }

    pub(super) fn check_networks(
        &self,
        instance: &Instance,
        spec: &ServiceSpec,
    ) -> Result<(), EngineError> {
        let preview = &spec.key.preview;
        let data = spec.data.map(Network::Data);
        let networks = [Network::Revision(spec.key.revision)]
            .into_iter()
            .chain(data);
        for network in networks {
            self.check_network(instance, preview, &network)?;
        }
        if !self.images.contains_key(&spec.image) {
            return Err(EngineError::Missing(format!("image {}", spec.image)));
        }
        Ok(())
    }

    /// Creates the container; returns the address, if it has one, when it already runs.
    pub(super) fn prepare_service(
        &mut self,
        instance: &Instance,
        spec: &ServiceSpec,
    ) -> Result<Option<Option<SocketAddr>>, EngineError> {
        let key = (instance.clone(), spec.key.clone());
        let same = |service: &Service| digest(&service.spec) == digest(spec);
        if let Some(service) = self.services.get(&key)
            && same(service)
            && service.state == ContainerState::Running
        {
            return Ok(Some(service.is_running().then_some(service.address)));
        }
        self.check_networks(instance, spec)?;
        self.check_start(instance, spec);
        if self.services.get(&key).is_some_and(same) {
            return Ok(None);
        }
        self.check_remove_service(instance, &spec.key);
        let script = self.script_of(spec);
        let service = Service {
            script,
            spec: spec.clone(),
            state: ContainerState::Created,
            between_runs: None,
            address: self.fresh_address(spec.port),
            started: Instant::now(),
            life: 0,
            lines: Default::default(),
            lines_forgotten: 0,
        };
        self.services.insert(key, service);
        self.hint(instance, &spec.key.preview);
        Ok(None)
    }

    /// Starts the created container; returns its address and the number of this run.
    pub(super) fn launch_service(
        &mut self,
        instance: &Instance,
        spec: &ServiceSpec,
    ) -> Result<(Option<SocketAddr>, u64), EngineError> {
        self.check_networks(instance, spec)?;
        let (address, life) = (self.fresh_address(spec.port), self.serial());
        let key = (instance.clone(), spec.key.clone());
        let service = self
            .services
            .get_mut(&key)
            .ok_or_else(|| EngineError::Missing(describe(&spec.key)))?;
        service.state = ContainerState::Running;
        service.between_runs = None;
        service.address = address;
        service.started = Instant::now();
        service.life = life;
        for line in service.script.output.clone() {
            service.print(&line);
        }
        let at_once = match service.script.start {
            StartScript::ExitsWith(code) if service.script.starts_in.is_zero() => Some(code),
            _ => None,
        };
        if let Some(exit_code) = at_once {
            service.end(exit_code);
        }
        self.hint(instance, &spec.key.preview);
        Ok((at_once.is_none().then_some(address), life))
    }

    /// Inspects a service.
    pub(super) fn service_run(&self, instance: &Instance, key: &ServiceKey) -> Option<ServiceRun> {
        let service = self.services.get(&(instance.clone(), key.clone()))?;
        let state = match service.between_runs {
            Some((exit_code, _)) => ContainerState::Exited {
                exit_code,
                out_of_memory: false,
            },
            None => service.state.clone(),
        };
        Some(ServiceRun {
            state,
            address: service.is_running().then_some(service.address),
            starts_again: service.between_runs.is_some(),
            ends: service.ends(),
            ended: None,
            listens: None,
        })
    }

    pub(super) fn begin_run(
        &mut self,
        instance: &Instance,
        spec: &ServiceSpec,
        task: &str,
        number: u64,
    ) -> Result<AppScript, EngineError> {
        self.check_networks(instance, spec)?;
        self.check_start(instance, spec);
        let run = Run {
            spec: spec.clone(),
            task: task.to_owned(),
        };
        // A leftover of a crash with the same name is removed first.
        self.strays
            .remove(&(instance.clone(), run.as_stray(instance)));
        self.runs.insert(number, (instance.clone(), run));
        self.hint(instance, &spec.key.preview);
        Ok(self.script_of(spec))
    }

    pub(super) fn end_run(&mut self, number: u64, lost: bool) -> Result<Ended, EngineError> {
        let Some((instance, run)) = self.runs.get(&number).cloned() else {
            return Err(EngineError::Missing("the command's container".to_owned()));
        };
        if lost {
            self.abandon_run(number);
        } else {
            self.runs.remove(&number);
        }
        let script = self.script_of(&run.spec);
        let mut ended = Ended {
            exit_code: script.migrate,
            out_of_memory: false,
            output: script.output,
        };
        self.apply_run(&instance, &run, &mut ended);
        let surplus = ended.output.len().saturating_sub(OUTPUT_LINES_MAX);
        ended.output.drain(..surplus);
        self.hint(&instance, &run.spec.key.preview);
        Ok(ended)
    }

    /// Probes like a visitor; the application prints a line for each request it answers.
    pub(super) fn probe(&mut self, address: SocketAddr, health: &Health) -> Probe {
        let mut services = self.services.values_mut();
        let Some(service) = services.find(|s| s.is_running() && s.address == address) else {
            return Probe::Refused;
        };
        let found = service.answer(health);
        let asked = !matches!(health, Health::Running | Health::Tcp);
        if asked && !matches!(found, Probe::Refused | Probe::Silent) {
            service.print(&format!("GET as {health:?}: {found:?}"));
            self.changed.send_modify(|count| *count += 1);
        }
        found
    }

    pub(super) fn observe(&self, instance: &Instance, preview: Option<&PreviewId>) -> Observation {
        let ours = |owner: &Instance, whose: &PreviewId| {
            owner == instance && preview.is_none_or(|preview| preview == whose)
        };
        let networks = self
            .networks
            .keys()
            .filter(|(owner, whose, _)| ours(owner, whose));
        let services = self
            .services
            .iter()
            .filter(|((owner, key), _)| ours(owner, &key.preview));
        let databases = self
            .servers
            .iter()
            .filter(|((owner, key), _)| ours(owner, &key.preview));
        let data = self
            .data
            .iter()
            .filter(|((owner, key), data)| ours(owner, &key.preview) && data.complete);
        let images = self.images.iter().flat_map(|(image, state)| {
            let owners = state.owners.iter();
            let owners = owners.filter(|(owner, preview, ..)| ours(owner, preview));
            owners.map(|(_, preview, revision, service)| ImageState {
                image: image.clone(),
                preview: preview.clone(),
                revision: *revision,
                service: service.clone(),
            })
        });
        let strays = self
            .strays
            .iter()
            .filter(|(owner, stray)| ours(owner, &stray.preview));
        let runs = self
            .runs
            .values()
            .filter(|(owner, run)| ours(owner, &run.spec.key.preview));
        Observation {
            networks: networks
                .map(|(_, preview, network)| (preview.clone(), network.clone()))
                .collect(),
            services: services
                .map(|((_, key), service)| service.state(key))
                .collect(),
            databases: databases
                .map(|((_, key), server)| DatabaseState {
                    key: key.clone(),
                    state: server.state.clone(),
                })
                .collect(),
            data: data.map(|((_, key), _)| key.clone()).collect(),
            images: images.collect(),
            strays: strays
                .map(|(_, stray)| stray.clone())
                .chain(runs.map(|(owner, run)| run.as_stray(owner)))
                .collect(),
        }
    }

    pub(super) fn remove_stray(&mut self, instance: &Instance, stray: &Stray) {
        let run = self
            .runs
            .iter()
            .find(|(_, (owner, run))| owner == instance && run.as_stray(owner).id == stray.id);
        if let Some((number, _)) = run {
            let number = *number;
            self.violation(format!(
                "stray {} removed while a call waits for it",
                stray.id
            ));
            self.runs.remove(&number);
        }
        self.strays.remove(&(instance.clone(), stray.clone()));
    }
}

impl Service {
    fn answer(&self, health: &Health) -> Probe {
        if *health == Health::Running {
            return Probe::Ready;
        }
        match (self.listens(), self.script.start, health) {
            (false, ..) => Probe::Refused,
            (true, _, Health::Tcp) => Probe::Ready,
            (true, StartScript::Silent, _) => Probe::Silent,
            (true, StartScript::Status(status), Health::Path(_)) if status >= 400 => {
                Probe::Status(status)
            }
            (true, StartScript::Status(status), _) if status >= 500 => Probe::Status(status),
            _ => Probe::Ready,
        }
    }

    fn state(&self, key: &ServiceKey) -> ServiceState {
        ServiceState {
            key: key.clone(),
            state: self.state.clone(),
            address: self.is_running().then_some(self.address),
            image: self.spec.image.clone(),
        }
    }
}

/// Equal specs have equal digests.
fn digest(spec: &ServiceSpec) -> String {
    format!("{spec:?}")
}
