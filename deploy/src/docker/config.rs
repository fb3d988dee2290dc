//! What the Docker implementation must be told.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::{Registries, Subnet};
use crate::{engine::STOP_GRACE, names::Instance, pool::Pool};

/// Where the engine listens unless somebody says otherwise.
pub const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// What the Docker implementation must be told.
#[derive(Clone, Debug)]
pub struct DockerConfig {
    /// The engine's Unix socket.
    pub socket: PathBuf,
    /// Which Dayfly this is; objects of another are never touched.
    pub instance: Instance,
    /// Where networks take their subnets from.
    pub subnet_pool: Subnet,
    /// Whether to keep rules in the host's firewall, where that is possible.
    pub firewall: bool,
    /// The users of this host, beside root, whose processes may connect to containers.
    pub host_users: Vec<u32>,
    /// Whether the engine's own bridge is behind our rules too: what builds run is there, and what
    /// others run without a network of their own.
    pub isolate_builds: bool,
    /// What builds may take of the host.
    pub builds: BuildLimits,
    /// Who may pull from which registry.
    pub registries: Arc<Registries>,
    /// Where data directories live; without one there are no databases.
    pub pool: Option<Pool>,
    /// What the data of one database may take; one that takes more is stopped.
    pub database_bytes_max: u64,
    /// The folder that keeps which builds the builder is at work on, so that who comes after a death
    /// of this process can ask for their ends; without one, nobody can.
    pub builds_journal: Option<PathBuf>,
    /// How long calls may take.
    pub timeouts: Timeouts,
}

impl DockerConfig {
    /// The defaults for an instance.
    pub fn new(instance: Instance) -> Self {
        Self {
            socket: PathBuf::from(DEFAULT_SOCKET),
            instance,
            subnet_pool: Subnet::DEFAULT_POOL,
            firewall: true,
            host_users: Vec::new(),
            isolate_builds: false,
            builds: BuildLimits::default(),
            registries: Arc::default(),
            pool: None,
            database_bytes_max: 32 << 30,
            builds_journal: None,
            timeouts: Timeouts::default(),
        }
    }
}

/// How long calls may take before the engine counts as unreachable.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// A question, or a small change.
    pub call: Duration,
    /// Anything that starts, stops or removes a container or a network.
    pub change: Duration,
    /// The pull of an image, from the first to the last layer.
    pub pull: Duration,
    /// A build, wall clock.
    pub build: Duration,
    /// A database, from its start to its first answer.
    pub ready: Duration,
    /// A seed, from its first to its last statement.
    pub seed: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(20),
            change: STOP_GRACE + Duration::from_secs(50),
            pull: Duration::from_secs(10 * 60),
            build: Duration::from_secs(20 * 60),
            ready: Duration::from_secs(120),
            seed: Duration::from_secs(10 * 60),
        }
    }
}

/// What builds may take.
#[derive(Clone, Debug)]
pub struct BuildLimits {
    /// MiB of memory that have to be available before a build begins.
    pub memory_free_mib_min: u64,
    /// Percent of the last ten seconds in which processes waited for memory; above it no build
    /// begins.
    pub memory_pressure_percent_max: u64,
    /// Percent of the engine's disk that may be in use; above it no build begins.
    pub disk_percent_max: u64,
    /// MiB that an image may have.
    pub image_mib_max: u64,
    /// What all builds together may use, where the operator wants a ceiling.
    pub ceiling: Option<Ceiling>,
}

/// What all builds of the engine together may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// Memory with swap.
    pub memory_mib: u64,
    /// Hundredths of one processor.
    pub cpu_percent: u64,
}

impl Default for BuildLimits {
    fn default() -> Self {
        Self {
            memory_free_mib_min: 256,
            memory_pressure_percent_max: 40,
            disk_percent_max: 80,
            image_mib_max: 8 * 1024,
            ceiling: None,
        }
    }
}
