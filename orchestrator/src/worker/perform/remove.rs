//! Steps that take away.

use std::time::Duration;

use deploy::{
    engine::{Room, ServiceKey, Stray},
    names::{ImageId, RevisionNumber, ServiceName},
};

use super::{Effect, Scene, Trouble};
use crate::{servicelog, worker::clock::wall_ms};

/// How long an effect that was under way gets to appear before the next look.
const SETTLE: Duration = Duration::from_millis(100);
/// The same once the first looks found nothing and there is reason to look on.
const SETTLE_LONGER: Duration = Duration::from_millis(500);
const QUICK_LOOKS: u32 = 2;

/// Keeps a service's last lines, then removes its container.
pub(super) async fn service(
    scene: &Scene<'_>,
    number: RevisionNumber,
    name: &ServiceName,
) -> Result<Effect, Trouble> {
    let key = ServiceKey {
        preview: scene.preview.clone(),
        revision: number,
        service: name.clone(),
    };
    servicelog::keep(&*scene.ports.engine, &scene.ports.settings.logs, &key).await;
    scene.ports.engine.remove_service(&key).await?;
    Ok(Effect::Done)
}

pub(super) async fn image(scene: &Scene<'_>, image: &ImageId) -> Result<Effect, Trouble> {
    scene
        .ports
        .builder
        .remove(scene.preview, image)
        .await
        .map_err(Trouble::again)?;
    Ok(Effect::Done)
}

pub(super) async fn stray(scene: &Scene<'_>, stray: &Stray) -> Result<Effect, Trouble> {
    scene.ports.engine.remove_stray(stray).await?;
    Ok(Effect::Done)
}

pub(super) async fn room(scene: &Scene<'_>, room: &Room) -> Result<Effect, Trouble> {
    scene.ports.engine.remove_room(scene.preview, room).await?;
    Ok(Effect::Done)
}

/// Waits a moment and looks; the worker counts the look when it found nothing.
pub(super) async fn look_again(scene: &Scene<'_>, seen: u32) -> Result<Effect, Trouble> {
    let settle = if seen < QUICK_LOOKS {
        SETTLE
    } else {
        SETTLE_LONGER
    };
    tokio::time::sleep(settle).await;
    let seen = scene.ports.engine.observe(Some(scene.preview)).await?;
    if seen.is_empty() {
        Ok(Effect::Done)
    } else {
        Err(Trouble::again("something of it appeared once more"))
    }
}

pub(super) async fn confirm_gone(scene: &Scene<'_>) -> Result<Effect, Trouble> {
    let forgotten = scene.ports.sources.forget(&scene.snapshot.row).await;
    forgotten.map_err(super::source::trouble)?;
    scene
        .ports
        .store
        .confirm_gone(scene.preview, wall_ms())
        .await?;
    Ok(Effect::Done)
}
