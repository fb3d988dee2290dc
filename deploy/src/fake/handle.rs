//! A handle of the simulated host.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::world::World;
use crate::names::Instance;

/// One Dayfly's access to a simulated host. Clones share the host.
#[derive(Clone, Debug)]
pub struct FakeEngine {
    world: Arc<Mutex<World>>,
    pub(super) instance: Instance,
}

impl FakeEngine {
    /// An empty host, with realistic durations.
    pub fn new(instance: &Instance) -> Self {
        Self {
            world: Arc::new(Mutex::new(World::new())),
            instance: instance.clone(),
        }
    }

    /// The same host as another Dayfly sees it.
    pub fn as_instance(&self, instance: &Instance) -> Self {
        Self {
            world: self.world.clone(),
            instance: instance.clone(),
        }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
