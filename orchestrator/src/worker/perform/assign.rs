//! Stores which databases a revision runs on.

use std::collections::BTreeSet;

use deploy::names::{DatabaseName, Generation, RevisionNumber};

use super::context::{Effect, StepContext, StepError};
use crate::{lifecycle::DataSource, store::DataAssignment};

/// Stores the assignment. A revision that shares the unchanged data of another one has no
/// migrations to run on it.
pub(super) async fn assign(
    context: &StepContext<'_>,
    number: RevisionNumber,
    generation: Generation,
    from: &DataSource,
    reseed: &BTreeSet<DatabaseName>,
) -> Result<Effect, StepError> {
    let revision = context.revision(number)?;
    let assignment = DataAssignment {
        revision: number,
        generation,
        from: from.clone(),
        reseed: reseed.clone(),
        migrated: revision.migrated_on(generation, from, reseed),
    };
    context
        .ports
        .store
        .assign_data(context.preview, assignment)
        .await?;
    Ok(Effect::Done)
}
