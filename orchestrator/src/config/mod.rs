//! What the operator decided: `dayfly.server.toml`, with `DAYFLY_*` variables above it.

mod data_dir;
mod doubts;
mod file;
mod limits;
mod link_key;
mod server;
mod settings;

pub use data_dir::{api_socket, data_dir};
pub use doubts::Doubt;
pub use file::{ConfigError, KEYS};
pub use limits::Limits;
pub use link_key::LinkKey;
pub use server::{GitHubSettings, ServerConfig};
pub use settings::Settings;
