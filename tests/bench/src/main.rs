//! Measures Dayfly beside the plain commands that it replaces.

use std::{io::Write as _, path::PathBuf};

use anyhow::Context as _;
use bench::{self, Options};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse(std::env::args().skip(1))?;
    let mut out = std::io::stdout();
    if cfg!(debug_assertions) {
        writeln!(
            out,
            "this is a debug build, and its figures mean little: make bench"
        )?;
    }
    let rows = bench::run(&options).await?;
    writeln!(out, "\n{}", bench::table(&rows))?;
    let file = target()?.join("bench.json");
    std::fs::write(&file, serde_json::to_string_pretty(&rows)? + "\n")?;
    writeln!(out, "\nwritten to {}", file.display())?;
    Ok(())
}

/// The directory that this program was built into.
fn target() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program
        .ancestors()
        .nth(2)
        .context("this program is in no target directory")?;
    Ok(target.to_owned())
}
