//! Rooms: a network of its own for each revision, and one for a preview's databases.

use std::collections::HashMap;

use bollard::{
    errors::Error,
    models::{Ipam, IpamConfig, Network, NetworkCreateRequest, NetworkDisconnectRequest},
    query_parameters::{InspectNetworkOptions, ListNetworksOptions, ListNetworksOptionsBuilder},
};

use super::{
    Docker, Subnet,
    error::{classify, sentence, status},
    names::digest,
    subnet::{first_free, prefix_for, routed},
};
use crate::{
    engine::{EngineError, Room, RoomSpec},
    labels::{Kind, Mark},
    names::PreviewId,
};

/// How often a subnet is chosen anew when somebody else took it meanwhile.
const ALLOCATION_ATTEMPTS: usize = 8;

/// Where the kernel lists the host's IPv4 routes.
const ROUTES: &str = "/proc/net/route";

/// What came of one attempt to make a network.
enum Attempt {
    Made(String),
    /// Somebody else was quicker with this range, or with this network.
    Overtaken,
}

impl Docker {
    pub(super) async fn ensure_network(&self, spec: &RoomSpec) -> Result<(), EngineError> {
        let what = describe(&spec.preview, &spec.room);
        let refused = |why: String| EngineError::Refused {
            what: what.clone(),
            why,
        };
        let prefix = prefix_for(spec.members)
            .ok_or_else(|| refused(format!("{} members do not fit in a /24", spec.members)))?;
        let _held = self.allocation().lock().await;
        let mut lost: Vec<Subnet> = Vec::new();
        for _ in 0..ALLOCATION_ATTEMPTS {
            let networks = self.list_networks(None).await?;
            let name = self.names(&spec.preview).room(&spec.room);
            let named: Vec<&Network> = networks
                .iter()
                .filter(|n| n.name.as_deref() == Some(&name))
                .collect();
            if named
                .iter()
                .any(|network| !self.is_room(network, &spec.preview, &spec.room))
            {
                return Err(refused(format!(
                    "a network called {name} exists and is not ours; remove it"
                )));
            }
            if let Some(id) = named.first().and_then(|network| network.id.as_deref()) {
                self.remember_room(&spec.preview, &spec.room, id);
                return Ok(());
            }
            let mut taken = taken(&networks);
            taken.extend(
                tokio::fs::read_to_string(ROUTES)
                    .await
                    .map(|t| routed(&t))
                    .ok()
                    .unwrap_or_default(),
            );
            taken.extend(&lost);
            let pool = self.config().subnet_pool;
            let subnet = first_free(pool, prefix, &taken).ok_or_else(|| {
                refused(format!(
                    "no /{prefix} is free in the pool {pool}; remove networks or routes in it, or \
                     configure another pool"
                ))
            })?;
            match self.make_network(spec, &name, subnet).await? {
                Attempt::Made(id) => {
                    self.remember_room(&spec.preview, &spec.room, &id);
                    return Ok(());
                }
                Attempt::Overtaken => lost.push(subnet),
            }
        }
        Err(refused(format!(
            "{ALLOCATION_ATTEMPTS} subnets in a row were taken by others"
        )))
    }

    pub(super) async fn remove_network(
        &self,
        preview: &PreviewId,
        room: &Room,
    ) -> Result<(), EngineError> {
        self.forget_room(preview, room);
        let name = self.names(preview).room(room);
        for network in self.list_networks(Some(&name)).await? {
            if let Some(id) = network.id.as_deref()
                && self.is_room(&network, preview, room)
            {
                self.remove_network_by_id(id, &describe(preview, room))
                    .await?;
            }
        }
        Ok(())
    }

    /// Removes a network, disconnecting whatever is in it.
    pub(super) async fn remove_network_by_id(
        &self,
        id: &str,
        what: &str,
    ) -> Result<(), EngineError> {
        let in_use = self
            .change(what, async {
                match self.api().remove_network(id).await {
                    Ok(()) => Ok(false),
                    Err(error) => match status(&error) {
                        Some(404) => Ok(false),
                        Some(403 | 409) => Ok(true),
                        _ => Err(error),
                    },
                }
            })
            .await?;
        if !in_use {
            return Ok(());
        }
        let inspect = self
            .api()
            .inspect_network(id, None::<InspectNetworkOptions>);
        let Some(network) = self.look(what, inspect).await? else {
            return Ok(());
        };
        for container in network.containers.unwrap_or_default().into_keys() {
            let request = NetworkDisconnectRequest {
                container,
                force: Some(true),
            };
            self.absent(what, self.api().disconnect_network(id, request))
                .await?;
        }
        self.absent(what, self.api().remove_network(id)).await
    }

    /// The engine's id of the room's network.
    pub(super) async fn room_id(
        &self,
        preview: &PreviewId,
        room: &Room,
    ) -> Result<String, EngineError> {
        if let Some(id) = self.remembered_room(preview, room) {
            return Ok(id);
        }
        let name = self.names(preview).room(room);
        let networks = self.list_networks(Some(&name)).await?;
        let id = networks
            .into_iter()
            .find(|network| self.is_room(network, preview, room))
            .and_then(|network| network.id)
            .ok_or_else(|| EngineError::Missing(describe(preview, room)))?;
        self.remember_room(preview, room, &id);
        Ok(id)
    }

    async fn list_networks(&self, name: Option<&str>) -> Result<Vec<Network>, EngineError> {
        let options: ListNetworksOptions = match name {
            Some(name) => {
                let filter = HashMap::from([("name", vec![name])]);
                ListNetworksOptionsBuilder::new().filters(&filter).build()
            }
            None => ListNetworksOptions::default(),
        };
        let mut networks = self
            .call("networks", self.api().list_networks(Some(options)))
            .await?;
        // The engine's filter also finds names that merely contain this one.
        if let Some(name) = name {
            networks.retain(|network| network.name.as_deref() == Some(name));
        }
        Ok(networks)
    }

    fn is_room(&self, network: &Network, preview: &PreviewId, room: &Room) -> bool {
        let mark = network.labels.as_ref().and_then(Mark::read);
        mark.is_some_and(|mark| mark.same_object(&self.room_mark(preview, room)))
    }

    fn room_mark(&self, preview: &PreviewId, room: &Room) -> Mark {
        let (kind, revision) = match room {
            Room::Revision(revision) => (Kind::Room, Some(*revision)),
            Room::Data(_) => (Kind::DataRoom, None),
        };
        let generation = match room {
            Room::Revision(_) => None,
            Room::Data(generation) => Some(*generation),
        };
        Mark {
            instance: self.config().instance.clone(),
            preview: preview.clone(),
            revision,
            generation,
            kind,
            name: String::new(),
            spec: String::new(),
            port: None,
        }
    }

    async fn make_network(
        &self,
        spec: &RoomSpec,
        name: &str,
        subnet: Subnet,
    ) -> Result<Attempt, EngineError> {
        let what = describe(&spec.preview, &spec.room);
        let mark = Mark {
            spec: digest(format!("{name} {}", spec.members).as_bytes()),
            ..self.room_mark(&spec.preview, &spec.room)
        };
        let option = |key: &str, value: String| (format!("com.docker.network.{key}"), value);
        let request = NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some("bridge".to_owned()),
            internal: Some(matches!(spec.room, Room::Data(_))),
            attachable: Some(false),
            enable_ipv6: Some(false),
            ipam: Some(Ipam {
                driver: Some("default".to_owned()),
                config: Some(vec![IpamConfig {
                    subnet: Some(subnet.to_string()),
                    ..IpamConfig::default()
                }]),
                options: None,
            }),
            options: Some(HashMap::from([
                option("bridge.name", self.names(&spec.preview).bridge(name)),
                option("bridge.enable_icc", "true".to_owned()),
            ])),
            labels: Some(mark.to_labels()),
            ..NetworkCreateRequest::default()
        };
        let make = self.change(&what, async {
            match self.api().create_network(request).await {
                Ok(made) => Ok(Ok(Attempt::Made(made.id))),
                Err(error) if is_overtaken(&error) => Ok(Ok(Attempt::Overtaken)),
                Err(error) => Ok(Err(classify(&what, error))),
            }
        });
        let (made, ()) = tokio::join!(make, self.keep_firewall());
        made?
    }

    /// Puts the rules back if they are gone; where that cannot be done, `doctor` says so.
    async fn keep_firewall(&self) {
        if self.config().firewall {
            self.ensure_firewall().await;
        }
    }
}

/// The room in words.
fn describe(preview: &PreviewId, room: &Room) -> String {
    match room {
        Room::Revision(revision) => format!("the room of {preview} {revision}"),
        Room::Data(generation) => format!("the data room of {preview} {generation}"),
    }
}

fn taken(networks: &[Network]) -> Vec<Subnet> {
    let configs = networks
        .iter()
        .filter_map(|network| network.ipam.as_ref()?.config.as_ref());
    configs
        .flatten()
        .filter_map(|config| config.subnet.as_deref()?.parse().ok())
        .collect()
}

fn is_overtaken(error: &Error) -> bool {
    let sentence = sentence(error).to_ascii_lowercase();
    ["overlap", "same bridge name", "already exists"]
        .iter()
        .any(|word| sentence.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_words_for_being_late_are_known() {
        for late in [
            "Pool overlaps with other one on this address space",
            "cannot create network 1 (df1): conflicts with network 2 (df2): networks have overlapping IPv4",
            "cannot create network 1 (df1): conflicts with network 2 (df1): networks have same bridge name",
            "network with name x already exists",
        ] {
            let error = Error::DockerResponseServerError {
                status_code: 403,
                message: late.to_owned(),
            };
            assert!(is_overtaken(&error), "{late}");
        }
        assert!(!is_overtaken(&Error::RequestTimeoutError));
    }
}
