//! Kills the control plane at random under load, and counts what was lost.

use std::io::Write as _;

use tests::chaos::{self, Options};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse(std::env::args().skip(1))?;
    let mut out = std::io::stdout();
    writeln!(
        out,
        "killing the control plane {} times under load (--seed {})",
        options.kills, options.seed
    )?;
    let report = chaos::run(&options).await?;
    writeln!(out, "{report}")?;
    report.verdict()
}
