//! The key of a seed's snapshot: a digest of all inputs of its data.

use sha2::{Digest as _, Sha256};

use super::kind::unread;
use crate::{
    databases::{DatabaseError, DatabaseSpec, Seed},
    names::{ImageId, SnapshotId},
};

/// Version of the seed process; a change recreates all snapshots.
const RECIPE: &str = "4";

/// The digest of all inputs of the data.
pub(super) async fn snapshot_key(
    spec: &DatabaseSpec,
    image: &ImageId,
    seed: &Seed,
) -> Result<SnapshotId, DatabaseError> {
    let mut digest = Sha256::new();
    let mut add = |bytes: &[u8]| {
        digest.update((bytes.len() as u64).to_be_bytes());
        digest.update(bytes);
    };
    add(RECIPE.as_bytes());
    add(image.as_str().as_bytes());
    add(&serde_json::to_vec(&spec.kind).unwrap_or_default());
    match seed {
        Seed::Sql(seed) => add(seed.folder.as_bytes()),
        Seed::Run {
            spec: run, scope, ..
        } => {
            // Separates commands in the same image with other variables.
            add(scope.as_bytes());
            add(run.image.as_str().as_bytes());
            add(&serde_json::to_vec(&run.command).unwrap_or_default());
            add(spec.key.name.as_str().as_bytes());
        }
        _ => {}
    }
    for file in seed.all_files() {
        add(file.path.as_bytes());
        let content = file.content.digest().await;
        add(&content.map_err(|error| unread(seed, &error))?);
    }
    let id = hex::encode(digest.finalize());
    SnapshotId::parse(&id).map_err(|error| DatabaseError::Pool(error.to_string()))
}
