//! Writes down which databases a revision runs on.

use std::collections::BTreeSet;

use deploy::names::{DatabaseName, Generation, RevisionNumber};

use super::context::{Effect, StepContext, StepError};
use crate::{lifecycle::DataSource, store::DataAssignment};

/// A revision that runs on the data of another one as they are has no migrations to run on them.
pub(super) async fn assign(
    context: &StepContext<'_>,
    number: RevisionNumber,
    generation: Generation,
    from: &DataSource,
    reseed: &BTreeSet<DatabaseName>,
) -> Result<Effect, StepError> {
    let databases = context.revision(number)?.databases();
    let same = *from == DataSource::Generation(generation);
    let migrated = databases
        .map(|database| database.name.clone())
        .filter(|name| same && !reseed.contains(name))
        .collect();
    let assignment = DataAssignment {
        revision: number,
        generation,
        from: from.clone(),
        reseed: reseed.clone(),
        migrated,
    };
    context
        .ports
        .store
        .assign_data(context.preview, assignment)
        .await?;
    Ok(Effect::Done)
}
