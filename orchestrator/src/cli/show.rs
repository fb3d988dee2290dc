//! `dayfly show`.

use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use deploy::{builder::DiskUse, names::PreviewId};
use jiff::Timestamp;

use super::{
    call::{Caller, path},
    render,
};
use crate::{api::EventView, preview::seeds::Seeds};

/// Time limit for reading the disk use of a preview.
const DISK_WAIT: Duration = Duration::from_secs(3);

#[derive(Debug, Args)]
pub(super) struct Show {
    /// ID of the preview, as `dayfly ls` prints it
    id: PreviewId,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(super) async fn run(self, caller: &Caller) -> anyhow::Result<()> {
        let doing = || format!("failed to show {}", self.id);
        let preview = caller.preview(&self.id).await.with_context(doing)?;
        if self.json {
            caller.output.json(&preview)?;
            return Ok(());
        }
        let events = format!("{}/events", path(&self.id));
        let events: Vec<EventView> = caller.client.get(&events).await.with_context(doing)?;
        let disk = format!("{}/disk", path(&self.id));
        // A busy engine counts slowly; after the limit the page shows no disk use.
        let disk = tokio::time::timeout(DISK_WAIT, caller.client.get::<DiskUse>(&disk)).await;
        let disk = disk.ok().and_then(Result::ok).unwrap_or_default();
        let seeds = format!("{}/seeds", path(&self.id));
        let seeds = caller
            .client
            .get::<Seeds>(&seeds)
            .await
            .with_context(doing)?;
        let beside = (disk, &seeds);
        let page = render::page(&preview, &events, beside, Timestamp::now(), caller.output);
        caller.output.line(&page)?;
        Ok(())
    }
}
