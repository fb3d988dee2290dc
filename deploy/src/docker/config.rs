//! Configuration of the Docker implementation.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::{Registries, Subnet};
use crate::{engine::STOP_GRACE, names::Instance, pool::Pool};

/// The default socket of the engine.
pub const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// Configuration of the Docker implementation.
#[derive(Clone, Debug)]
pub struct DockerConfig {
    /// The engine's Unix socket.
    pub socket: PathBuf,
    /// This instance of Dayfly; it never touches objects of another instance.
    pub instance: Instance,
    /// The pool of subnets for networks.
    pub subnet_pool: Subnet,
    /// Whether to maintain rules in the host's firewall, if possible.
    pub firewall: bool,
    /// The users of this host, beside root, whose processes may connect to containers.
    pub host_users: Vec<u32>,
    /// Whether our rules also cover the engine's own bridge, which connects builds and other
    /// containers without a network of their own.
    pub isolate_builds: bool,
    /// Resource limits for builds.
    pub builds: BuildLimits,
    /// Log-ins for registries.
    pub registries: Arc<Registries>,
    /// The pool for data directories; without one there are no databases.
    pub pool: Option<Pool>,
    /// Maximum size of one database's data, in bytes; a larger database is stopped.
    pub database_bytes_max: u64,
    /// The journal folder of running builds. After a crash, the next process uses it to ask the
    /// builder about them; without one, it cannot.
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
    /// A query, or a small change.
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

/// Grace period for the stop of a server after a seed run, in seconds: it has to write all of its data.
pub(in crate::docker) const CLOSE_SECONDS_MAX: i32 = 120;

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

/// Resource limits for builds.
#[derive(Clone, Debug)]
pub struct BuildLimits {
    /// Memory that must be available before a build starts, in MiB.
    pub memory_free_mib_min: u64,
    /// Percentage of the last ten seconds in which processes waited for memory; above it, no build
    /// starts.
    pub memory_pressure_percent_max: u64,
    /// Used share of the engine's disk, in percent; above it, no build starts.
    pub disk_percent_max: u64,
    /// Maximum size of an image, in MiB.
    pub image_mib_max: u64,
    /// Ceiling for all builds together, if the operator configures one.
    pub ceiling: Option<Ceiling>,
}

/// Ceiling for all builds of the engine together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// Memory plus swap, in MiB.
    pub memory_mib: u64,
    /// CPU time, in hundredths of one processor.
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
