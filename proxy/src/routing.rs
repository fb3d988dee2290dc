//! The active table: swapped as a whole, looked up by one hash, counted so that a drain misses
//! nothing.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;

use crate::{
    key::{InFlight, Key},
    pool::Target,
    table::{self, Access, Activity, RouteTable, SessionDigest},
};

/// The active table, and every key that it contains or that still has something open.
#[derive(Debug)]
pub(crate) struct Routing {
    table: ArcSwapOption<Compiled>,
    /// Incremented after each swap; see [`Routing::admit`].
    epoch: AtomicU64,
    keys: Mutex<HashMap<String, Arc<Key>>>,
    gate: Arc<Path>,
    idle_max: usize,
}

#[derive(Debug)]
struct Compiled {
    source: Arc<RouteTable>,
    routes: HashMap<Box<str>, Arc<Entry>>,
}

/// One route, ready to use.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) host: Box<str>,
    pub(crate) upstream: Upstream,
    pub(crate) key: Arc<Key>,
    access: Allowed,
    group: Box<str>,
}

/// Where a route leads.
#[derive(Clone, Debug)]
pub(crate) enum Upstream {
    Address(Target),
    Ask,
    ControlPlane(Target),
}

#[derive(Debug)]
enum Allowed {
    Everybody,
    Sessions(HashSet<SessionDigest>),
}

/// The result of a lookup.
pub(crate) enum Found {
    /// No table has arrived yet.
    NoTable,
    /// The table does not contain the host.
    Nothing,
    /// A route, with the request already counted under its key.
    Route(Arc<Entry>, InFlight),
}

impl Routing {
    pub(crate) fn new(gate: Arc<Path>, idle_max: usize) -> Self {
        Self {
            table: ArcSwapOption::empty(),
            epoch: AtomicU64::new(0),
            keys: Mutex::default(),
            gate,
            idle_max,
        }
    }

    /// The route of a host, with the request counted.
    ///
    /// A drain begins after a swap and must see every request that read the table before it. So
    /// this counts the request first and then checks the epoch again. All these accesses are in one
    /// total order. Either the drain reads the count after our increment and sees the request, or
    /// it reads the count before. Then the epoch was also incremented before our check, so we see
    /// that and start over with the new table.
    pub(crate) fn admit(&self, host: &str) -> Found {
        loop {
            let epoch = self.epoch.load(Ordering::SeqCst);
            let table = self.table.load();
            let Some(table) = table.as_ref() else {
                return Found::NoTable;
            };
            let Some(entry) = table.routes.get(host) else {
                return Found::Nothing;
            };
            let counted = entry.key.count_request();
            if self.epoch.load(Ordering::SeqCst) == epoch {
                return Found::Route(Arc::clone(entry), counted);
            }
        }
    }

    /// Activates a table. Keys in both tables continue unchanged; connections of keys that are only
    /// in the old one are closed as soon as they are idle.
    pub(crate) fn swap(&self, table: RouteTable) {
        let mut keys = self.lock_keys();
        let mut routes = HashMap::with_capacity(table.routes.len());
        let mut named = HashSet::new();
        for (host, route) in &table.routes {
            named.insert(route.key.as_str());
            let key = keys
                .entry(route.key.clone())
                .or_insert_with(|| Key::new(self.idle_max));
            key.pool.revive();
            let entry = Entry {
                host: host.as_str().into(),
                upstream: self.upstream(&route.upstream),
                key: Arc::clone(key),
                access: Allowed::from(&route.access),
                group: route.group.as_str().into(),
            };
            routes.insert(host.as_str().into(), Arc::new(entry));
        }
        keys.retain(|name, key| {
            let stays = named.contains(name.as_str());
            if !stays {
                key.pool.retire();
            }
            // Something still holds it: the old table, a request or a drain.
            stays || Arc::strong_count(key) > 1
        });
        drop(named);
        let source = Arc::new(table);
        self.table
            .store(Some(Arc::new(Compiled { source, routes })));
        self.epoch.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether a host belongs to the same application as a route.
    pub(crate) fn is_of_group(&self, host: &str, entry: &Entry) -> bool {
        let table = self.table.load();
        let other = table.as_ref().and_then(|table| table.routes.get(host));
        other.is_some_and(|other| !other.group.is_empty() && other.group == entry.group)
    }

    /// The active table.
    pub(crate) fn table(&self) -> Option<Arc<RouteTable>> {
        self.table
            .load()
            .as_ref()
            .map(|compiled| Arc::clone(&compiled.source))
    }

    /// Activity of all keys in the table, and of removed keys until they are idle.
    pub(crate) fn activity(&self) -> Activity {
        let keys = self.lock_keys();
        keys.iter()
            .map(|(name, key)| (name.clone(), key.activity()))
            .collect::<BTreeMap<_, _>>()
    }

    /// The state of a key, if there is any.
    pub(crate) fn key(&self, name: &str) -> Option<Arc<Key>> {
        self.lock_keys().get(name).cloned()
    }

    /// Closes connections that were idle too long and forgets unused keys.
    pub(crate) fn sweep(&self, idle: Duration) {
        self.lock_keys().retain(|_, key| {
            key.pool.sweep(idle);
            // Ours is the last reference: no table, request, stream or drain holds one.
            Arc::strong_count(key) > 1
        });
    }

    fn upstream(&self, upstream: &table::Upstream) -> Upstream {
        match upstream {
            table::Upstream::Address(address) => Upstream::Address(Target::Tcp(*address)),
            table::Upstream::Ask => Upstream::Ask,
            table::Upstream::ControlPlane => {
                Upstream::ControlPlane(Target::Unix(Arc::clone(&self.gate)))
            }
        }
    }

    fn lock_keys(&self) -> MutexGuard<'_, HashMap<String, Arc<Key>>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// Whether one of these session cookies opens the route.
    pub(crate) fn allows<'c>(&self, mut cookies: impl Iterator<Item = &'c str>) -> bool {
        match &self.access {
            Allowed::Everybody => true,
            Allowed::Sessions(known) => cookies.any(|c| known.contains(&SessionDigest::of(c))),
        }
    }
}

impl From<&Access> for Allowed {
    fn from(access: &Access) -> Self {
        match access {
            Access::Open => Self::Everybody,
            Access::Sessions(known) => Self::Sessions(known.iter().cloned().collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use super::{Found, Routing};
    use crate::table::{Access, HostName, Route, RouteTable, Upstream};

    fn table(key: &str) -> RouteTable {
        let route = Route {
            key: key.into(),
            upstream: Upstream::Ask,
            access: Access::Open,
            group: String::new(),
        };
        let host = HostName::parse("a.test").unwrap();
        RouteTable {
            routes: [(host, route)].into(),
        }
    }

    #[test]
    fn a_request_is_counted_under_the_key_it_was_routed_with_through_a_swap() {
        let routing = Routing::new(Arc::from(Path::new("gate.sock")), 1);
        assert!(matches!(routing.admit("a.test"), Found::NoTable));
        routing.swap(table("one"));
        let Found::Route(_, counted) = routing.admit("a.test") else {
            panic!("a route")
        };
        routing.swap(table("two"));
        assert_eq!(routing.activity()["one"].in_flight, 1);
        assert_eq!(routing.activity()["two"].in_flight, 0);
        drop(counted);
        assert_eq!(routing.activity()["one"].in_flight, 0);
    }

    /// The count of an old key never rises once it was seen idle after the swap.
    #[test]
    fn no_request_slips_past_a_drain_that_began_after_the_swap() {
        let routing = Arc::new(Routing::new(Arc::from(Path::new("gate.sock")), 1));
        routing.swap(table("k0"));
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let visitors: Vec<_> = (0..2)
            .map(|_| {
                let (routing, stop) = (Arc::clone(&routing), Arc::clone(&stop));
                std::thread::spawn(move || {
                    let mut served = 0_u64;
                    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                        let Found::Route(entry, counted) = routing.admit("a.test") else {
                            panic!("a route")
                        };
                        // From here on the request is in flight: its key must not count as drained.
                        assert!(entry.key.open() > 0);
                        assert!(
                            !DRAINED
                                .lock()
                                .unwrap()
                                .contains(&Arc::as_ptr(&entry.key).addr())
                        );
                        served += 1;
                        drop(counted);
                    }
                    served
                })
            })
            .collect();
        for n in 1..300 {
            let old = routing.key(&format!("k{}", n - 1)).unwrap();
            routing.swap(table(&format!("k{n}")));
            while old.open() > 0 {
                std::thread::yield_now();
            }
            DRAINED.lock().unwrap().push(Arc::as_ptr(&old).addr());
            std::mem::forget(old);
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        for visitor in visitors {
            assert!(visitor.join().unwrap() > 0);
        }
    }

    static DRAINED: std::sync::Mutex<Vec<usize>> = std::sync::Mutex::new(Vec::new());
}
