//! The configuration of the model.

use std::net::{Ipv4Addr, SocketAddr};

use secrecy::SecretString;

/// The configuration at start.
#[derive(Clone, Debug)]
pub struct ModelConfig {
    /// The address to listen on; port 0 takes a free port.
    pub listen: SocketAddr,
    /// The token of the person.
    pub token: SecretString,
    /// The login of the person.
    pub login: String,
    /// The number and slug of the GitHub App whose JWTs are accepted.
    pub app: Option<(u64, String)>,
    /// The target of events; can be set later.
    pub webhook: Option<ModelWebhook>,
}

impl Default for ModelConfig {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            token: "model-token".into(),
            login: "dayfly-bot".to_owned(),
            app: None,
            webhook: None,
        }
    }
}

/// The target of webhooks. The model connects to an address and sends a separate host name, so a
/// name that only browsers resolve works.
#[derive(Clone, Debug)]
pub struct ModelWebhook {
    /// The address to connect to.
    pub connect: SocketAddr,
    /// The Host header, with its port.
    pub host: String,
    /// The path, starting with a slash.
    pub path: String,
    /// The secret that signs deliveries.
    pub secret: SecretString,
}

/// An operation of the model failed.
#[derive(Debug, thiserror::Error)]
#[error("the modelled GitHub failed to {0}")]
pub struct ModelError(pub String);
