//! `dayfly serve`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The server's configuration file
    #[arg(long, value_name = "FILE", required_unless_present = "local")]
    config: Option<PathBuf>,
    /// Serve only local checkouts, with default settings; `dayfly up` starts such a server
    #[arg(long)]
    local: bool,
}

impl Serve {
    pub(super) async fn run(self, data: Option<PathBuf>) -> anyhow::Result<()> {
        crate::serve::run(crate::serve::Options {
            config: self.config,
            data,
            local: self.local,
        })
        .await
    }
}
