//! The operator's configuration: `dayfly.server.toml`, overridden by `DAYFLY_*` variables.

mod backups;
mod data_dir;
mod doubts;
mod file;
mod github;
mod keys;
mod limits;
mod link_key;
mod server;
mod settings;

pub use backups::BackupSchedule;
pub use data_dir::{api_socket, data_dir};
pub use doubts::Doubt;
pub use file::ConfigError;
pub use github::GitHubSettings;
pub use keys::KEYS;
pub use limits::Limits;
pub use link_key::LinkKey;
pub use server::ServerConfig;
pub use settings::Settings;
