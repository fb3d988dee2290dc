//! The engine of the simulated host.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use async_trait::async_trait;
use futures_util::stream;
use tokio::sync::mpsc;

use super::{FakeEngine, Op, StartScript, describe, flight::Flight, objects::service_at};
use crate::{
    blueprint::{Health, HealthCheck},
    engine::{
        Ended, Engine, EngineError, HintStream, LogStream, Network, NetworkSpec, Observation,
        Probe, ServiceKey, ServiceRun, ServiceSpec, Stray,
    },
    names::{ImageId, PreviewId},
};

/// Maximum queued hints of a busy listener.
const HINTS_MAX: usize = 256;

#[async_trait]
impl Engine for FakeEngine {
    async fn ensure_network(&self, spec: &NetworkSpec) -> Result<(), EngineError> {
        let what = describe::network(&spec.preview, &spec.network);
        let mut flight = Flight::begin(self, Op::EnsureNetwork, what);
        flight.depart().await?;
        flight.travel(1).await?;
        {
            let mut world = self.world();
            let objects = world.of(&self.instance, &spec.preview);
            objects.ensure_network(spec.network.clone(), ());
            world.hint(&self.instance, &spec.preview);
        }
        flight.land(Ok(()))
    }

    async fn remove_network(
        &self,
        preview: &PreviewId,
        network: &Network,
    ) -> Result<(), EngineError> {
        let mut flight =
            Flight::begin(self, Op::RemoveNetwork, describe::network(preview, network));
        flight.depart().await?;
        flight.travel(1).await?;
        {
            let mut world = self.world();
            world.check_remove_network(&self.instance, preview, network);
            let objects = world.of(&self.instance, preview);
            objects.networks.remove(network);
            world.hint(&self.instance, preview);
        }
        flight.land(Ok(()))
    }

    async fn exposed_ports(&self, image: &ImageId) -> Result<BTreeSet<u16>, EngineError> {
        let mut flight = Flight::begin(self, Op::Observe, format!("ports of {image}"));
        flight.depart().await?;
        flight.land(Ok(BTreeSet::new()))
    }

    async fn service_run(&self, key: &ServiceKey) -> Result<Option<ServiceRun>, EngineError> {
        let mut flight = Flight::begin(self, Op::Observe, describe::service(key));
        flight.depart().await?;
        flight.travel(1).await?;
        let run = {
            let mut world = self.world();
            let now_ms = world.now_ms();
            let service = world.service(&self.instance, key);
            service.map(|service| service.run(now_ms))
        };
        flight.land(Ok(run))
    }

    async fn start_service(&self, spec: &ServiceSpec) -> Result<Option<SocketAddr>, EngineError> {
        let mut flight = Flight::begin(self, Op::StartService, describe::service(&spec.key));
        flight.depart().await?;
        let prepared = self.world().prepare_service(&self.instance, spec);
        match prepared {
            Err(error) => return flight.land(Err(error)),
            Ok(Some(address)) => return flight.land(Ok(address)),
            Ok(None) => {}
        }
        flight.travel(1).await?;
        let launched = self.world().launch_service(&self.instance, spec);
        if let Ok(Some(address)) = launched {
            self.end_in_time(&spec.key, address);
        }
        flight.land(launched)
    }

    async fn remove_service(&self, key: &ServiceKey) -> Result<(), EngineError> {
        let mut flight = Flight::begin(self, Op::RemoveService, describe::service(key));
        flight.depart().await?;
        self.world().check_remove_service(&self.instance, key);
        flight.travel(1).await?;
        {
            let mut world = self.world();
            let objects = world.of(&self.instance, &key.preview);
            objects.services.remove(&service_at(key));
            world.hint(&self.instance, &key.preview);
        }
        flight.land(Ok(()))
    }

    async fn run_to_end(&self, spec: &ServiceSpec, task: &str) -> Result<Ended, EngineError> {
        let what = format!("{task} in {}", describe::service(&spec.key));
        let mut flight = Flight::begin(self, Op::RunToEnd, what);
        flight.depart().await?;
        let begun = self
            .world()
            .begin_run(&self.instance, spec, task, flight.number);
        let takes = match begun {
            Ok(script) => script.migrate_takes,
            Err(error) => return flight.land(Err(error)),
        };
        flight.travel(1).await?;
        flight.wait(takes).await?;
        let preview = &spec.key.preview;
        let (number, lost) = (flight.number, flight.is_lost());
        let ended = self.world().end_run(&self.instance, preview, number, lost);
        flight.land(ended)
    }

    async fn probe(
        &self,
        address: SocketAddr,
        host: &str,
        health: &Health,
        _limit: Duration,
    ) -> Probe {
        let mut flight = Flight::begin(self, Op::Probe, format!("{host} at {address}"));
        if flight.depart().await.is_err() || flight.travel(1).await.is_err() {
            return Probe::Refused;
        }
        let found = self.world().probe(address, health);
        let landed: Result<Probe, EngineError> = flight.land(Ok(found));
        landed.unwrap_or(Probe::Silent)
    }

    async fn check(&self, key: &ServiceKey, check: &HealthCheck) -> Probe {
        let mut flight = Flight::begin(self, Op::Probe, describe::service(key));
        if flight.depart().await.is_err() || flight.travel(1).await.is_err() {
            return Probe::Refused;
        }
        let found = self.world().check(&self.instance, key, check);
        let landed: Result<Probe, EngineError> = flight.land(Ok(found));
        landed.unwrap_or(Probe::CheckTooSlow)
    }

    async fn logs(
        &self,
        key: &ServiceKey,
        tail: usize,
        follow: bool,
    ) -> Result<LogStream, EngineError> {
        let mut flight = Flight::begin(self, Op::Logs, describe::service(key));
        flight.depart().await?;
        flight.travel(1).await?;
        let lines = self.lines(key, tail, follow);
        flight.land(lines)
    }

    async fn observe(&self, preview: Option<&PreviewId>) -> Result<Observation, EngineError> {
        let what = preview.map_or_else(|| "everything".to_owned(), ToString::to_string);
        let mut flight = Flight::begin(self, Op::Observe, what);
        flight.depart().await?;
        flight.travel(1).await?;
        let seen = self.world().observe(&self.instance, preview);
        flight.land(Ok(seen))
    }

    async fn remove_stray(&self, stray: &Stray) -> Result<(), EngineError> {
        let mut flight = Flight::begin(self, Op::RemoveStray, format!("stray {}", stray.id));
        flight.depart().await?;
        flight.travel(1).await?;
        {
            let mut world = self.world();
            world.remove_stray(&self.instance, stray);
            world.hint(&self.instance, &stray.preview);
        }
        flight.land(Ok(()))
    }

    async fn hints(&self) -> Result<HintStream, EngineError> {
        let mut flight = Flight::begin(self, Op::Hints, String::new());
        flight.depart().await?;
        let (sender, receiver) = mpsc::channel(HINTS_MAX);
        self.world().listeners.push((self.instance.clone(), sender));
        let hints = stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|hint| (hint, receiver))
        });
        flight.land(Ok(Box::pin(hints) as HintStream))
    }
}

impl FakeEngine {
    /// Makes a service exit at the time in its script.
    fn end_in_time(&self, key: &ServiceKey, address: SocketAddr) {
        let script = self
            .world()
            .service(&self.instance, key)
            .map(|service| (service.script.start, service.script.starts_in));
        let Some((StartScript::ExitsWith(exit_code), after)) = script else {
            return;
        };
        let (fake, key) = (self.clone(), key.clone());
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            let mut world = fake.world();
            let now_ms = world.now_ms();
            if let Some(service) = world.service(&fake.instance, &key)
                && service.address == address
                && service.is_running()
            {
                service.exit(exit_code, now_ms);
                world.hint(&fake.instance, &key.preview);
            }
        });
    }
}
