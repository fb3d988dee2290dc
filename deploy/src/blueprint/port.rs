//! Chooses the port of a service: from the file, else from its Dockerfile, else from the built
//! image, else a default.

use std::collections::BTreeSet;

use super::{Blueprint, ImageSource};
use crate::names::ServiceName;

const PORT_DEFAULT: u16 = 8080;
const PORT_OF_HTTP: u16 = 80;

/// The default port of a service and the reason for it; the last value is whether its image may
/// name a better one.
pub(super) fn port_by_default(exposed: &BTreeSet<u16>, image: &ImageSource) -> (u16, String, bool) {
    if let Some((port, why)) = chosen(exposed, "Dockerfile") {
        return (port, why, false);
    }
    let why = match image {
        ImageSource::Build { .. } if exposed.is_empty() => {
            "the default, since its Dockerfile exposes none".to_owned()
        }
        ImageSource::Build { .. } => {
            let list = list(exposed);
            format!("the default, since its Dockerfile exposes {list}")
        }
        ImageSource::Reference(_) => "unless its image exposes another".to_owned(),
    };
    (PORT_DEFAULT, why, exposed.is_empty())
}

impl Blueprint {
    /// Whether the image of one of these services may name its port.
    pub fn asks_image_for_port(&self, services: &[ServiceName]) -> bool {
        let mut all = self.services.iter();
        all.any(|service| service.port_is_default && services.contains(&service.name))
    }

    /// Sets the port that an image exposes for those of these services that still have the default.
    pub fn take_port(&mut self, services: &[ServiceName], exposed: &BTreeSet<u16>) {
        let Some((port, why)) = chosen(exposed, "image") else {
            return;
        };
        for service in &mut self.services {
            if !service.port_is_default || !services.contains(&service.name) {
                continue;
            }
            let old = format!("service {}: port {},", service.name, service.port);
            self.notes.retain(|note| !note.starts_with(&old));
            let note = format!("service {}: port {port}, {why}.", service.name);
            self.notes.push(note);
            service.port = port;
            service.port_is_default = false;
        }
    }
}

/// The port that a visitor most likely wants, and the reason.
fn chosen(exposed: &BTreeSet<u16>, of: &str) -> Option<(u16, String)> {
    match exposed.first() {
        Some(only) if exposed.len() == 1 => Some((*only, format!("which its {of} exposes"))),
        _ if exposed.contains(&PORT_OF_HTTP) => {
            let list = list(exposed);
            let why = format!("the HTTP port among those that its {of} exposes ({list})");
            Some((PORT_OF_HTTP, why))
        }
        _ => None,
    }
}

fn list(ports: &BTreeSet<u16>) -> String {
    let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
    ports.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ports: &[u16]) -> BTreeSet<u16> {
        ports.iter().copied().collect()
    }

    #[test]
    fn one_port_is_taken_and_of_several_that_of_http() {
        let port = |exposed: &[u16]| chosen(&set(exposed), "image").map(|(port, _)| port);
        assert_eq!(port(&[8000]), Some(8000));
        assert_eq!(port(&[80, 443, 2019]), Some(80));
        assert_eq!(port(&[3000, 9229]), None);
        assert_eq!(port(&[]), None);
    }

    #[test]
    fn several_ports_of_a_dockerfile_leave_the_image_nothing_to_say() {
        let image = ImageSource::Reference("x".to_owned());
        assert!(port_by_default(&set(&[]), &image).2);
        let (port, _, is_open) = port_by_default(&set(&[3000, 9229]), &image);
        assert_eq!((port, is_open), (8080, false));
    }
}
