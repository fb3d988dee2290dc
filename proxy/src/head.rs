//! Validates a parsed head and determines its host.

use http::{HeaderMap, Method, Request, header, uri::Authority};

/// Bytes of a host name or address.
const HOST_BYTES_MAX: usize = 253;

/// Buffer for a host in lookup form.
pub(crate) type HostBuffer = [u8; HOST_BYTES_MAX];

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The method is CONNECT or TRACE.
    Method,
    /// The head is not fit to forward; the text says why.
    Malformed(&'static str),
}

/// An empty buffer for [`check`].
pub(crate) const fn host_buffer() -> HostBuffer {
    [0; HOST_BYTES_MAX]
}

/// Validates a head and returns its host in lookup form.
pub(crate) fn check<'b, B>(
    request: &Request<B>,
    buffer: &'b mut HostBuffer,
) -> Result<&'b str, Refusal> {
    if matches!(*request.method(), Method::CONNECT | Method::TRACE) {
        return Err(Refusal::Method);
    }
    let uri = request.uri();
    let given = one_host(request.headers())?;
    match (uri.scheme_str(), uri.authority()) {
        (None, None) => {}
        (Some("http" | "https"), Some(authority)) if same(authority, given) => {}
        (Some("http" | "https"), Some(_)) => {
            return Err(Refusal::Malformed(
                "the Host header differs from the authority",
            ));
        }
        _ => {
            return Err(Refusal::Malformed(
                "the target is neither a path nor an http address",
            ));
        }
    }
    let path = uri.path();
    let all = path == "*" && request.method() == Method::OPTIONS;
    if !all && !path.starts_with('/') {
        return Err(Refusal::Malformed("the target is not a path"));
    }
    lookup_form(given, buffer).ok_or(Refusal::Malformed("the Host header is not a host"))
}

fn one_host(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host
            .to_str()
            .map_err(|_| Refusal::Malformed("the Host header is not plain text")),
        (None, _) => Err(Refusal::Malformed("the Host header is missing")),
        (Some(_), Some(_)) => Err(Refusal::Malformed("there is more than one Host header")),
    }
}

fn same(authority: &Authority, host: &str) -> bool {
    authority.as_str().eq_ignore_ascii_case(host)
}

/// The host without its port, in lower case, without a trailing dot; `None` if it is invalid.
/// Equal to the result of [`crate::table::HostName::parse`], but without an allocation.
/// An IPv6 address passes too: it is a valid host that no table contains.
fn lookup_form<'b>(given: &str, buffer: &'b mut HostBuffer) -> Option<&'b str> {
    let (host, port) = match given.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']')?;
            let _checked: std::net::Ipv6Addr = address.parse().ok()?;
            (address, after)
        }
        None => given.split_at(given.find(':').unwrap_or(given.len())),
    };
    if !port.is_empty() && !port.strip_prefix(':').is_some_and(is_port) {
        return None;
    }
    if given.starts_with('[') {
        // No host name contains a bracket, so no table contains this.
        buffer[0] = b'[';
        return std::str::from_utf8(&buffer[..1]).ok();
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    let lower = buffer.get_mut(..host.len())?;
    lower.copy_from_slice(host.as_bytes());
    lower.make_ascii_lowercase();
    let mut label = 0_usize;
    for &byte in lower.iter() {
        label = match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' if label < 63 => label + 1,
            b'.' if label > 0 => 0,
            _ => return None,
        };
    }
    // Ends inside a label, so it is neither empty nor ends with a dot.
    (label > 0).then_some(())?;
    std::str::from_utf8(lower).ok()
}

fn is_port(digits: &str) -> bool {
    !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit())
        && digits.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{host_buffer, lookup_form};
    use crate::table::HostName;

    fn form(given: &str) -> Option<String> {
        lookup_form(given, &mut host_buffer()).map(str::to_owned)
    }

    #[test]
    fn a_host_is_found_with_any_port_and_case() {
        for given in [
            "a-1.test",
            "A-1.Test",
            "a-1.test.",
            "a-1.test:8080",
            "a-1.test.:1",
        ] {
            assert_eq!(form(given).as_deref(), Some("a-1.test"), "{given:?}");
        }
        assert_eq!(form("[::1]:80").as_deref(), Some("["));
        for given in [
            "", ":80", "a:", "a:b", "a:65536", "a:1:2", "a:+1", "..", "[::1", "[a]", "a_b",
        ] {
            assert_eq!(form(given), None, "{given:?}");
        }
    }

    proptest! {
        #[test]
        fn the_form_looked_up_is_the_one_in_the_table(host in "[a-cA-C0-1.\\-_é]{0,8}|\\PC{0,300}") {
            prop_assume!(!host.contains(':') && !host.starts_with('['));
            let parsed = HostName::parse(&host).ok().map(String::from);
            prop_assert_eq!(form(&host), parsed);
        }

        #[test]
        fn long_labels_and_names_agree_too(
            labels in prop::collection::vec("[a-z]{1,3}|[a-z]{62,64}", 1..6)
        ) {
            let host = labels.join(".");
            prop_assert_eq!(form(&host), HostName::parse(&host).ok().map(String::from));
        }
    }
}
