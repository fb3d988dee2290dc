//! `dayfly show`.

use anyhow::Context as _;
use clap::Args;
use deploy::{builder::DiskUse, names::PreviewId};
use jiff::Timestamp;

use super::{
    call::{Caller, path},
    render,
};
use crate::api::EventView;

#[derive(Debug, Args)]
pub(super) struct Show {
    /// The preview
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
        let disk: DiskUse = caller.client.get(&disk).await.with_context(doing)?;
        let page = render::page(&preview, &events, disk, Timestamp::now(), caller.output);
        caller.output.line(&page)?;
        Ok(())
    }
}
