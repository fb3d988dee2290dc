//! `dayfly serve`: the server as a process, its host, its lock, and its proxy.

mod configured;
pub mod host;
mod leave;
pub mod lock;
pub mod proxy_process;
mod run;

pub use run::{Options, Server, run};
