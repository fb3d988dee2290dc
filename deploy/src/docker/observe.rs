//! Observes all objects of this instance.
//!
//! Labels find objects, names decide: a container that a user started by hand from one of our
//! images has our labels but is not ours.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc};

use bollard::{
    models::{self, ContainerSummary, ContainerSummaryStateEnum, ImageSummary, Volume},
    query_parameters::{
        ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder,
        ListVolumesOptionsBuilder,
    },
};
use futures_util::future::try_join_all;

use super::{
    Docker,
    database::is_import,
    names::{image_of, leads_to},
};
use crate::{
    engine::{
        ContainerState, DatabaseState, EngineError, ImageState, Network, Observation, ServiceKey,
        ServiceState, Stray, StrayKind,
    },
    labels::{self, Kind, Mark},
    names::{DatabaseKey, DatabaseName, ImageId, PreviewId, ServiceName},
};

/// A container of ours, with its labels read.
pub(super) struct Ours {
    id: String,
    mark: Mark,
    summary: ContainerSummary,
}

impl Docker {
    pub(super) async fn observe_all(
        &self,
        preview: Option<&PreviewId>,
    ) -> Result<Observation, EngineError> {
        let more = preview.map(|preview| (labels::PREVIEW, preview.as_str()));
        let filter = self.filter(more.as_slice());
        let containers = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&filter)
            .build();
        let networks = ListNetworksOptionsBuilder::new().filters(&filter).build();
        let volumes = ListVolumesOptionsBuilder::new().filters(&filter).build();
        let (containers, networks, volumes) = tokio::try_join!(
            self.call("containers", self.api().list_containers(Some(containers))),
            self.call("networks", self.api().list_networks(Some(networks))),
            self.call("volumes", self.api().list_volumes(Some(volumes))),
        )?;
        let ours = containers.into_iter().filter_map(|c| self.own(c));
        // Containers of imports belong to no preview.
        let ours: Vec<Ours> = ours.filter(|ours| !is_import(&ours.mark.preview)).collect();
        let states = try_join_all(ours.iter().map(|ours| self.state(ours))).await?;
        let mut seen = Observation::default();
        for (ours, state) in ours.iter().zip(states) {
            if let Some(state) = state {
                self.add_container(&mut seen, ours, state);
            }
        }
        self.add_networks(&mut seen, networks);
        self.add_volumes(&mut seen, volumes.volumes.unwrap_or_default());
        seen.data = self.data_in_pool(preview).await?;
        // Where nothing else is left, a preview may be declared gone, and an image forgotten.
        let images = match preview.is_some() && !seen.is_empty() {
            true => self.image_list().get(self.list_images()).await?,
            false => self.list_images().await?,
        };
        let wanted = |image: &&ImageState| preview.is_none_or(|wanted| image.preview == *wanted);
        seen.images = images.iter().filter(wanted).cloned().collect();
        Ok(seen)
    }

    pub(super) async fn remove_any(&self, stray: &Stray) -> Result<(), EngineError> {
        match stray.kind {
            StrayKind::Container => self.clear(&stray.id).await,
            StrayKind::Volume => self.remove_volume(&stray.id).await,
            StrayKind::Network => {
                let what = format!("a stray network of {}", stray.preview);
                self.remove_bridge_by_id(&stray.id, &what).await
            }
        }
    }

    /// The mark from labels, if they are of this instance and match one of the names.
    fn vouch<'a>(
        &self,
        labels: &std::collections::HashMap<String, String>,
        mut names: impl Iterator<Item = &'a str>,
    ) -> Option<Mark> {
        let mark = Mark::read(labels)?;
        let ours =
            mark.instance == self.config().instance && names.any(|name| leads_to(&mark, name));
        ours.then_some(mark)
    }

    /// The container, if it is ours.
    pub(super) fn own(&self, summary: ContainerSummary) -> Option<Ours> {
        let names = summary
            .names
            .iter()
            .flatten()
            .map(|name| name.trim_start_matches('/'));
        let mark = self.vouch(summary.labels.as_ref()?, names)?;
        Some(Ours {
            id: summary.id.clone()?,
            mark,
            summary,
        })
    }

    /// The state of the container; `None` if it was removed meanwhile.
    async fn state(&self, ours: &Ours) -> Result<Option<ContainerState>, EngineError> {
        Ok(match ours.summary.state {
            Some(ContainerSummaryStateEnum::CREATED) => Some(ContainerState::Created),
            Some(
                ContainerSummaryStateEnum::RUNNING
                | ContainerSummaryStateEnum::PAUSED
                | ContainerSummaryStateEnum::RESTARTING
                | ContainerSummaryStateEnum::STOPPING,
            ) => Some(ContainerState::Running),
            // Listings do not contain the exit code.
            _ => self.inspect(&ours.id).await?.map(|there| {
                let state = there.state.unwrap_or_default();
                ContainerState::Exited {
                    exit_code: state.exit_code.unwrap_or_default(),
                    out_of_memory: state.oom_killed.unwrap_or_default(),
                }
            }),
        })
    }

    fn add_container(&self, seen: &mut Observation, ours: &Ours, state: ContainerState) {
        let mark = &ours.mark;
        let preview = mark.preview.clone();
        match mark.kind {
            Kind::Service => {
                if let Some(service) = self.service_state(ours, state) {
                    seen.services.push(service);
                    return;
                }
            }
            Kind::Database => {
                if let (Ok(name), Some(generation)) =
                    (DatabaseName::parse(&mark.name), mark.generation)
                {
                    let key = DatabaseKey {
                        preview,
                        generation,
                        name,
                    };
                    seen.databases.push(DatabaseState { key, state });
                    return;
                }
            }
            _ => {}
        }
        seen.strays
            .push(stray(mark, StrayKind::Container, ours.id.clone()));
    }

    fn service_state(&self, ours: &Ours, state: ContainerState) -> Option<ServiceState> {
        let mark = &ours.mark;
        let key = ServiceKey {
            preview: mark.preview.clone(),
            revision: mark.revision?,
            service: ServiceName::parse(&mark.name).ok()?,
        };
        let own = self
            .names(&key.preview)
            .network(&Network::Revision(key.revision));
        let networks = ours
            .summary
            .network_settings
            .as_ref()
            .and_then(|s| s.networks.as_ref());
        let ip = networks
            .and_then(|networks| networks.get(&own)?.ip_address.as_deref()?.parse().ok())
            .filter(|_| state == ContainerState::Running);
        Some(ServiceState {
            key,
            state,
            address: ip
                .zip(mark.port)
                .map(|(ip, port)| SocketAddr::new(ip, port)),
            image: ImageId::parse(ours.summary.image_id.as_deref()?).ok()?,
        })
    }

    /// Dayfly never creates two networks with one name, but other programs can.
    fn add_networks(&self, seen: &mut Observation, listed: Vec<models::Network>) {
        let mut networks = BTreeSet::new();
        for listed in listed {
            let labels = listed.labels.unwrap_or_default();
            let Some(mark) = self.vouch(&labels, listed.name.as_deref().into_iter()) else {
                continue;
            };
            let network = match (mark.revision, mark.generation) {
                (Some(revision), _) => Some(Network::Revision(revision)),
                (None, Some(generation)) => Some(Network::Data(generation)),
                // An old network from before databases had generations.
                (None, None) => None,
            };
            if network.is_some_and(|network| networks.insert((mark.preview.clone(), network))) {
                continue;
            }
            seen.strays
                .extend(listed.id.map(|id| stray(&mark, StrayKind::Network, id)));
        }
        seen.networks.extend(networks);
    }

    /// A volume is a stray only if its container is gone.
    fn add_volumes(&self, seen: &mut Observation, volumes: Vec<Volume>) {
        for volume in volumes {
            let name = std::iter::once(volume.name.as_str());
            let Some(mark) = self.vouch(&volume.labels, name) else {
                continue;
            };
            let has_owner = match mark.revision {
                Some(revision) => seen.services.iter().any(|service| {
                    service.key.preview == mark.preview
                        && service.key.revision == revision
                        && service.key.service.as_str() == mark.name
                }),
                None => seen.databases.iter().any(|database| {
                    database.key.preview == mark.preview
                        && Some(database.key.generation) == mark.generation
                        && database.key.name.as_str() == mark.name
                }),
            };
            if !has_owner {
                seen.strays
                    .push(stray(&mark, StrayKind::Volume, volume.name));
            }
        }
    }

    /// The images of this instance: one state for each preview that uses an image.
    async fn list_images(&self) -> Result<Arc<[ImageState]>, EngineError> {
        // An image's names tell its owners; its labels only tell the preview it was built for.
        let built = self.filter(&[(labels::KIND, Kind::Image.as_str())]);
        let options = ListImagesOptionsBuilder::new().filters(&built).build();
        let images = self
            .call("images", self.api().list_images(Some(options)))
            .await?;
        let states = images.iter().flat_map(|image| self.image_states(image));
        Ok(states.collect())
    }

    fn image_states(&self, summary: &ImageSummary) -> Vec<ImageState> {
        let instance = &self.config().instance;
        let ours = Mark::read(&summary.labels).is_some_and(|mark| mark.instance == *instance);
        let (Ok(image), true) = (ImageId::parse(&summary.id), ours) else {
            return Vec::new();
        };
        let names = summary.repo_tags.iter();
        let whose = names.filter_map(|name| image_of(instance, name));
        whose
            .map(|(preview, revision, service)| ImageState {
                image: image.clone(),
                preview,
                revision,
                service,
            })
            .collect()
    }
}

fn stray(mark: &Mark, kind: StrayKind, id: String) -> Stray {
    Stray {
        preview: mark.preview.clone(),
        kind,
        id,
        revision: mark.revision,
        database: mark.generation.zip(DatabaseName::parse(&mark.name).ok()),
    }
}
