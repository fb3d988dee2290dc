//! Steps that remove containers, images and networks, and confirm that nothing is left.

use std::time::Duration;

use deploy::{
    engine::{Network, Stray},
    names::{ImageId, RevisionNumber, ServiceName},
};

use super::context::{Effect, StepContext, StepError};
use crate::{clock::wall_ms, logs::service};

/// How long an effect that is in progress gets to appear before the next check.
const SETTLE: Duration = Duration::from_millis(100);

/// Keeps a service's last lines, then removes its container.
pub(super) async fn service(
    context: &StepContext<'_>,
    number: RevisionNumber,
    name: &ServiceName,
) -> Result<Effect, StepError> {
    let key = context.service_key(number, name);
    service::keep_log(&*context.ports.engine, &context.ports.settings.logs, &key).await;
    context.ports.engine.remove_service(&key).await?;
    Ok(Effect::Done)
}

pub(super) async fn image(context: &StepContext<'_>, image: &ImageId) -> Result<Effect, StepError> {
    context
        .ports
        .builder
        .remove(context.preview, image)
        .await
        .map_err(StepError::transient)?;
    Ok(Effect::Done)
}

pub(super) async fn stray(context: &StepContext<'_>, stray: &Stray) -> Result<Effect, StepError> {
    context.ports.engine.remove_stray(stray).await?;
    Ok(Effect::Done)
}

pub(super) async fn network(
    context: &StepContext<'_>,
    network: &Network,
) -> Result<Effect, StepError> {
    context
        .ports
        .engine
        .remove_network(context.preview, network)
        .await?;
    Ok(Effect::Done)
}

/// Waits a moment, then checks the engine; the worker counts the checks that find nothing.
pub(super) async fn confirm_empty(context: &StepContext<'_>) -> Result<Effect, StepError> {
    context.ports.builder.ended(context.preview).await;
    tokio::time::sleep(SETTLE).await;
    let seen = context.ports.engine.observe(Some(context.preview)).await?;
    if seen.is_empty() {
        Ok(Effect::Done)
    } else {
        Err(StepError::transient(
            "an object of the preview appeared again",
        ))
    }
}

/// Ends the preview's life. Its sessions end first, so that none opens the next life.
pub(super) async fn confirm_gone(context: &StepContext<'_>) -> Result<Effect, StepError> {
    let forgotten = context.ports.sources.forget(&context.state.row).await;
    forgotten.map_err(|error| super::source::step_error(context, error))?;
    let store = &context.ports.store;
    store.end_sessions(context.preview).await?;
    let admitted = context.ports.routes.admit(context.preview, store).await;
    admitted.map_err(StepError::transient)?;
    store.confirm_gone(context.preview, wall_ms()).await?;
    context.ports.admission.leave(context.preview);
    Ok(Effect::Done)
}
