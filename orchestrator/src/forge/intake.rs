//! Deliveries on their way to the store, and the wake-up that follows.

use async_trait::async_trait;
use webhook::intake::{Accepted, Delivery, Intake, IntakeError};

use crate::{clock::wall_ms, worker::Workers};

/// Keeps deliveries in the store and wakes whom they are about.
pub struct StoreIntake {
    /// Whose workers are woken.
    pub workers: Workers,
}

#[async_trait]
impl Intake for StoreIntake {
    async fn accept(&self, delivery: Delivery) -> Result<Accepted, IntakeError> {
        let guid = delivery.guid.clone();
        let store = &self.workers.ports().store;
        let (accepted, woken) = store
            .accept_delivery(delivery, wall_ms())
            .await
            .map_err(|error| IntakeError(error.to_string()))?;
        tracing::info!(%guid, ?accepted, previews = woken.len(), "delivery recorded");
        for preview in woken {
            self.workers.wake(&preview);
        }
        Ok(accepted)
    }
}
