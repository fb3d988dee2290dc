//! Stored output of builds, services and migrations, with a size limit for each file.

pub mod build;
pub mod follow;
pub mod migration;
pub mod service;
