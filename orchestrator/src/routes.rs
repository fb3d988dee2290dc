//! The address behind each host. Only this module publishes the proxy's route table.
//!
//! It has an entry for each preview, including removed ones, so that an old link still shows what
//! happened. Each publication replaces the whole table, and only one runs at a time.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use deploy::{
    blueprint::Blueprint,
    names::{PreviewId, RevisionNumber, ServiceName},
};
use proxy::table::{Access, Activity, HostName, Route, RouteTable, SessionDigest, Upstream};

use crate::{
    clock::wall_ms,
    config::Settings,
    lifecycle::Routed,
    preview::names,
    store::{PreviewRow, Store},
};

/// The part of the proxy that workers need.
#[async_trait]
pub trait RouteSwitch: Send + Sync {
    /// Replaces the route table. When this returns, every new request uses the new table.
    async fn put_table(&self, table: &RouteTable) -> Result<(), String>;

    /// Waits until no request is in flight under the key. At the deadline, cuts the remaining ones.
    async fn drain(&self, key: &str, deadline: Duration) -> Result<(), String>;

    /// The visitors' activity under each key.
    async fn activity(&self) -> Result<Activity, String>;
}

/// The key of the control host's route.
const CONTROL_KEY: &str = "control";

/// The hosts of one preview and the addresses behind them.
#[derive(Clone, Debug, Default)]
struct HostEntry {
    main: Option<HostName>,
    /// The hosts of the other public services of the serving revision.
    others: BTreeMap<ServiceName, HostName>,
    main_service: Option<ServiceName>,
    routed: Option<Routed>,
    sessions: Vec<SessionDigest>,
}

/// The hosts of all previews and the addresses behind them.
pub struct Routes {
    settings: Settings,
    proxy: Arc<dyn RouteSwitch>,
    entries: Mutex<BTreeMap<PreviewId, HostEntry>>,
    /// The last published table. Locked while publishing, so that tables never overtake each other.
    published: tokio::sync::Mutex<Option<RouteTable>>,
    /// Locked from reading sessions until they are published, so that older sessions never replace
    /// newer ones.
    admitting: tokio::sync::Mutex<()>,
}

/// The key under which the proxy counts the requests to a revision.
pub fn key(preview: &PreviewId, revision: RevisionNumber) -> String {
    format!("{preview}/{revision}")
}

/// The preview and the revision of a key.
fn parse_key(key: &str) -> Option<(PreviewId, RevisionNumber)> {
    let (preview, revision) = key.split_once("/r")?;
    Some((
        PreviewId::parse(preview).ok()?,
        RevisionNumber(revision.parse().ok()?),
    ))
}

impl Routes {
    /// Without any routes yet.
    pub fn new(settings: Settings, proxy: Arc<dyn RouteSwitch>) -> Self {
        let published = tokio::sync::Mutex::new(None);
        Self {
            settings,
            proxy,
            entries: Mutex::default(),
            published,
            admitting: tokio::sync::Mutex::default(),
        }
    }

    /// Takes over the proxy's routes of a preview after a restart of the server. `blueprint_of`
    /// gives the blueprint of a revision.
    pub fn adopt(
        &self,
        table: &RouteTable,
        row: &PreviewRow,
        sessions: Vec<SessionDigest>,
        blueprint_of: impl Fn(RevisionNumber) -> Option<Blueprint>,
    ) {
        let mut entry = HostEntry {
            sessions,
            main: self.main_host(row),
            ..HostEntry::default()
        };
        let served = table
            .routes
            .values()
            .find_map(|route| match &route.upstream {
                Upstream::Address(_) => parse_key(&route.key).filter(|(id, _)| *id == row.id),
                _ => None,
            });
        if let Some((_, number)) = served
            && let Some(blueprint) = blueprint_of(number)
        {
            self.name_services(&mut entry, row, &blueprint);
            let address = |host: Option<&HostName>| match &table.routes.get(host?)?.upstream {
                Upstream::Address(address) => Some(*address),
                _ => None,
            };
            let main = entry.main_service.clone().zip(address(entry.main.as_ref()));
            let others = entry
                .others
                .iter()
                .filter_map(|(name, host)| Some((name.clone(), address(Some(host))?)));
            let addresses = main.into_iter().chain(others).collect();
            entry.routed = Some(Routed {
                revision: number,
                addresses,
            });
        }
        self.entries().insert(row.id.clone(), entry);
    }

    /// Whether the table has a preview's main host, if its name makes one.
    pub fn knows(&self, row: &PreviewRow) -> bool {
        let known = |entries: &BTreeMap<PreviewId, HostEntry>| {
            let entry = entries.get(&row.id);
            entry.is_some_and(|entry| entry.main.is_some())
        };
        known(&self.entries()) || self.main_host(row).is_none()
    }

    /// Publishes a preview's main host before any revision serves. After that its visitors see its
    /// progress.
    pub async fn announce(&self, row: &PreviewRow) -> Result<(), String> {
        let mut published = self.published.lock().await;
        if self.knows(row) {
            return Ok(());
        }
        let mut entries = self.entries().clone();
        entries.entry(row.id.clone()).or_default().main = self.main_host(row);
        let table = self.table(&entries);
        *published = None;
        self.proxy.put_table(&table).await?;
        self.entries().entry(row.id.clone()).or_default().main = self.main_host(row);
        *published = Some(table);
        Ok(())
    }

    /// The revision that a preview's hosts lead to; none if nothing serves.
    pub fn routed(&self, preview: &PreviewId) -> Option<Routed> {
        self.entries()
            .get(preview)
            .and_then(|entry| entry.routed.clone())
    }

    /// The preview that a host belongs to.
    pub fn preview_of(&self, host: &HostName) -> Option<PreviewId> {
        let entries = self.entries();
        let of = |entry: &HostEntry| {
            entry.main.as_ref() == Some(host) || entry.others.values().any(|other| other == host)
        };
        entries
            .iter()
            .find(|(_, entry)| of(entry))
            .map(|(preview, _)| preview.clone())
    }

    /// The current hosts of a preview, the main one first.
    pub fn hosts(&self, preview: &PreviewId) -> Vec<HostName> {
        let entries = self.entries();
        let hosts = entries
            .get(preview)
            .map(|entry| entry.main.iter().chain(entry.others.values()));
        hosts.into_iter().flatten().cloned().collect()
    }

    /// The address behind one of a preview's hosts.
    pub fn address_of(&self, preview: &PreviewId, host: &HostName) -> Option<SocketAddr> {
        let entries = self.entries();
        let entry = entries.get(preview)?;
        let service = if entry.main.as_ref() == Some(host) {
            entry.main_service.as_ref()
        } else {
            entry
                .others
                .iter()
                .find(|(_, other)| *other == host)
                .map(|(service, _)| service)
        };
        entry.routed.as_ref()?.addresses.get(service?).copied()
    }

    /// Points a preview's hosts at a revision, or at nothing, which also ends all its sessions.
    /// When this returns, every new request uses the new route. The entries change only after the
    /// proxy has accepted the table.
    pub async fn route(
        &self,
        row: &PreviewRow,
        to: Option<(Routed, &Blueprint)>,
    ) -> Result<(), String> {
        let mut published = self.published.lock().await;
        let mut entry = self.entries().get(&row.id).cloned().unwrap_or_default();
        entry.main = self.main_host(row);
        entry.others.clear();
        entry.routed = None;
        if let Some((routed, blueprint)) = to {
            self.name_services(&mut entry, row, blueprint);
            entry.routed = Some(routed);
        } else {
            entry.sessions.clear();
        }
        let mut entries = self.entries().clone();
        entries.insert(row.id.clone(), entry.clone());
        let table = self.table(&entries);
        // If the proxy's answer is lost, the active table is unknown, so the next publication must
        // not be skipped.
        *published = None;
        self.proxy.put_table(&table).await?;
        // Only the route changes: sessions that were added meanwhile stay.
        let mut kept_entries = self.entries();
        let kept = kept_entries.entry(row.id.clone()).or_default();
        if entry.routed.is_some() {
            entry.sessions = std::mem::take(&mut kept.sessions);
        }
        *kept = entry;
        drop(kept_entries);
        *published = Some(table);
        Ok(())
    }

    /// Publishes the current sessions of the preview. All earlier sessions lose access.
    pub async fn admit(&self, preview: &PreviewId, store: &Store) -> Result<(), String> {
        let _turn = self.admitting.lock().await;
        let sessions = store.sessions(preview, wall_ms()).await;
        let sessions = sessions.map_err(|error| error.to_string())?;
        if let Some(entry) = self.entries().get_mut(preview) {
            entry.sessions = sessions;
        }
        self.publish().await
    }

    /// Publishes the table unless the proxy already has it.
    pub async fn publish(&self) -> Result<(), String> {
        let mut published = self.published.lock().await;
        let table = self.table(&self.entries());
        if published.as_ref() != Some(&table) {
            self.proxy.put_table(&table).await?;
            *published = Some(table);
        }
        Ok(())
    }

    /// Publishes the table in any case, because the proxy has just started.
    pub async fn publish_anew(&self) -> Result<(), String> {
        *self.published.lock().await = None;
        self.publish().await
    }

    /// Waits until no request to a revision is in flight, or cuts them at the deadline.
    pub async fn drain(
        &self,
        preview: &PreviewId,
        revision: RevisionNumber,
        deadline: Duration,
    ) -> Result<(), String> {
        self.proxy.drain(&key(preview, revision), deadline).await
    }

    /// The visitors' activity at each preview's revision.
    pub async fn activity(&self) -> Result<Activity, String> {
        self.proxy.activity().await
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, BTreeMap<PreviewId, HostEntry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The host of a preview's main service; none if its name gives no valid host.
    pub fn main_host(&self, row: &PreviewRow) -> Option<HostName> {
        names::host(row.subject(), None, &self.settings.domain).ok()
    }

    fn name_services(&self, entry: &mut HostEntry, row: &PreviewRow, blueprint: &Blueprint) {
        for service in blueprint.services.iter().filter(|service| service.public) {
            if service.main {
                entry.main_service = Some(service.name.clone());
            } else if let Ok(host) =
                names::host(row.subject(), Some(&service.name), &self.settings.domain)
            {
                entry.others.insert(service.name.clone(), host);
            }
        }
    }

    fn table(&self, entries: &BTreeMap<PreviewId, HostEntry>) -> RouteTable {
        let mut table = RouteTable::default();
        if let Ok(host) = HostName::parse(&self.settings.control_host) {
            let (upstream, access) = (Upstream::ControlPlane, Access::Open);
            table.routes.insert(
                host,
                Route {
                    key: CONTROL_KEY.to_owned(),
                    upstream,
                    access,
                    group: String::new(),
                },
            );
        }
        for (preview, entry) in entries {
            let access = if self.settings.is_local() {
                Access::Open
            } else {
                Access::Sessions(entry.sessions.clone())
            };
            let mut lead = |host: &HostName, service: Option<&ServiceName>| {
                let route = self.route_of(preview, entry, service, access.clone());
                table.routes.insert(host.clone(), route);
            };
            if let Some(host) = &entry.main {
                lead(host, entry.main_service.as_ref());
            }
            for (service, host) in &entry.others {
                lead(host, Some(service));
            }
        }
        table
    }

    fn route_of(
        &self,
        preview: &PreviewId,
        entry: &HostEntry,
        service: Option<&ServiceName>,
        access: Access,
    ) -> Route {
        let address = entry
            .routed
            .as_ref()
            .zip(service)
            .and_then(|(routed, service)| Some((routed.revision, *routed.addresses.get(service)?)));
        match address {
            Some((revision, address)) => {
                let upstream = Upstream::Address(address);
                Route {
                    key: key(preview, revision),
                    upstream,
                    access,
                    group: preview.to_string(),
                }
            }
            None => Route {
                key: preview.to_string(),
                upstream: Upstream::Ask,
                access,
                group: preview.to_string(),
            },
        }
    }
}
