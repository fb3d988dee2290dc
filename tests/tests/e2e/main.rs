//! The whole system through its front doors: signed webhooks in; comments, records and pages out;
//! real git, a real engine, real databases, and processes that are killed for real.

mod access;
mod backup;
mod broken_builds;
mod build_cache;
mod build_limits;
mod builds;
mod captures;
mod closing;
mod database_failures;
mod database_kinds;
mod databases;
mod disk_pressure;
mod forge;
mod forks;
mod hardening;
mod hostile;
mod killing;
mod local;
mod migrations;
mod opening;
mod outages;
mod pushing;
mod registries;
mod secrets;
mod snapshots;
mod webhooks;
