//! What an observation of the engine says about a preview.

use deploy::engine::Observation;

use super::observed::{Observed, ServiceView};

impl Observed {
    /// Takes over the preview's objects from an observation of the engine.
    pub fn see(&mut self, seen: &Observation) {
        let networks = seen.networks.iter();
        self.networks = networks.map(|(_, network)| network.clone()).collect();
        let services = seen.services.iter().map(|service| {
            let view = ServiceView {
                state: service.state.clone(),
                address: service.address,
            };
            ((service.key.revision, service.key.service.clone()), view)
        });
        self.services = services.collect();
        let databases = seen.databases.iter().map(|database| {
            let key = (database.key.generation, database.key.name.clone());
            (key, database.state.clone())
        });
        self.databases = databases.collect();
        let data = seen.data.iter();
        self.data = data.map(|key| (key.generation, key.name.clone())).collect();
        let images = seen.images.iter();
        self.images = images
            .map(|image| (image.image.clone(), image.revision))
            .collect();
        self.strays = seen.strays.iter().cloned().collect();
    }
}
