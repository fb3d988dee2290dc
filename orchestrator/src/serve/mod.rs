//! `dayfly serve`: the server as a process, its host, its lock, and its proxy.

mod firewall;
pub mod host;
mod leave;
mod listen;
pub mod lock;
mod ports;
pub mod private;
pub mod proxy_process;
mod proxy_user;
mod run;
mod take_away;

pub use run::{Options, Server, run};
pub use take_away::{TakenAway, take_away};
