//! Carries out what concerns services and the way of visitors to them.

use std::time::Duration;

use deploy::{
    engine::ContainerState,
    fake::{AppScript, ServiceAt, StartScript},
    names::RevisionNumber,
};
use orchestrator::lifecycle::Routed;

use super::{
    app::Fate,
    apply::Done,
    effect::Stop,
    engine::{Engine, Origin},
    process::{Control, Flight},
    words,
    world::{Event, World},
};

/// How long a revision may take to answer, and how long requests are waited for.
const READY_LIMIT_MS: u64 = 120_000;
const DRAIN_LIMIT_MS: u64 = 30_000;

impl World {
    pub(super) fn service_make(
        &mut self,
        key: &ServiceAt,
        origin: Origin,
        flight: Option<&mut Flight>,
    ) -> Done {
        let wanted = self
            .store
            .revision(key.0)
            .and_then(|facts| facts.images.get(&key.1))
            .cloned();
        let wanted = wanted.filter(|image| self.engine.objects.has_image(image));
        let Some(image) = wanted else {
            self.store
                .change(key.0, |facts| drop(facts.images.remove(&key.1)));
            return Err(Stop::Again("the image is missing"));
        };
        if self.fate(key.0) == Fate::StartRefused {
            return Err(Stop::Verdict("refused"));
        }
        let facts = self.store.revision(key.0);
        let spec = words::service_spec(key, image, facts.and_then(|facts| facts.generation));
        if self.engine.objects.missing_network(&spec).is_some() {
            return Err(Stop::Again("a network is missing"));
        }
        if let Some(flight) = flight {
            self.check_start(key, flight);
        }
        let address = Engine::address(key.0, 1);
        let objects = &mut self.engine.objects;
        objects.create_service(spec, AppScript::default(), address, origin);
        Ok(())
    }

    pub(super) fn service_start(&mut self, key: &ServiceAt, flight: Option<&mut Flight>) -> Done {
        let fate = self.fate(key.0);
        // An address is often the same after a restart, and sometimes another.
        let host = if self.rng.percent(50) {
            None
        } else {
            Some(self.engine.fresh_number())
        };
        let Some(service) = self.engine.objects.services.get_mut(key) else {
            return if flight.is_some() {
                Err(Stop::Again("the container is missing"))
            } else {
                Ok(())
            };
        };
        if service.state == ContainerState::Running {
            return Ok(());
        }
        let address = host.map_or(service.address, |host| Engine::address(key.0, host));
        let wait = self.rng.wait_ms();
        service.script.starts_in = Duration::from_millis(wait);
        service.script.start = match fate {
            Fate::NeverReady | Fate::Exits => StartScript::NeverListens,
            _ => StartScript::Serves,
        };
        service.launch(address, self.now);
        if fate == Fate::Exits {
            self.after(wait, Event::Exit(key.clone(), address));
        }
        Ok(())
    }

    pub(super) fn probe(&mut self, number: RevisionNumber, flight: &Flight) -> Done {
        let mut ready_at = 0;
        if flight.found.addresses.is_empty() {
            return Err(Stop::Again("not all services of the revision are running"));
        }
        for (name, address) in &flight.found.addresses {
            let service = self.engine.objects.services.get(&(number, name.clone()));
            match service.filter(|s| s.is_running() && s.address == *address) {
                None => return Err(Stop::Again("the container is gone")),
                Some(service) => {
                    ready_at = ready_at.max(service.listens_at_ms().unwrap_or(u64::MAX));
                }
            }
        }
        if ready_at <= self.now {
            return Ok(());
        }
        let limit = flight.began_at + READY_LIMIT_MS;
        if self.now >= limit {
            return Err(Stop::Verdict("not-ready"));
        }
        Err(Stop::Wait((ready_at.min(limit) - self.now).min(20_000)))
    }

    pub(super) fn explain(&mut self, key: &ServiceAt, control: &Control) -> Done {
        let seen = control.observed.services.get(key).map(|view| &view.state);
        if matches!(seen, Some(ContainerState::Exited { .. })) {
            return Err(Stop::Verdict("exited"));
        }
        Ok(())
    }

    /// Where a revision's public services were when the step was decided.
    pub(super) fn routed(&self, number: RevisionNumber, flight: &Flight) -> Option<Routed> {
        let blueprint = self.store.revision(number)?.blueprint.as_ref()?;
        let public = blueprint.services.iter().filter(|service| service.public);
        let addresses = public
            .filter_map(|s| Some((s.name.clone(), *flight.found.addresses.get(&s.name)?)))
            .collect();
        Some(Routed {
            revision: number,
            addresses,
        })
    }

    pub(super) fn route(&mut self, number: RevisionNumber, flight: &Flight) -> Done {
        if flight.found.addresses.is_empty() {
            return Err(Stop::Again("not all services of the revision are running"));
        }
        self.check_route(number, flight);
        self.proxy.route = self.routed(number, flight);
        self.proxy.met.insert(number);
        Ok(())
    }

    pub(super) fn drain(&mut self, number: RevisionNumber, flight: &Flight) -> Done {
        if !self.proxy.is_busy(number) {
            return Ok(());
        }
        if self.now >= flight.began_at + DRAIN_LIMIT_MS {
            self.proxy.requests.remove(&number);
            return Ok(());
        }
        Err(Stop::Wait(500))
    }
}
