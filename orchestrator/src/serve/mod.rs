//! `dayfly serve`: puts the control plane together, runs it, and takes it apart.

pub mod host;
mod leave;
pub mod lock;
pub mod proxy_process;
mod run;

pub use run::{Options, Server, run};
