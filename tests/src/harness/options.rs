//! How a server under test is configured.

/// What is different from the usual.
#[derive(Clone, Debug)]
pub struct Options {
    /// The domain of the previews.
    pub domain: String,
    /// The address that visitors are waited for on.
    pub listen: String,
    /// How often the forge is asked; the usual interval where none is given.
    pub poll_seconds: Option<u64>,
    /// Whether the modelled GitHub sends webhooks.
    pub webhook: bool,
    /// How long a revision may take to become healthy, in seconds.
    pub start_seconds_max: u64,
    /// How many builds may run at once.
    pub builds_max: u64,
    /// More lines for the top of the configuration.
    pub top: Vec<String>,
    /// More lines of `[engine]`.
    pub engine: Vec<String>,
    /// More lines of `[limits]`.
    pub limits: Vec<String>,
    /// Whether the server speaks to the engine itself, and not through the relay.
    pub direct: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            domain: "localhost".to_owned(),
            listen: "127.0.0.1".to_owned(),
            poll_seconds: None,
            webhook: true,
            start_seconds_max: 20,
            builds_max: 2,
            top: Vec::new(),
            engine: Vec::new(),
            limits: Vec::new(),
            direct: false,
        }
    }
}

impl Options {
    /// Asks the forge this often.
    pub fn polling(seconds: u64) -> Self {
        Self {
            poll_seconds: Some(seconds),
            ..Self::default()
        }
    }

    /// Waits for visitors on every address of the host.
    pub fn everywhere() -> Self {
        Self {
            listen: "0.0.0.0".to_owned(),
            ..Self::default()
        }
    }

    /// On a domain of its own, where access is by link.
    pub fn at(domain: &str) -> Self {
        Self {
            domain: domain.to_owned(),
            ..Self::default()
        }
    }
}
