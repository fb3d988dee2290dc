//! The words for objects of the simulated host.

use crate::{
    engine::{Network, ServiceKey},
    names::{DatabaseKey, PreviewId},
};

pub(super) fn service(key: &ServiceKey) -> String {
    format!("service {}/{}/{}", key.preview, key.revision, key.service)
}

pub(super) fn network(preview: &PreviewId, network: &Network) -> String {
    match network {
        Network::Revision(number) => format!("network {preview}/{number}"),
        Network::Data(generation) => format!("network {preview}/data-{generation}"),
    }
}

pub(super) fn database(key: &DatabaseKey) -> String {
    format!("database {}/{}/{}", key.preview, key.generation, key.name)
}
