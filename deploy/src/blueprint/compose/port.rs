//! The entries of `ports` and `expose`.

use super::node::{Node, Value};

/// Ports on which something else than HTTP usually listens: mail, SSH, databases, queues.
const NOT_HTTP: [u16; 17] = [
    22, 25, 53, 389, 465, 587, 1025, 1433, 1521, 2181, 3306, 5432, 5672, 6379, 9092, 11211, 27017,
];

/// One port of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Port {
    /// The port in the container.
    pub(super) target: u16,
    pub(super) tcp: bool,
    /// Whether the host would open it to others than itself.
    pub(super) published: bool,
}

impl Port {
    /// Whether a browser would open it.
    pub(super) fn is_web(self) -> bool {
        self.tcp && self.published && !NOT_HTTP.contains(&self.target)
    }
}

/// The ports of an entry of `ports`: the first of a range.
///
/// # Errors
/// A sentence, if Compose refuses the entry.
pub(super) fn published(entry: &Node) -> Result<Port, String> {
    match &entry.value {
        Value::Integer(number) => Ok(Port {
            target: number_of(&number.to_string())?,
            tcp: true,
            published: true,
        }),
        Value::Text(text) => of_text(text),
        Value::Map(_) => of_map(entry),
        other => Err(format!("a port cannot be {}", other.kind())),
    }
}

/// The port of an entry of `expose`.
///
/// # Errors
/// A sentence, if it is none.
pub(super) fn exposed(entry: &Node) -> Result<Port, String> {
    let text = entry.value.printed();
    let text = text.ok_or_else(|| format!("a port cannot be {}", entry.value.kind()))?;
    let port = of_text(&text)?;
    Ok(Port {
        published: false,
        ..port
    })
}

fn of_text(text: &str) -> Result<Port, String> {
    let wrong = || format!("{text:?} is not a port, such as \"8080:80\"");
    let (rest, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    if !["tcp", "udp", "sctp"].contains(&protocol.to_ascii_lowercase().as_str()) {
        return Err(wrong());
    }
    let (rest, target) = match rest.rsplit_once(':') {
        Some((rest, target)) => (Some(rest), target),
        None => (None, rest),
    };
    let (first, _) = range(target).ok_or_else(wrong)?;
    let (host, published) = match rest {
        None => ("", ""),
        Some(rest) => match rest.rsplit_once(':') {
            Some((host, published)) => (host.trim_matches(['[', ']']), published),
            None => ("", rest),
        },
    };
    if !published.is_empty() && range(published).is_none() && published != "0" {
        return Err(wrong());
    }
    if !host.is_empty() && host.parse::<std::net::IpAddr>().is_err() {
        return Err(format!(
            "{text:?} publishes a port on {host:?}: write an IP address, or none"
        ));
    }
    Ok(Port {
        target: first,
        tcp: protocol.eq_ignore_ascii_case("tcp"),
        published: !is_loopback(host),
    })
}

/// One port, or the first and last of several.
fn range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let port = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let port = digits.then(|| text.parse().ok()).flatten();
        port.filter(|port: &u16| *port > 0)
    };
    let (first, last) = (port(first)?, port(last)?);
    (first <= last).then_some((first, last))
}

fn of_map(entry: &Node) -> Result<Port, String> {
    let text = |key: &str| entry.get(key).and_then(|node| node.value.printed());
    let target = text("target").ok_or("a port needs `target`, the port in the container")?;
    Ok(Port {
        target: number_of(&target)?,
        tcp: text("protocol").is_none_or(|protocol| protocol.eq_ignore_ascii_case("tcp")),
        published: !text("host_ip").as_deref().is_some_and(is_loopback),
    })
}

fn is_loopback(host: &str) -> bool {
    host.parse::<std::net::IpAddr>()
        .is_ok_and(|host| host.is_loopback())
}

fn number_of(text: &str) -> Result<u16, String> {
    let port = text.parse().ok().filter(|port| *port > 0);
    port.ok_or_else(|| format!("{text:?} is not a port from 1 to 65535"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blueprint::draft::Place;

    fn port(text: &str) -> Result<(u16, bool, bool), String> {
        let node = Node {
            value: Value::Text(text.to_owned()),
            at: Place::top("compose.yaml"),
            merge: super::super::node::Merge::ByKey,
        };
        published(&node).map(|port| (port.target, port.published, port.is_web()))
    }

    #[test]
    fn ports_are_read_as_compose_reads_them() {
        for (text, wanted) in [
            ("8080:80", (80, true, true)),
            ("80", (80, true, true)),
            (":80", (80, true, true)),
            ("080:80", (80, true, true)),
            ("127.0.0.1:8080:80", (80, false, false)),
            ("[::1]:8080:80", (80, false, false)),
            ("0.0.0.0:8080:80", (80, true, true)),
            ("3000-3002", (3000, true, true)),
            ("5432:5432", (5432, true, false)),
            ("53:53/udp", (53, true, false)),
        ] {
            assert_eq!(port(text), Ok(wanted), "{text}");
        }
        for text in [
            "localhost:80:80",
            "127.0.0.1:80",
            "a:b",
            "80:",
            "",
            "70000",
            "+80:80",
            " 80:80",
            "80/foo",
            "90-80",
        ] {
            assert!(port(text).is_err(), "{text}");
        }
    }
}
