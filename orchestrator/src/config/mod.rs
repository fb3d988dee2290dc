//! What the operator decided: `dayfly.server.toml`, with `DAYFLY_*` variables above it.

mod data_dir;
mod file;
mod limits;
mod server;

pub use data_dir::data_dir;
pub use file::{ConfigError, KEYS};
pub use server::{GitHubSettings, ServerConfig};
