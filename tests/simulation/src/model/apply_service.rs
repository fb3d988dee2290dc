//! Carries out what concerns services and the way of visitors to them.

use deploy::{
    engine::{ContainerState, Network},
    names::RevisionNumber,
};
use orchestrator::lifecycle::Routed;

use super::{
    app::Fate,
    apply::Done,
    effect::Stop,
    engine::{Engine, Key, Origin, Service},
    process::{Control, Flight},
    world::{Event, World},
};

/// How long a revision may take to answer, and how long requests are waited for.
const READY_LIMIT_MS: u64 = 120_000;
const DRAIN_LIMIT_MS: u64 = 30_000;

impl World {
    pub(super) fn service_make(
        &mut self,
        key: &Key,
        origin: Origin,
        flight: Option<&mut Flight>,
    ) -> Done {
        let wanted = self
            .store
            .revision(key.0)
            .and_then(|facts| facts.images.get(&key.1))
            .cloned();
        let mut there = self.engine.images.values().map(|(id, _)| id);
        let wanted = wanted.filter(|wanted| there.any(|id| id == wanted));
        let Some(image) = wanted else {
            self.store
                .change(key.0, |facts| drop(facts.images.remove(&key.1)));
            return Err(Stop::Again("the image is missing"));
        };
        if self
            .app(key.0)
            .is_some_and(|app| app.fate == Fate::StartRefused)
        {
            return Err(Stop::Verdict("refused"));
        }
        let facts = self.store.revision(key.0);
        let data = facts.and_then(|facts| facts.generation).map(Network::Data);
        let networks = &self.engine.networks;
        if !networks.contains_key(&Network::Revision(key.0))
            || data.is_some_and(|data| !networks.contains_key(&data))
        {
            return Err(Stop::Again("a network is missing"));
        }
        if let Some(flight) = flight {
            self.check_start(key, flight);
        }
        self.engine.services.entry(key.clone()).or_insert(Service {
            state: ContainerState::Created,
            address: Engine::address(key.0, 1),
            ready_at: None,
            image,
            origin,
        });
        Ok(())
    }

    pub(super) fn service_start(&mut self, key: &Key, flight: Option<&mut Flight>) -> Done {
        let fate = self.app(key.0).map_or(Fate::Works, |app| app.fate);
        // An address is often the same after a restart, and sometimes another.
        let host = if self.rng.percent(50) {
            None
        } else {
            Some(self.engine.fresh_number())
        };
        let Some(service) = self.engine.services.get_mut(key) else {
            return if flight.is_some() {
                Err(Stop::Again("the container is missing"))
            } else {
                Ok(())
            };
        };
        if service.state == ContainerState::Running {
            return Ok(());
        }
        service.state = ContainerState::Running;
        if let Some(host) = host {
            service.address = Engine::address(key.0, host);
        }
        let address = service.address;
        let wait = self.rng.wait_ms();
        if let Some(service) = self.engine.services.get_mut(key) {
            let answers = !matches!(fate, Fate::NeverReady | Fate::Exits);
            service.ready_at = answers.then_some(self.now + wait);
        }
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
            let service = self.engine.services.get(&(number, name.clone()));
            match service.filter(|s| s.state == ContainerState::Running && s.address == *address) {
                None => return Err(Stop::Again("the container is gone")),
                Some(service) => ready_at = ready_at.max(service.ready_at.unwrap_or(u64::MAX)),
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

    pub(super) fn explain(&mut self, key: &Key, control: &Control) -> Done {
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
