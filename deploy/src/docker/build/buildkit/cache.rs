//! The builder's cache: lists its records and removes single ones.

use std::path::Path;

use bollard_buildkit_proto::moby::buildkit::v1::{DiskUsageRequest, PruneRequest, UsageRecord};
use tokio_util::sync::CancellationToken;

use super::solve::{Fault, control, fault};

/// All records of the cache, including those of other programs.
pub(crate) async fn records(socket: &Path) -> Result<Vec<UsageRecord>, Fault> {
    let cut = CancellationToken::new();
    let _end = cut.clone().drop_guard();
    let mut control = control(socket, cut).await?;
    let asked = control.disk_usage(DiskUsageRequest::default()).await;
    Ok(asked.map_err(fault)?.into_inner().record)
}

/// Removes exactly this record. A record in use stays.
pub(crate) async fn remove(socket: &Path, id: &str) -> Result<(), Fault> {
    // The filter has a syntax of its own; a valid id has only letters and digits.
    if !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(());
    }
    let cut = CancellationToken::new();
    let _end = cut.clone().drop_guard();
    let mut control = control(socket, cut).await?;
    let request = PruneRequest {
        filter: vec![format!("id=={id}")],
        ..PruneRequest::default()
    };
    let mut removed = control.prune(request).await.map_err(fault)?.into_inner();
    while removed.message().await.map_err(fault)?.is_some() {}
    Ok(())
}
