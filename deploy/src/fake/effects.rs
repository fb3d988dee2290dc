//! The effects of engine calls on the simulated host, and its observations.

use std::net::SocketAddr;

use super::{
    AppScript, describe,
    objects::{Run, service_at},
    world::World,
};
use crate::{
    blueprint::{Health, HealthCheck},
    engine::{
        ContainerState, Ended, EngineError, OUTPUT_LINES_MAX, Observation, Probe, ServiceKey,
        ServiceSpec, Stray,
    },
    names::{Instance, PreviewId},
};

impl World {
    pub(super) fn check_networks(
        &mut self,
        instance: &Instance,
        spec: &ServiceSpec,
    ) -> Result<(), EngineError> {
        let preview = &spec.key.preview;
        if let Some(network) = self.of(instance, preview).missing_network(spec) {
            let what = describe::network(preview, &network);
            return Err(EngineError::Missing(what));
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
        let there = self.service(instance, &spec.key);
        let same = there.filter(|service| digest(&service.spec) == digest(spec));
        let is_same = same.is_some();
        if let Some(service) = same
            && service.state == ContainerState::Running
        {
            return Ok(Some(service.is_running().then_some(service.address)));
        }
        self.check_networks(instance, spec)?;
        self.check_start(instance, spec);
        if is_same {
            return Ok(None);
        }
        self.check_remove_service(instance, &spec.key);
        let (script, address) = (self.script_of(spec), self.fresh_address(spec.port));
        let objects = self.of(instance, &spec.key.preview);
        objects.services.remove(&service_at(&spec.key));
        objects.create_service(spec.clone(), script, address, ());
        self.hint(instance, &spec.key.preview);
        Ok(None)
    }

    /// Starts the created container; returns its address if it still runs.
    pub(super) fn launch_service(
        &mut self,
        instance: &Instance,
        spec: &ServiceSpec,
    ) -> Result<Option<SocketAddr>, EngineError> {
        self.check_networks(instance, spec)?;
        let (address, now_ms) = (self.fresh_address(spec.port), self.now_ms());
        let service = self.service(instance, &spec.key);
        let missing = || EngineError::Missing(describe::service(&spec.key));
        let service = service.ok_or_else(missing)?;
        service.launch(address, now_ms);
        let address = service.is_running().then_some(address);
        self.hint(instance, &spec.key.preview);
        Ok(address)
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
        let key = &spec.key;
        let run = Run {
            name: format!(
                "{instance}-{}-{}-{}-{task}",
                key.preview, key.revision, key.service
            ),
            spec: spec.clone(),
            task: task.to_owned(),
            attended: true,
            mark: (),
        };
        self.of(instance, &key.preview).start_run(number, run);
        self.hint(instance, &key.preview);
        Ok(self.script_of(spec))
    }

    pub(super) fn end_run(
        &mut self,
        instance: &Instance,
        preview: &PreviewId,
        number: u64,
        lost: bool,
    ) -> Result<Ended, EngineError> {
        let runs = &mut self.of(instance, preview).runs;
        let Some(run) = runs.get_mut(&number).filter(|run| run.attended) else {
            return Err(EngineError::Missing("the command's container".to_owned()));
        };
        run.attended = false;
        let run = run.clone();
        if !lost {
            runs.remove(&number);
        }
        let script = self.script_of(&run.spec);
        let mut ended = Ended {
            exit_code: script.migrate,
            out_of_memory: false,
            output: script.output,
        };
        self.apply_run(instance, &run, &mut ended);
        let surplus = ended.output.len().saturating_sub(OUTPUT_LINES_MAX);
        ended.output.drain(..surplus);
        self.hint(instance, preview);
        Ok(ended)
    }

    /// Probes like a visitor; the application prints a line for each request it answers.
    pub(super) fn probe(&mut self, address: SocketAddr, health: &Health) -> Probe {
        let now_ms = self.now_ms();
        let previews = self.previews.values_mut();
        let mut services = previews.flat_map(|objects| objects.services.values_mut());
        let Some(service) = services.find(|s| s.is_running() && s.address == address) else {
            return Probe::Refused;
        };
        let found = service.answer(health, now_ms);
        let asked = !matches!(health, Health::Running | Health::Tcp | Health::Check(_));
        if asked && !matches!(found, Probe::Refused | Probe::Silent) {
            service.print(&format!("GET as {health:?}: {found:?}"), now_ms);
            self.changed.send_modify(|count| *count += 1);
        }
        found
    }

    /// Runs the command of a check.
    pub(super) fn check(
        &mut self,
        instance: &Instance,
        key: &ServiceKey,
        check: &HealthCheck,
    ) -> Probe {
        let now_ms = self.now_ms();
        let objects = self.of(instance, &key.preview);
        let service = objects.services.get(&service_at(key));
        service.map_or(Probe::Refused, |service| service.checked(check, now_ms))
    }

    pub(super) fn observe(&self, instance: &Instance, preview: Option<&PreviewId>) -> Observation {
        let mut seen = Observation::default();
        for ((owner, whose), objects) in &self.previews {
            if owner == instance && preview.is_none_or(|preview| preview == whose) {
                objects.observe(whose, &mut seen);
            }
        }
        seen
    }

    pub(super) fn remove_stray(&mut self, instance: &Instance, stray: &Stray) {
        let removed = self.of(instance, &stray.preview).remove_stray(&stray.id);
        if removed.is_some_and(|run| run.attended) {
            self.violation(format!(
                "stray {} removed while a call waits for it",
                stray.id
            ));
        }
    }
}

/// Equal specs have equal digests.
fn digest(spec: &ServiceSpec) -> String {
    format!("{spec:?}")
}
