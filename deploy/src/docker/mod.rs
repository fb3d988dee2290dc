//! The engine as Docker provides it: the three ports on one handle.

mod build;
mod build_progress;
mod client;
mod config;
mod dockerfile;
mod doctor;
mod engine;
mod error;
mod firewall;
mod firewall_rules;
mod hints;
mod host_config;
mod images;
mod logs;
mod names;
mod observe;
mod postgres;
mod probe;
mod psql;
mod room;
mod service;
mod subnet;
mod task;
mod transport;
mod versions;
mod volume;

pub use client::Docker;
pub use config::{DEFAULT_SOCKET, DockerConfig, Timeouts};
pub use doctor::{Check, CheckState};
pub use firewall::{Firewall, FirewallStatus};
pub use subnet::{Subnet, SubnetError};
