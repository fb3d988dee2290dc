//! Finds the preview that a request is about.

use deploy::names::PreviewId;

use super::refused::Refused;
use crate::{store::PreviewRow, worker::Ports};

/// The preview with this id.
///
/// # Errors
/// If there is none. An invalid id gets the same sentence as an unknown one.
pub async fn find(ports: &Ports, text: &str) -> Result<PreviewRow, Refused> {
    let unknown = || {
        let shown: String = text.chars().take(80).collect();
        Refused::not_found(format!(
            "there is no preview {shown:?}; `dayfly ls` shows all"
        ))
    };
    let id = PreviewId::parse(text).map_err(|_| unknown())?;
    ports.store.preview(&id).await?.ok_or_else(unknown)
}

/// The newest state of a preview that was found before.
///
/// # Errors
/// If it no longer exists.
pub async fn again(ports: &Ports, id: &PreviewId) -> Result<PreviewRow, Refused> {
    let row = ports.store.preview(id).await?;
    row.ok_or_else(|| Refused::not_found(format!("preview {id} no longer exists")))
}
