//! IPv4 ranges: the pool of subnets for networks, and the search for a free one.

use std::{fmt, net::Ipv4Addr, str::FromStr};

use serde::{Deserialize, Serialize};

/// Addresses of a subnet that members cannot use: gateway, network and broadcast address.
const RESERVED_ADDRESSES: usize = 3;

/// Allowed prefix lengths for the subnet of a network.
const PREFIXES: std::ops::RangeInclusive<u8> = 24..=28;

/// An IPv4 range, such as `10.213.0.0/16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Subnet {
    base: u32,
    prefix: u8,
}

/// The text is not an IPv4 range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an IPv4 range such as 10.213.0.0/16, with its host part zero")]
pub struct SubnetError(String);

impl Subnet {
    /// The default pool for networks; the server's configuration can override it.
    pub const DEFAULT_POOL: Self = Self {
        base: 0x0ad5_0000,
        prefix: 16,
    };

    fn new(base: u32, prefix: u8) -> Option<Self> {
        (prefix <= 32 && base & !mask(prefix) == 0).then_some(Self { base, prefix })
    }

    /// Whether both ranges have a common address.
    pub fn overlaps(self, other: Self) -> bool {
        let shorter = mask(self.prefix.min(other.prefix));
        self.base & shorter == other.base & shorter
    }

    /// Whether this range contains every address of the other.
    pub(crate) fn contains(self, other: Self) -> bool {
        self.prefix <= other.prefix && self.overlaps(other)
    }

    /// The prefix length.
    pub(crate) fn prefix(self) -> u8 {
        self.prefix
    }

    /// The range as the kernel's routing table lists it; `None` for the default route.
    fn from_route(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let destination = words.nth(1)?;
        let mask = words.nth(5)?;
        // The table prints addresses in network order read as a little-endian number.
        let destination = u32::from_str_radix(destination, 16).ok()?.swap_bytes();
        let mask = u32::from_str_radix(mask, 16).ok()?.swap_bytes();
        let prefix = u8::try_from(mask.leading_ones()).ok()?;
        if prefix == 0 {
            None
        } else {
            Self::new(destination & mask, prefix)
        }
    }
}

impl FromStr for Subnet {
    type Err = SubnetError;

    fn from_str(text: &str) -> Result<Self, SubnetError> {
        text.split_once('/')
            .and_then(|(address, prefix)| {
                let base = u32::from(address.parse::<Ipv4Addr>().ok()?);
                Self::new(base, prefix.parse().ok()?)
            })
            .ok_or_else(|| SubnetError(text.chars().take(80).collect()))
    }
}

impl TryFrom<String> for Subnet {
    type Error = SubnetError;
    fn try_from(text: String) -> Result<Self, SubnetError> {
        text.parse()
    }
}

impl From<Subnet> for String {
    fn from(subnet: Subnet) -> Self {
        subnet.to_string()
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.base), self.prefix)
    }
}

/// The prefix of the smallest subnet that holds `members`; `None` when a /24 is too small.
pub(crate) fn prefix_for(members: usize) -> Option<u8> {
    PREFIXES.rev().find(|prefix| {
        let addresses = 1_usize << (32 - u32::from(*prefix));
        members.saturating_add(RESERVED_ADDRESSES) <= addresses
    })
}

/// The lowest subnet of that size in the pool that overlaps nothing in `taken`.
pub(crate) fn first_free(pool: Subnet, prefix: u8, taken: &[Subnet]) -> Option<Subnet> {
    if prefix < pool.prefix {
        return None;
    }
    let last = u64::from(pool.base) + (1_u64 << (32 - u32::from(pool.prefix)));
    let size = 1_u64 << (32 - u32::from(prefix));
    let mut at = u64::from(pool.base);
    while at + size <= last {
        let candidate = Subnet {
            base: u32::try_from(at).ok()?,
            prefix,
        };
        // Continue after the end of the largest overlapping range, aligned.
        let behind = taken
            .iter()
            .filter(|other| other.overlaps(candidate))
            .map(|other| u64::from(other.base) + (1_u64 << (32 - u32::from(other.prefix))))
            .max();
        match behind {
            None => return Some(candidate),
            Some(end) => at = end.max(at + size).next_multiple_of(size),
        }
    }
    None
}

/// The ranges in the text of the kernel's routing table, without the default route.
pub(crate) fn routed(table: &str) -> Vec<Subnet> {
    table
        .lines()
        .skip(1)
        .filter_map(Subnet::from_route)
        .collect()
}

/// The routed ranges that the host is directly connected to, without a gateway.
pub(crate) fn on_link(table: &str) -> Vec<Subnet> {
    let has_no_gateway = |line: &&str| {
        let gateway = line.split_ascii_whitespace().nth(2);
        gateway.is_some_and(|gateway| gateway.bytes().all(|digit| digit == b'0'))
    };
    table
        .lines()
        .skip(1)
        .filter(has_no_gateway)
        .filter_map(Subnet::from_route)
        .collect()
}

fn mask(prefix: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn net(text: &str) -> Subnet {
        text.parse().unwrap()
    }

    #[test]
    fn a_range_is_read_and_written() {
        assert_eq!(net("10.213.0.0/16"), Subnet::DEFAULT_POOL);
        assert_eq!(Subnet::DEFAULT_POOL.to_string(), "10.213.0.0/16");
        assert_eq!(net("0.0.0.0/0").to_string(), "0.0.0.0/0");
        for bad in [
            "",
            "10.0.0.0",
            "10.0.0.1/16",
            "10.0.0.0/33",
            "10.0.0/8",
            "::/0",
            "x/8",
        ] {
            assert!(bad.parse::<Subnet>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_smallest_subnet_holds_the_members() {
        assert_eq!(prefix_for(0), Some(28));
        assert_eq!(prefix_for(13), Some(28));
        assert_eq!(prefix_for(14), Some(27));
        assert_eq!(prefix_for(253), Some(24));
        assert_eq!(prefix_for(254), None);
        assert_eq!(prefix_for(usize::MAX), None);
    }

    #[test]
    fn the_lowest_free_subnet_is_taken() {
        let pool = net("10.213.0.0/24");
        assert_eq!(first_free(pool, 28, &[]), Some(net("10.213.0.0/28")));
        let taken = [
            net("10.213.0.0/28"),
            net("10.213.0.32/27"),
            net("192.168.0.0/16"),
        ];
        assert_eq!(first_free(pool, 28, &taken), Some(net("10.213.0.16/28")));
        assert_eq!(first_free(pool, 27, &taken), Some(net("10.213.0.64/27")));
        assert_eq!(first_free(pool, 28, &[net("10.0.0.0/8")]), None);
        assert_eq!(first_free(pool, 23, &[]), None);
        assert_eq!(
            first_free(net("255.255.255.0/24"), 24, &[]),
            Some(net("255.255.255.0/24"))
        );
    }

    #[test]
    fn the_hosts_routes_are_read_without_the_default() {
        let table = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\n\
             eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
             docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n\
             eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n\
             broken\n";
        assert_eq!(routed(table), [net("172.17.0.0/16"), net("192.0.2.0/24")]);
        let behind = "eth0\t0009090A\t010200C0\t0003\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
        let table = format!("{table}{behind}");
        assert!(routed(&table).contains(&net("10.9.9.0/24")));
        assert_eq!(on_link(&table), [net("172.17.0.0/16"), net("192.0.2.0/24")]);
    }

    proptest! {
        #[test]
        fn what_is_free_is_in_the_pool_and_overlaps_nothing(
            taken in proptest::collection::vec((0u32..1 << 16, 20u8..=30), 0..40),
            members in 0usize..253,
        ) {
            let pool = Subnet::DEFAULT_POOL;
            let taken: Vec<Subnet> = taken
                .into_iter()
                .filter_map(|(low, prefix)| Subnet::new((pool.base | low) & mask(prefix), prefix))
                .collect();
            let prefix = prefix_for(members).unwrap();
            let found = first_free(pool, prefix, &taken);
            let by_hand = (0..1_u32 << (prefix - 16))
                .map(|i| Subnet { base: pool.base + (i << (32 - prefix)), prefix })
                .find(|candidate| !taken.iter().any(|t| t.overlaps(*candidate)));
            prop_assert_eq!(found, by_hand);
        }
    }
}
