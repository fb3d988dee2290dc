//! What builds, services and migrations printed, kept in files with a limit each.

pub mod build;
pub mod migration;
pub mod service;
