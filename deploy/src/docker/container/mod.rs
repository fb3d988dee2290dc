//! Containers: their hardened configuration, services, tasks, probes and logs.

mod check;
pub(super) mod host_config;
mod listening;
pub(super) mod logs;
pub(super) mod mount;
mod pause;
pub(super) mod probe;
pub(super) mod seccomp;
pub(super) mod service;
mod service_run;
mod stop_signal;
mod task;
mod volume;
