//! Helpers of the promises: checking, waiting, cleaning up.

use std::{collections::BTreeMap, fmt, net::SocketAddr, time::Duration};

use tokio::time::Instant;

use super::{
    Act, Fixture,
    broken::{Broken, Kept},
};
use crate::{
    blueprint::{Command, Health, ProcessOptions},
    engine::{Network, NetworkSpec, Observation, Probe, ServiceKey, ServiceSpec},
    names::{ImageId, NameError, PreviewId, RevisionNumber, ServiceName},
};

/// Time limit of every wait.
const PATIENCE: Duration = Duration::from_secs(30);

/// Interval of checks during a wait.
const POLL: Duration = Duration::from_millis(20);

/// Time limit for a service's answer to a probe.
const PROBE_MAX: Duration = Duration::from_secs(2);

/// The port of every service in these promises.
pub(super) const PORT: u16 = 8080;

/// The host name in probes.
const HOST: &str = "pr-1--shop.localhost";

/// The first revision of a preview.
pub(super) const R1: RevisionNumber = RevisionNumber(1);

/// Fails with the observation unless the condition holds.
pub(super) fn expect(holds: bool, promised: &str, seen: &dyn fmt::Debug) -> Kept {
    if holds {
        Ok(())
    } else {
        Err(Broken::new(format!("{promised}; seen: {seen:?}")))
    }
}

/// Repeats an observation until the condition holds.
pub(super) async fn eventually<T: fmt::Debug>(
    promised: &str,
    look: impl AsyncFn() -> Result<T, Broken>,
    holds: impl Fn(&T) -> bool,
) -> Result<T, Broken> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = look().await?;
        if holds(&seen) {
            return Ok(seen);
        }
        if Instant::now() >= deadline {
            let seconds = PATIENCE.as_secs();
            return Err(Broken::new(format!(
                "{promised} within {seconds} s; seen last: {seen:?}"
            )));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Waits for a future, with a time limit.
pub(super) async fn soon<T>(promised: &str, future: impl Future<Output = T>) -> Result<T, Broken> {
    tokio::time::timeout(PATIENCE, future)
        .await
        .map_err(|_| Broken::new(format!("{promised} within {} s", PATIENCE.as_secs())))
}

pub(super) fn shop() -> Result<PreviewId, NameError> {
    PreviewId::parse("shop-1")
}

pub(super) fn key(service: &str) -> Result<ServiceKey, NameError> {
    let service = ServiceName::parse(service)?;
    Ok(ServiceKey {
        preview: shop()?,
        revision: R1,
        service,
    })
}

pub(super) fn spec(key: ServiceKey, image: ImageId, command: Option<Command>) -> ServiceSpec {
    ServiceSpec {
        key,
        image,
        command,
        process: ProcessOptions::default(),
        env: BTreeMap::from([("GREETING".to_owned(), "hello".to_owned())]),
        port: PORT,
        data: None,
        memory_bytes: 256 << 20,
        cpu_milli: 1_000,
        pids_max: 64,
        init: false,
    }
}

/// A service of the shop with this behaviour, not started yet.
pub(super) async fn acting(
    fixture: &dyn Fixture,
    service: &str,
    act: Act,
) -> Result<ServiceSpec, Broken> {
    let image = fixture
        .builder()
        .obtain(fixture.image(), crate::builder::silence())
        .await?;
    Ok(spec(key(service)?, image, Some(fixture.command(act))))
}

/// Creates the network of the shop's first revision.
pub(super) async fn network(fixture: &dyn Fixture) -> Kept {
    network_of(fixture, &shop()?, Network::Revision(R1)).await
}

pub(super) async fn network_of(
    fixture: &dyn Fixture,
    preview: &PreviewId,
    network: Network,
) -> Kept {
    let spec = NetworkSpec {
        preview: preview.clone(),
        network,
        members: 6,
    };
    Ok(fixture.engine().ensure_network(&spec).await?)
}

/// Starts a service that keeps running.
pub(super) async fn started(
    fixture: &dyn Fixture,
    spec: &ServiceSpec,
) -> Result<SocketAddr, Broken> {
    let address = fixture.engine().start_service(spec).await?;
    address.ok_or_else(|| Broken::new("a long-running service exited at its start"))
}

/// Sends one probe.
pub(super) async fn probe(fixture: &dyn Fixture, address: SocketAddr, health: &Health) -> Probe {
    let engine = fixture.engine();
    engine.probe(address, HOST, health, PROBE_MAX).await
}

/// Waits until the service at the address is ready.
pub(super) async fn ready(fixture: &dyn Fixture, address: SocketAddr) -> Kept {
    let asked = async || Ok(probe(fixture, address, &Health::Default).await);
    eventually("the service is ready", asked, |found| {
        *found == Probe::Ready
    })
    .await?;
    Ok(())
}

pub(super) async fn observe(fixture: &dyn Fixture) -> Result<Observation, Broken> {
    Ok(fixture.engine().observe(None).await?)
}

/// Removes everything that the ports show, dependents first, and checks that nothing is left.
pub async fn clear(fixture: &dyn Fixture) -> Kept {
    let engine = fixture.engine();
    let seen = observe(fixture).await?;
    for service in &seen.services {
        engine.remove_service(&service.key).await?;
    }
    // Most databases appear twice here: as data, and as a server on that data.
    let servers = seen.databases.iter().map(|database| &database.key);
    for key in servers.chain(&seen.data) {
        fixture.databases().remove(key).await?;
    }
    for image in &seen.images {
        let builder = fixture.builder();
        builder.remove(&image.preview, &image.image).await?;
    }
    for snapshot in fixture.databases().snapshots().await? {
        fixture.databases().forget(&snapshot.id).await?;
    }
    for stray in &seen.strays {
        engine.remove_stray(stray).await?;
    }
    for (preview, network) in &seen.networks {
        engine.remove_network(preview, network).await?;
    }
    let left = observe(fixture).await?;
    expect(
        left.is_empty(),
        "nothing is left after everything was removed",
        &left,
    )?;
    let left = fixture.databases().snapshots().await?;
    expect(left.is_empty(), "no snapshot is left either", &left)
}
