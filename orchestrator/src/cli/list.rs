//! `dayfly ls`.

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;

use super::{call::Caller, render};
use crate::api::Phase;

#[derive(Debug, Args)]
pub(super) struct List {
    /// Include previews that are gone
    #[arg(long, short)]
    all: bool,
    /// Print JSON, for programs; always includes all previews
    #[arg(long)]
    json: bool,
}

impl List {
    pub(super) async fn run(self, caller: &Caller) -> anyhow::Result<()> {
        let mut previews = caller.previews().await.context("failed to list previews")?;
        if self.json {
            caller.output.json(&previews)?;
            return Ok(());
        }
        let known = previews.len();
        if !self.all {
            previews.retain(|preview| preview.phase != Phase::Gone);
        }
        if previews.is_empty() {
            let more = match known {
                0 => "there are no previews; create one with `dayfly up`".to_owned(),
                gone => {
                    format!("there are no previews; `dayfly ls --all` shows {gone} that are gone")
                }
            };
            caller.output.line(&more)?;
            return Ok(());
        }
        caller
            .output
            .line(&render::table(&previews, Timestamp::now(), caller.output))?;
        Ok(())
    }
}
