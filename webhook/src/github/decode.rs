//! Decodes the body of a successful answer.

use serde::de::DeserializeOwned;

use super::{answer::Answer, ask::Ask, failure};
use crate::forge::ForgeError;

/// Decodes the body of a successful answer.
pub(super) fn decode<T: DeserializeOwned>(ask: &Ask, answer: &Answer) -> Result<T, ForgeError> {
    serde_json::from_slice(&answer.body).map_err(|error| {
        if error.is_data() {
            failure::unexpected(ask, &error)
        } else {
            failure::not_json(ask, answer)
        }
    })
}
