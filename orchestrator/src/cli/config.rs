//! `dayfly config check`: what a checkout would create, and why.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use deploy::{
    blueprint::{self, Blueprint, BlueprintError},
    source::{Summary, open_checkout},
};
use serde::Serialize;

use super::{output::Output, render_blueprint, upload};
use crate::text;

#[derive(Debug, Args)]
pub(super) struct Config {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print the services and databases that a folder would create, and the reason for each default
    #[command(
        after_help = "Exit status: 0 if Dayfly accepts the files, 1 if not.\n\nExample:\n  dayfly config check ~/src/shop"
    )]
    Check(Check),
}

#[derive(Debug, Args)]
struct Check {
    /// Folder of the checkout [default: the working directory]
    path: Option<PathBuf>,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
}

/// The answer of `dayfly config check --json`. Exactly one of the fields is present.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Answer<'a> {
    Blueprint(&'a Blueprint),
    Refused(Refused),
}

/// Why no preview can be made.
#[derive(Debug, Serialize)]
struct Refused {
    /// The file, if one is to blame.
    file: Option<String>,
    /// Its line, counted from 1.
    line: Option<usize>,
    message: String,
}

impl Config {
    pub(super) async fn run(self, output: Output) -> anyhow::Result<ExitCode> {
        let Command::Check(check) = self.command;
        check.run(output).await
    }
}

impl Check {
    /// Reads the checkout on this machine: no server is asked, and nothing is sent.
    async fn run(self, output: Output) -> anyhow::Result<ExitCode> {
        let folder = upload::folder(self.path.clone()).context("failed to check the checkout")?;
        let shown = text::plain(&folder.display().to_string());
        let doing = || format!("failed to check {shown}");
        let opened = tokio::task::spawn_blocking(move || open_checkout(&folder)).await;
        let (tree, summary) = opened.with_context(doing)?.with_context(doing)?;
        match blueprint::read(&tree).await {
            Ok(blueprint) => {
                self.print(&blueprint, &summary, output)?;
                Ok(ExitCode::SUCCESS)
            }
            Err(error) if self.json => {
                output.json(&Answer::Refused(refused(&error)))?;
                Ok(ExitCode::FAILURE)
            }
            Err(error) => anyhow::bail!("{error}\n\nno preview can be made of {shown}"),
        }
    }

    fn print(
        &self,
        blueprint: &Blueprint,
        summary: &Summary,
        output: Output,
    ) -> anyhow::Result<()> {
        if self.json {
            output.json(&Answer::Blueprint(blueprint))?;
            return Ok(());
        }
        output.line(&render_blueprint::tree(blueprint, output))?;
        for note in &summary.notes {
            output.line(&format!("note: {}.", text::plain(note)))?;
        }
        Ok(())
    }
}

fn refused(error: &BlueprintError) -> Refused {
    match error {
        BlueprintError::Invalid {
            file,
            line,
            message,
        } => Refused {
            file: Some(file.clone()),
            line: Some(*line),
            message: message.clone(),
        },
        other => Refused {
            file: None,
            line: None,
            message: other.to_string(),
        },
    }
}
