//! The forge as the server sees it: what is heard from it, and every sentence told to it.

pub mod connect;
pub mod intake;
pub mod report;
