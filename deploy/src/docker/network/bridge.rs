//! Networks: one for each revision, and one for each generation of a preview's databases.

use std::collections::HashMap;

use bollard::{
    errors::Error,
    models::{self, Ipam, IpamConfig, NetworkCreateRequest, NetworkDisconnectRequest},
    query_parameters::{InspectNetworkOptions, ListNetworksOptions, ListNetworksOptionsBuilder},
};

use super::subnet::{first_free, prefix_for, routed};
use crate::{
    docker::{
        Docker, Subnet,
        error::{classify, sentence, status},
        names::digest,
    },
    engine::{EngineError, Network, NetworkSpec},
    labels::{Kind, Mark},
    names::PreviewId,
};

/// Attempts to choose a subnet if another program takes it meanwhile.
const ALLOCATION_ATTEMPTS: usize = 8;

/// Where the kernel lists the host's IPv4 routes.
const ROUTES: &str = "/proc/net/route";

/// The result of one attempt to create a network.
enum Attempt {
    Made(String),
    /// Another process took this range, or created this network, first.
    Overtaken,
}

impl Docker {
    pub(crate) async fn ensure_bridge(&self, spec: &NetworkSpec) -> Result<(), EngineError> {
        let what = describe(&spec.preview, &spec.network);
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
            let name = self.names(&spec.preview).network(&spec.network);
            let named: Vec<&models::Network> = networks
                .iter()
                .filter(|n| n.name.as_deref() == Some(&name))
                .collect();
            if named
                .iter()
                .any(|listed| !self.is_network(listed, &spec.preview, &spec.network))
            {
                return Err(refused(format!(
                    "a network called {name} exists but is not Dayfly's; remove it"
                )));
            }
            if let Some(id) = named.first().and_then(|listed| listed.id.as_deref()) {
                self.remember_network(&spec.preview, &spec.network, id);
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
                    self.remember_network(&spec.preview, &spec.network, &id);
                    return Ok(());
                }
                Attempt::Overtaken => lost.push(subnet),
            }
        }
        Err(refused(format!(
            "other programs took {ALLOCATION_ATTEMPTS} subnets in a row"
        )))
    }

    pub(crate) async fn remove_bridge(
        &self,
        preview: &PreviewId,
        network: &Network,
    ) -> Result<(), EngineError> {
        self.forget_network(preview, network);
        let name = self.names(preview).network(network);
        for listed in self.list_networks(Some(&name)).await? {
            if let Some(id) = listed.id.as_deref()
                && self.is_network(&listed, preview, network)
            {
                self.remove_bridge_by_id(id, &describe(preview, network))
                    .await?;
            }
        }
        Ok(())
    }

    /// Removes a network after disconnecting its containers.
    pub(crate) async fn remove_bridge_by_id(
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
        let Some(found) = self.find(what, inspect).await? else {
            return Ok(());
        };
        for container in found.containers.unwrap_or_default().into_keys() {
            let request = NetworkDisconnectRequest {
                container,
                force: Some(true),
            };
            self.absent(what, self.api().disconnect_network(id, request))
                .await?;
        }
        self.absent(what, self.api().remove_network(id)).await
    }

    /// The engine's id of the network.
    pub(crate) async fn network_id(
        &self,
        preview: &PreviewId,
        network: &Network,
    ) -> Result<String, EngineError> {
        if let Some(id) = self.remembered_network(preview, network) {
            return Ok(id);
        }
        let name = self.names(preview).network(network);
        let networks = self.list_networks(Some(&name)).await?;
        let id = networks
            .into_iter()
            .find(|listed| self.is_network(listed, preview, network))
            .and_then(|listed| listed.id)
            .ok_or_else(|| EngineError::Missing(describe(preview, network)))?;
        self.remember_network(preview, network, &id);
        Ok(id)
    }

    async fn list_networks(&self, name: Option<&str>) -> Result<Vec<models::Network>, EngineError> {
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
            networks.retain(|listed| listed.name.as_deref() == Some(name));
        }
        Ok(networks)
    }

    fn is_network(&self, listed: &models::Network, preview: &PreviewId, network: &Network) -> bool {
        let mark = listed.labels.as_ref().and_then(Mark::read);
        mark.is_some_and(|mark| mark.same_object(&self.network_mark(preview, network)))
    }

    fn network_mark(&self, preview: &PreviewId, network: &Network) -> Mark {
        let (kind, revision) = match network {
            Network::Revision(revision) => (Kind::Network, Some(*revision)),
            Network::Data(_) => (Kind::DataNetwork, None),
        };
        let generation = match network {
            Network::Revision(_) => None,
            Network::Data(generation) => Some(*generation),
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
        spec: &NetworkSpec,
        name: &str,
        subnet: Subnet,
    ) -> Result<Attempt, EngineError> {
        let what = describe(&spec.preview, &spec.network);
        let mark = Mark {
            spec: digest(format!("{name} {}", spec.members).as_bytes()),
            ..self.network_mark(&spec.preview, &spec.network)
        };
        let option = |key: &str, value: String| (format!("com.docker.network.{key}"), value);
        let request = NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some("bridge".to_owned()),
            internal: Some(matches!(spec.network, Network::Data(_))),
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

    /// Restores missing firewall rules; if that is impossible, `doctor` reports it.
    async fn keep_firewall(&self) {
        if self.config().firewall {
            self.ensure_firewall().await;
        }
    }
}

/// The description of a network, for messages.
fn describe(preview: &PreviewId, network: &Network) -> String {
    match network {
        Network::Revision(revision) => format!("the network of {preview} {revision}"),
        Network::Data(generation) => format!("the data network of {preview} {generation}"),
    }
}

fn taken(networks: &[models::Network]) -> Vec<Subnet> {
    let configs = networks
        .iter()
        .filter_map(|listed| listed.ipam.as_ref()?.config.as_ref());
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
