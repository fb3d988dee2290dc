//! Kills the control plane at random under load, and counts what was lost.

use std::io::Write as _;

use chaos::{self, Options};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse(std::env::args().skip(1))?;
    let mut out = std::io::stdout();
    if let Some(cycles) = options.data_cycles {
        writeln!(out, "{cycles} cycles of copies (--seed {})", options.seed)?;
        let report = chaos::run_data(cycles, &options).await?;
        writeln!(out, "{report}")?;
        return Ok(());
    }
    if let Some(copies) = options.data_copies {
        writeln!(out, "{copies} copies of what is written to all the time")?;
        let report = chaos::run_copies(copies).await?;
        writeln!(out, "{report}")?;
        return Ok(());
    }
    if let Some(rounds) = options.backup_rounds {
        writeln!(
            out,
            "{rounds} backups, each restored (--seed {})",
            options.seed
        )?;
        let report = chaos::run_backups(rounds, &options).await?;
        writeln!(out, "{report}")?;
        return Ok(());
    }
    writeln!(
        out,
        "killing the control plane {} times under load (--seed {})",
        options.kills, options.seed
    )?;
    let report = chaos::run(&options).await?;
    writeln!(out, "{report}")?;
    report.verdict()
}
