//! Restricts the hosts that untrusted input may make Dayfly contact to public ones.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses of an https URL's host, all of them public. The caller must connect to exactly
/// these: resolving the name again may give other addresses.
///
/// # Errors
/// A sentence about the problem with this URL.
pub(super) async fn addresses(url: &str) -> Result<Vec<IpAddr>, String> {
    let (host, port) = host_and_port(url).ok_or("its address is not https")?;
    let found = tokio::net::lookup_host((host.as_str(), port)).await;
    let found = found.map_err(|error| format!("cannot resolve its host {host}: {error}"))?;
    let mut found: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    found.dedup();
    if found.is_empty() || !found.iter().copied().all(is_public) {
        return Err(format!("its host {host} has no public address"));
    }
    Ok(found)
}

/// Host and port of a checked https URL.
pub(super) fn host_and_port(url: &str) -> Option<(String, u16)> {
    let authority = url.strip_prefix("https://")?.split('/').next()?;
    let authority: http::uri::Authority = authority.parse().ok()?;
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    Some((host, authority.port_u16().unwrap_or(443)))
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || a == 0
        || a >= 224
        // Shared by providers, or reserved for protocols, relays and benchmarks.
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a, b, c) == (192, 88, 99)
        || (a == 198 && (18..20).contains(&b));
    !special
}

/// Only ranges that are assigned to hosts, and none that embeds an IPv4 address.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let given_out = (0x2000..0x4000).contains(&a);
    let special = a == 0x2002 || (a == 0x2001 && (b < 0x200 || b == 0xdb8)) || a == 0x3fff;
    given_out && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_everybody_reaches_are_public() {
        for public in [
            "1.1.1.1",
            "140.82.121.3",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for other in [
            "0.0.0.0",
            "10.0.0.5",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.17.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "192.0.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:1.1.1.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
        ] {
            assert!(!is_public(other.parse().unwrap()), "{other}");
        }
    }

    #[tokio::test]
    async fn a_host_that_is_not_public_is_refused_by_name_and_by_number() {
        for host in [
            "localhost",
            "127.0.0.1",
            "[::1]",
            "10.1.2.3:8443",
            "169.254.169.254",
            "2130706433",
        ] {
            let refused = addresses(&format!("https://{host}/a/b.git"))
                .await
                .unwrap_err();
            assert!(
                refused.contains("has no public address"),
                "{host}: {refused}"
            );
        }
        let one = addresses("https://1.1.1.1/a/b.git").await.unwrap();
        assert_eq!(one, ["1.1.1.1".parse::<IpAddr>().unwrap()]);
        assert!(addresses("http://1.1.1.1/a/b.git").await.is_err());
    }
}
