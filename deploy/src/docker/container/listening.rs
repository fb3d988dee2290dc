//! Listening addresses of a container, read from the kernel's socket tables.

use std::{
    collections::BTreeSet,
    io::{self, Read},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use crate::docker::inside::open_shown;

/// Maximum bytes to read of a socket table. A line has 150 bytes.
const TABLE_BYTES_MAX: u64 = 512 * 1024;

/// The state of a socket that accepts connections: `TCP_LISTEN` of the kernel's `net/tcp_states.h`.
const LISTENS: &str = "0A";

/// Address of the engine's own name server inside every container of a network.
const NAME_SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 11));

/// The addresses at which a container accepts connections, by its id and its first process.
///
/// # Errors
/// If this host cannot see the container's processes.
pub(super) fn listening(container: &str, process: i64) -> io::Result<BTreeSet<SocketAddr>> {
    let mut found = BTreeSet::new();
    for table in ["net/tcp", "net/tcp6"] {
        let mut lines = String::new();
        match open_shown(container, process, table) {
            Ok(file) => file.take(TABLE_BYTES_MAX).read_to_string(&mut lines)?,
            // A kernel without IPv6 has one table.
            Err(error) if error.kind() == io::ErrorKind::NotFound && table == "net/tcp6" => {
                continue;
            }
            Err(error) => return Err(error),
        };
        found.extend(lines.lines().skip(1).filter_map(listens_at));
    }
    Ok(found)
}

/// The address of a line of `/proc/net/tcp`, if its socket listens.
fn listens_at(line: &str) -> Option<SocketAddr> {
    let mut fields = line.split_ascii_whitespace();
    let (local, state) = (fields.nth(1)?, fields.nth(1)?);
    let (ip, port) = local.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let ip = address(ip)?;
    (state == LISTENS && ip != NAME_SERVER).then_some(SocketAddr::new(ip, port))
}

/// Each group of eight digits is a number in this machine's byte order.
fn address(digits: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let group = digits.get(at * 8..at * 8 + 8)?;
        Some(u32::from_str_radix(group, 16).ok()?.to_ne_bytes())
    };
    match digits.len() {
        8 => Some(IpAddr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let octets: [u8; 16] = words.concat().try_into().ok()?;
            Some(Ipv6Addr::from(octets).to_canonical())
        }
        _ => None,
    }
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;

    #[test]
    fn listening_sockets_are_read_and_others_are_not() {
        let cases = [
            (
                "0: 0100007F:1F90 00000000:0000 0A rest",
                Some("127.0.0.1:8080"),
            ),
            ("1: 00000000:0050 00000000:0000 0A rest", Some("0.0.0.0:80")),
            ("2: 0B00007F:8C3D 00000000:0000 0A the name server", None),
            ("3: 0200A8C0:1F90 0100A8C0:9C40 01 connected", None),
            (
                "4: 00000000000000000000000000000000:0BB8 00000000000000000000000000000000:0000 0A",
                Some("[::]:3000"),
            ),
            (
                "5: 00000000000000000000000001000000:0BB8 00000000000000000000000000000000:0000 0A",
                Some("[::1]:3000"),
            ),
            (
                "6: 0000000000000000FFFF00000100007F:0BB8 00000000000000000000000000000000:0000 0A",
                Some("127.0.0.1:3000"),
            ),
            ("7: 0100007F 0A", None),
            ("", None),
        ];
        for (line, wanted) in cases {
            let found = listens_at(line).map(|at| at.to_string());
            assert_eq!(found.as_deref(), wanted, "{line}");
        }
    }

    #[test]
    fn processes_of_somebody_else_are_not_looked_into() {
        let own = i64::from(std::process::id());
        assert!(listening("no-such-container", own).is_err());
    }
}
