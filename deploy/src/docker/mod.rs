//! The Docker implementation of the three ports, on one handle.

mod build;
mod client;
mod config;
mod container;
mod database;
mod engine;
mod error;
mod hints;
mod host;
mod image_facts;
mod image_list;
mod images;
mod inside;
mod names;
mod network;
mod observe;
mod transport;

pub use build::{
    limits::{CeilingState, host_memory_mib},
    registries::{Login, Registries, RegistriesError},
};
pub use client::Docker;
pub use config::{BuildLimits, Ceiling, DEFAULT_SOCKET, DockerConfig, Timeouts};
pub use database::OverQuota;
pub use host::{
    check::{Check, CheckState},
    shared_files::{UNSEEN_FILES, does_not_see},
};
pub use network::{
    firewall::{Firewall, FirewallStatus},
    subnet::{Subnet, SubnetError},
};
