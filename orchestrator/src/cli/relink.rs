//! `dayfly relink`.

use anyhow::Context as _;
use clap::Args;
use deploy::names::PreviewId;

use super::call::{Caller, path};
use crate::{actions::RelinkRequest, api::PreviewView};

#[derive(Debug, Args)]
pub(super) struct Relink {
    /// ID of the preview, as `dayfly ls` prints it
    id: PreviewId,
    /// Hours until the new link expires [default: it lasts as long as the preview]
    #[arg(long, value_name = "HOURS")]
    hours: Option<u64>,
}

impl Relink {
    pub(super) async fn run(self, caller: &Caller) -> anyhow::Result<()> {
        let id = &self.id;
        let asked = format!("{}/relink", path(id));
        let body = RelinkRequest { hours: self.hours };
        let preview: PreviewView = caller
            .client
            .post(&asked, &body)
            .await
            .with_context(|| format!("failed to replace the link of {id}"))?;
        let line = format!("the old link of {id} is revoked; the new link is");
        caller.output.line(&line)?;
        caller.output.line(preview.url.as_deref().unwrap_or("-"))?;
        Ok(())
    }
}
