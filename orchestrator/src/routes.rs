//! Which host leads where, and the one place from which the proxy's table is published.
//!
//! It holds an entry per preview, the dead ones included, so that an old link says what
//! happened. The table is always published whole, and one publication at a time.

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

/// The proxy, as far as workers need it.
#[async_trait]
pub trait RouteSwitch: Send + Sync {
    /// Puts a whole table in place. When this returns, every new request sees it.
    async fn put_table(&self, table: &RouteTable) -> Result<(), String>;

    /// Returns once nothing is in flight under the key, or the deadline has passed and what was
    /// left has been cut.
    async fn drain(&self, key: &str, deadline: Duration) -> Result<(), String>;

    /// What happens under each key.
    async fn activity(&self) -> Result<Activity, String>;
}

/// The key of the control host's route.
const CONTROL_KEY: &str = "control";

/// What leads to one preview.
#[derive(Clone, Debug, Default)]
struct HostEntry {
    main: Option<HostName>,
    /// Public services beside the main one, of the revision that serves.
    others: BTreeMap<ServiceName, HostName>,
    main_service: Option<ServiceName>,
    routed: Option<Routed>,
    sessions: Vec<SessionDigest>,
}

/// Which host leads where.
pub struct Routes {
    settings: Settings,
    proxy: Arc<dyn RouteSwitch>,
    entries: Mutex<BTreeMap<PreviewId, HostEntry>>,
    /// What was last put in place; held while publishing, so that tables never overtake each other.
    published: tokio::sync::Mutex<Option<RouteTable>>,
    /// Held from reading sessions to putting them in place, so that what was read earlier never comes
    /// later.
    admitting: tokio::sync::Mutex<()>,
}

/// What activity is counted under.
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
    /// No routes yet.
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

    /// Takes over what the proxy has been serving while we were away. `previews` are those that
    /// are known, with their sessions and the blueprint of each revision's services.
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

    /// Puts a preview's main host into the table, before anything of it serves. When this returns its
    /// visitors are shown how far it is; it is known only then.
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

    /// Where a preview's hosts lead.
    pub fn routed(&self, preview: &PreviewId) -> Option<Routed> {
        self.entries()
            .get(preview)
            .and_then(|entry| entry.routed.clone())
    }

    /// Whose host it is.
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

    /// The hosts at which a preview is reached now, the main one first.
    pub fn hosts(&self, preview: &PreviewId) -> Vec<HostName> {
        let entries = self.entries();
        let hosts = entries
            .get(preview)
            .map(|entry| entry.main.iter().chain(entry.others.values()));
        hosts.into_iter().flatten().cloned().collect()
    }

    /// Where one of a preview's hosts leads.
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

    /// Leads a preview's hosts to a revision, or nowhere, which nobody's session opens. When this returns
    /// every new request goes there; the entries are changed only then.
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
        // An answer that is lost leaves it open which table is in place; the next publication
        // must not believe that it is the last one known.
        *published = None;
        self.proxy.put_table(&table).await?;
        // Only the route: who was let in meanwhile stays in.
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

    /// Lets in whoever has a session of the preview by now, and nobody else.
    pub async fn admit(&self, preview: &PreviewId, store: &Store) -> Result<(), String> {
        let _turn = self.admitting.lock().await;
        let sessions = store.sessions(preview, wall_ms()).await;
        let sessions = sessions.map_err(|error| error.to_string())?;
        if let Some(entry) = self.entries().get_mut(preview) {
            entry.sessions = sessions;
        }
        self.publish().await
    }

    /// Puts the table in place unless it is there already.
    pub async fn publish(&self) -> Result<(), String> {
        let mut published = self.published.lock().await;
        let table = self.table(&self.entries());
        if published.as_ref() != Some(&table) {
            self.proxy.put_table(&table).await?;
            *published = Some(table);
        }
        Ok(())
    }

    /// Puts the table in place whatever is there: the proxy is a new one.
    pub async fn publish_anew(&self) -> Result<(), String> {
        *self.published.lock().await = None;
        self.publish().await
    }

    /// Returns once nothing is in flight to a revision.
    pub async fn drain(
        &self,
        preview: &PreviewId,
        revision: RevisionNumber,
        deadline: Duration,
    ) -> Result<(), String> {
        self.proxy.drain(&key(preview, revision), deadline).await
    }

    /// What happens under each preview's revision.
    pub async fn activity(&self) -> Result<Activity, String> {
        self.proxy.activity().await
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, BTreeMap<PreviewId, HostEntry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The host of a preview's main service; none where its name makes none.
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
