//! Containers: their hardened form, services, commands that run to their end, and what they print.

pub(super) mod host_config;
pub(super) mod logs;
mod pause;
pub(super) mod probe;
pub(super) mod service;
mod task;
mod volume;
