//! Limits on open connections, in total and per client address.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::Limits;

/// The counts.
#[derive(Debug)]
pub(crate) struct Admission {
    counts: Mutex<Counts>,
    all_max: usize,
    client_max: usize,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_client: HashMap<IpAddr, usize>,
}

/// An admitted connection; dropping it frees its place.
#[derive(Debug)]
pub(crate) struct Admitted {
    admission: Arc<Admission>,
    client: Option<IpAddr>,
}

impl Admission {
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            counts: Mutex::default(),
            all_max: limits.connections_max,
            client_max: limits.connections_per_client_max,
        })
    }

    /// Counts the connection and admits it, or returns `None` at a limit.
    pub(crate) fn admit(self: &Arc<Self>, from: IpAddr) -> Option<Admitted> {
        let client = client(from);
        let mut counts = self.lock();
        if counts.all >= self.all_max {
            return None;
        }
        if let Some(client) = client {
            let open = counts.by_client.entry(client).or_default();
            if *open >= self.client_max {
                return None;
            }
            *open += 1;
        }
        counts.all += 1;
        Some(Admitted {
            admission: Arc::clone(self),
            client,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut counts = self.admission.lock();
        counts.all -= 1;
        let Some(client) = self.client else {
            return;
        };
        if let Some(open) = counts.by_client.get_mut(&client) {
            *open -= 1;
            if *open == 0 {
                counts.by_client.remove(&client);
            }
        }
    }
}

/// The unit that counts as one client; `None` for loopback. One IPv6 customer has at least a /64.
fn client(from: IpAddr) -> Option<IpAddr> {
    match from.to_canonical() {
        from if from.is_loopback() => None,
        IpAddr::V6(v6) => {
            let network = v6.to_bits() >> 64 << 64;
            Some(Ipv6Addr::from_bits(network).into())
        }
        v4 => Some(v4),
    }
}

#[cfg(test)]
mod tests {
    use super::Admission;
    use crate::Limits;

    #[test]
    fn a_client_has_its_own_limit_and_gets_its_places_back() {
        let limits = Limits {
            connections_max: 4,
            connections_per_client_max: 2,
            ..Limits::default()
        };
        let admission = Admission::new(&limits);
        let admit = |from: &str| admission.admit(from.parse().unwrap());
        let (first, _second) = (admit("192.0.2.1"), admit("::ffff:192.0.2.1"));
        assert!(first.is_some());
        assert!(admit("192.0.2.1").is_none());
        drop(first);
        assert!(admit("192.0.2.1").is_some());
    }

    #[test]
    fn addresses_of_one_network_are_one_client_and_loopback_is_none() {
        let limits = Limits {
            connections_max: 4,
            connections_per_client_max: 1,
            ..Limits::default()
        };
        let admission = Admission::new(&limits);
        let admit = |from: &str| admission.admit(from.parse().unwrap());
        let _first = admit("2001:db8::1").unwrap();
        assert!(admit("2001:db8::2").is_none());
        let _other = admit("2001:db8:0:1::2").unwrap();
        let (_a, _b) = (admit("127.0.0.1").unwrap(), admit("::1").unwrap());
        assert!(
            admit("127.0.0.1").is_none(),
            "the total limit applies to every client"
        );
    }
}
