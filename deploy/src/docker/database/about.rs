//! Metadata of data in the pool, stored beside the data.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::kind::kind_name;
use crate::{
    blueprint::DatabaseKind,
    databases::{DatabaseError, DatabaseSpec, SeedReport},
    docker::Docker,
    pool::{Place, Pool, PoolError},
};

/// Metadata of one data directory. Every copy includes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct About {
    /// The kind of server that created the data.
    #[serde(rename = "engine")]
    pub(super) kind: DatabaseKind,
    /// Its image.
    pub(super) image: String,
    /// Description of the source of the data, for users.
    pub(super) source: String,
    /// When the data was created, in milliseconds since 1970.
    pub(super) made_at_ms: u64,
    /// The administrator's password, which allows changing the application's.
    admin: String,
    /// The report of the seed.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub(super) report: SeedReport,
}

fn is_empty(report: &SeedReport) -> bool {
    *report == SeedReport::default()
}

impl About {
    /// Metadata for data that is about to be created.
    pub(super) fn new(
        spec: &DatabaseSpec,
        source: String,
        made_at_ms: u64,
        admin: &SecretString,
        report: SeedReport,
    ) -> Self {
        Self {
            kind: spec.kind.clone(),
            image: spec.image.clone(),
            source,
            made_at_ms,
            admin: admin.expose_secret().to_owned(),
            report,
        }
    }

    pub(super) fn admin(&self) -> SecretString {
        SecretString::from(self.admin.clone())
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // A struct of strings and numbers always serializes.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// Refuses a server of another kind than the one that created the data.
    pub(super) fn check(&self, spec: &DatabaseSpec) -> Result<(), DatabaseError> {
        let same = match (&self.kind, &spec.kind) {
            (DatabaseKind::Other { data: a, .. }, DatabaseKind::Other { data: b, .. }) => {
                a == b && self.image == spec.image
            }
            (made_by, wanted) => made_by == wanted,
        };
        if same {
            return Ok(());
        }
        Err(DatabaseError::Version {
            made_by: self.image.clone(),
            image: spec.image.clone(),
            why: format!("it is data of {}", kind_name(&self.kind)),
        })
    }
}

impl Docker {
    /// The pool, or an error if this server has none.
    pub(super) fn pool_of_data(&self) -> Result<&Pool, DatabaseError> {
        let none = || DatabaseError::Pool("this server was started without one".to_owned());
        self.config().pool.as_ref().ok_or_else(none)
    }

    /// Metadata of the data at a place; `None` if there is no data.
    pub(super) async fn about(&self, place: &Place) -> Result<Option<About>, DatabaseError> {
        let Some(bytes) = self.pool_of_data()?.about(place).await? else {
            return Ok(None);
        };
        let about = serde_json::from_slice(&bytes);
        about.map(Some).map_err(|error| {
            DatabaseError::Pool(format!("cannot read the description of {place}: {error}"))
        })
    }
}

impl From<PoolError> for DatabaseError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Full { .. } => Self::Full(error.to_string()),
            PoolError::Missing { place } => Self::NoData(place.to_string()),
            error => Self::Pool(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_earlier_versions_wrote_beside_data_is_read_in_the_same_words() {
        let written = r#"{"engine":"Postgres","image":"postgres:15","source":"db/seed.sql","made_at_ms":1764000000000,"admin":"secret"}"#;
        let about: About = serde_json::from_str(written).unwrap();
        assert_eq!(serde_json::to_string(&about).unwrap(), written);
    }
}
