//! Writes down which databases a revision runs on.

use std::collections::BTreeSet;

use deploy::names::{DatabaseName, Generation, RevisionNumber};

use super::{Effect, Scene, Trouble};
use crate::{lifecycle::DataSource, store::Binding};

/// A revision that runs on the data of another one as they are has no migrations to run on them.
pub(super) async fn bind(
    scene: &Scene<'_>,
    number: RevisionNumber,
    generation: Generation,
    from: &DataSource,
    fresh: &BTreeSet<DatabaseName>,
) -> Result<Effect, Trouble> {
    let databases = scene.revision(number)?.databases();
    let same = *from == DataSource::Generation(generation);
    let migrated = databases
        .map(|database| database.name.clone())
        .filter(|name| same && !fresh.contains(name))
        .collect();
    let binding = Binding {
        revision: number,
        generation,
        from: from.clone(),
        fresh: fresh.clone(),
        migrated,
    };
    scene.ports.store.bind_data(scene.preview, binding).await?;
    Ok(Effect::Done)
}
