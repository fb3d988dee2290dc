//! What the model is told at its start.

use std::net::{Ipv4Addr, SocketAddr};

use secrecy::SecretString;

/// How the model behaves from its start.
#[derive(Clone, Debug)]
pub struct ModelConfig {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The token it accepts from a person.
    pub token: SecretString,
    /// The log-in of the person whose token it is.
    pub login: String,
    /// The GitHub App whose JWTs it accepts: number and slug.
    pub app: Option<(u64, String)>,
    /// Where events are sent; can be set later.
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

/// Where webhooks are sent. The address is connected to whatever the host is called, so that a
/// name that only a browser resolves is no obstacle.
#[derive(Clone, Debug)]
pub struct ModelWebhook {
    /// Connected to.
    pub connect: SocketAddr,
    /// The Host header, with its port.
    pub host: String,
    /// The path, from its slash.
    pub path: String,
    /// What deliveries are signed with.
    pub secret: SecretString,
}

/// The model could not do as it was told.
#[derive(Debug, thiserror::Error)]
#[error("the modelled GitHub failed to {0}")]
pub struct ModelError(pub String);
