//! Docker as the port's [`Engine`].

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use async_trait::async_trait;

use super::{Docker, container::probe::probe};
use crate::{
    blueprint::{Health, HealthCheck},
    engine::{
        Ended, Engine, EngineError, HintStream, LogStream, Network, NetworkSpec, Observation,
        Probe, ServiceKey, ServiceRun, ServiceSpec, Stray,
    },
    names::{ImageId, PreviewId},
};

#[async_trait]
impl Engine for Docker {
    async fn ensure_network(&self, spec: &NetworkSpec) -> Result<(), EngineError> {
        self.ensure_bridge(spec).await
    }

    async fn remove_network(
        &self,
        preview: &PreviewId,
        network: &Network,
    ) -> Result<(), EngineError> {
        self.remove_bridge(preview, network).await
    }

    async fn start_service(&self, spec: &ServiceSpec) -> Result<Option<SocketAddr>, EngineError> {
        self.start_in_networks(spec).await
    }

    async fn exposed_ports(&self, image: &ImageId) -> Result<BTreeSet<u16>, EngineError> {
        Ok(self.image_facts(image).await?.exposed.clone())
    }

    async fn service_run(&self, key: &ServiceKey) -> Result<Option<ServiceRun>, EngineError> {
        self.run_of(key).await
    }

    async fn remove_service(&self, key: &ServiceKey) -> Result<(), EngineError> {
        self.stop_and_remove(key).await
    }

    async fn run_to_end(&self, spec: &ServiceSpec, task: &str) -> Result<Ended, EngineError> {
        self.run(spec, task).await
    }

    async fn probe(
        &self,
        address: SocketAddr,
        host: &str,
        health: &Health,
        limit: Duration,
    ) -> Probe {
        probe(address, host, health, limit).await
    }

    async fn check(&self, key: &ServiceKey, check: &HealthCheck) -> Probe {
        self.check_service(key, check).await
    }

    async fn logs(
        &self,
        key: &ServiceKey,
        tail: usize,
        follow: bool,
    ) -> Result<LogStream, EngineError> {
        self.service_logs(key, tail, follow).await
    }

    async fn observe(&self, preview: Option<&PreviewId>) -> Result<Observation, EngineError> {
        self.observe_all(preview).await
    }

    async fn remove_stray(&self, stray: &Stray) -> Result<(), EngineError> {
        self.remove_any(stray).await
    }

    async fn hints(&self) -> Result<HintStream, EngineError> {
        Ok(self.events())
    }
}
