//! `dayfly proxy`: started by the server, in a process of its own.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Context as _;
use clap::Args;

#[derive(Debug, Args)]
pub(super) struct Proxy {
    /// Directory that the proxy shares with the server
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Address for visitors
    #[arg(long, value_name = "ADDRESS", required = true)]
    listen: Vec<SocketAddr>,
    /// User and group to switch to
    #[arg(long, value_name = "UID:GID", value_parser = user_and_group)]
    run_as: Option<(u32, u32)>,
    /// Scheme of the URLs that visitors open: `http` or `https`
    #[arg(long, value_name = "SCHEME", default_value = "http")]
    public_scheme: String,
}

impl Proxy {
    pub(super) fn run(self) -> anyhow::Result<()> {
        crate::serve::proxy_process::child(self.dir, self.listen, self.run_as, self.public_scheme)
            .context("failed to run the proxy")
    }
}

fn user_and_group(text: &str) -> Result<(u32, u32), String> {
    let numbers = text
        .split_once(':')
        .and_then(|(user, group)| Some((user.parse().ok()?, group.parse().ok()?)));
    numbers.ok_or_else(|| "expected two numbers with a colon between them".to_owned())
}
