//! Facts about an image that Dayfly uses.

use std::collections::BTreeSet;

use bollard::models::ImageConfig;

/// Facts about an image that Dayfly uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ImageFacts {
    /// Whether its process starts as root.
    pub(super) starts_as_root: bool,
    /// The volume paths that it declares.
    pub(super) volumes: Vec<String>,
    /// Its environment.
    pub(super) env: Vec<String>,
    /// The TCP ports that it declares.
    pub(super) exposed: BTreeSet<u16>,
}

impl ImageFacts {
    pub(super) fn read(config: ImageConfig) -> Self {
        Self {
            starts_as_root: is_root(config.user.as_deref().unwrap_or_default()),
            volumes: config.volumes.unwrap_or_default(),
            env: config.env.unwrap_or_default(),
            exposed: config
                .exposed_ports
                .iter()
                .flatten()
                .filter_map(|port| tcp_port(port))
                .collect(),
        }
    }

    /// The value of one of its environment variables.
    pub(super) fn variable(&self, key: &str) -> Option<&str> {
        variable(&self.env, key)
    }
}

/// The value of one of these environment variables.
pub(super) fn variable<'a>(env: &'a [String], key: &str) -> Option<&'a str> {
    env.iter()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
}

/// The number in `8000/tcp`.
fn tcp_port(text: &str) -> Option<u16> {
    let (port, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    port.parse()
        .ok()
        .filter(|port| protocol == "tcp" && *port != 0)
}

/// Whether a user of an image, possibly with a group, is root.
pub(super) fn is_root(user: &str) -> bool {
    let name = user.split(':').next().unwrap_or_default();
    name.is_empty() || name == "root" || name.parse::<u32>() == Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_tcp_are_read_and_others_are_not() {
        assert_eq!(tcp_port("8000/tcp"), Some(8000));
        assert_eq!(tcp_port("80"), Some(80));
        assert_eq!(tcp_port("443/udp"), None);
        assert_eq!(tcp_port("0/tcp"), None);
        assert_eq!(tcp_port("x/tcp"), None);
    }

    #[test]
    fn only_an_image_without_a_user_or_with_root_starts_as_root() {
        for root in ["", "root", "0", "0:0", "root:wheel", "00"] {
            assert!(is_root(root), "{root}");
        }
        for other in ["app", "1000", "1000:0", "nobody:root"] {
            assert!(!is_root(other), "{other}");
        }
    }
}
