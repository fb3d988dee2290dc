//! `dayfly db`, `dayfly db-url` and `dayfly db create`: access to databases.

use std::{io::Write as _, os::unix::process::CommandExt as _, process::ExitCode, time::Duration};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use deploy::names::{DatabaseName, PreviewId};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    time::Instant,
};

use super::{
    call::{Caller, path},
    output::tell_error,
    take::finish,
};
use crate::{
    actions::DatabaseRequest,
    api::{ConnectionView, PreviewView},
};

/// How many connections a forward carries at once.
const CONNECTIONS_MAX: usize = 100;

/// The longest lifetime of a URL, in minutes: a week.
const MINUTES_MAX: u64 = 7 * 24 * 60;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct Db {
    #[command(subcommand)]
    command: Option<Make>,
    /// ID of the preview, as `dayfly ls` prints it
    #[arg(required = true)]
    id: Option<PreviewId>,
    /// Name of the database; required if there are several
    name: Option<DatabaseName>,
    /// Arguments for the client, after `--`
    #[arg(last = true)]
    arguments: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Make {
    /// Create a temporary database without a preview
    #[command(alias = "new")]
    Create(Create),
}

#[derive(Debug, Args)]
struct Create {
    /// Database engine, such as postgres:15
    engine: String,
    /// Snapshot to start from
    #[arg(long, value_name = "SNAPSHOT")]
    from: Option<String>,
    /// Time until the database expires, such as 8h or 2d
    #[arg(long, value_name = "TIME", default_value = "1d", value_parser = hours)]
    ttl: u64,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct DbUrl {
    /// ID of the preview, as `dayfly ls` prints it
    id: PreviewId,
    /// Name of the database; required if there are several
    name: Option<DatabaseName>,
    /// How long the URL works, in minutes; the command runs for the same time
    #[arg(long, value_name = "MINUTES", default_value_t = 60,
          value_parser = clap::value_parser!(u64).range(1..=MINUTES_MAX))]
    minutes: u64,
}

impl Db {
    pub(super) async fn run(self, caller: &Caller) -> anyhow::Result<ExitCode> {
        if let Some(Make::Create(create)) = self.command {
            return create.run(caller).await;
        }
        let id = self.id.context("the ID of a preview is required")?;
        let reach = reach(caller, &id, self.name.as_ref()).await?;
        let container = reach
            .container
            .with_context(|| format!("Dayfly knows no client for this database of {id}"))?;
        // Runs the `docker` program, as the user could. Variables are passed by name: the list of
        // processes does not show their values.
        let mut docker = std::process::Command::new("docker");
        docker.args(["exec", "--interactive"]);
        if std::io::IsTerminal::is_terminal(&std::io::stdin()) {
            docker.arg("--tty");
        }
        for variable in &reach.env {
            if let Some((name, value)) = variable.split_once('=') {
                docker.args(["--env", name]).env(name, value);
            }
        }
        docker
            .arg("--")
            .arg(container)
            .args(&reach.client)
            .args(&self.arguments);
        Err(docker.exec()).context("failed to run `docker exec`; is the docker program installed?")
    }
}

impl Create {
    async fn run(self, caller: &Caller) -> anyhow::Result<ExitCode> {
        let body = DatabaseRequest {
            engine: self.engine,
            snapshot: self.from,
            hours: Some(self.ttl),
        };
        let made: PreviewView = caller
            .client
            .post("/api/v1/databases", &body)
            .await
            .context("failed to create a database")?;
        finish(caller, made, false, self.json).await
    }
}

impl DbUrl {
    pub(super) async fn run(self, caller: &Caller) -> anyhow::Result<ExitCode> {
        let reach = self.reach(caller).await?;
        if reach.address.is_none() {
            anyhow::bail!("the port of this database of {} is unknown", self.id);
        }
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .context("failed to open a port on loopback")?;
        let own = listener
            .local_addr()
            .context("failed to open a port on loopback")?;
        caller
            .output
            .line(&reach.url.replace("HOST:PORT", &own.to_string()))?;
        let ends = "works until this command ends: on Ctrl-C, or after";
        // On standard error: a program may read the URL from standard output.
        writeln!(std::io::stderr(), "{ends} {} min", self.minutes)?;
        let until = Instant::now() + Duration::from_secs(self.minutes * 60);
        tokio::select! {
            ended = self.forward(caller, &listener, &reach.url) => ended?,
            () = tokio::time::sleep_until(until) => {}
            interrupted = tokio::signal::ctrl_c() => interrupted?,
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn reach(&self, caller: &Caller) -> anyhow::Result<ConnectionView> {
        reach(caller, &self.id, self.name.as_ref()).await
    }

    /// Forwards connections until it is dropped or the database is replaced. Another container may
    /// soon have the address of a removed database.
    async fn forward(
        &self,
        caller: &Caller,
        listener: &TcpListener,
        url: &str,
    ) -> anyhow::Result<()> {
        let mut carried = tokio::task::JoinSet::new();
        loop {
            let (mut from, _) = listener.accept().await?;
            while carried.try_join_next().is_some() {}
            if carried.len() >= CONNECTIONS_MAX {
                continue;
            }
            // If the server or the preview is gone, only this connection ends.
            let now = match self.reach(caller).await {
                Ok(now) => now,
                Err(error) => {
                    tell_error(&error);
                    continue;
                }
            };
            let (true, Some(address)) = (now.url == url, now.address) else {
                anyhow::bail!(
                    "the database of {} was replaced; run `dayfly db-url` again",
                    self.id
                );
            };
            carried.spawn(async move {
                if let Ok(mut to) = TcpStream::connect(address).await {
                    // Either side may end the connection.
                    let _ended = copy_bidirectional(&mut from, &mut to).await;
                }
            });
        }
    }
}

async fn reach(
    caller: &Caller,
    id: &PreviewId,
    name: Option<&DatabaseName>,
) -> anyhow::Result<ConnectionView> {
    let name = name.map_or("-", |name| name.as_str());
    let asked = format!("{}/databases/{name}", path(id));
    let reach = caller.client.get(&asked).await;
    reach.with_context(|| format!("failed to reach a database of {id}"))
}

/// `8h` or `2d` in hours.
fn hours(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is not a time such as 8h or 2d");
    let (digits, unit) = text
        .split_at_checked(text.len().saturating_sub(1))
        .ok_or_else(wrong)?;
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    match unit {
        "h" => Ok(number),
        "d" => Ok(number.saturating_mul(24)),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_of_hours_or_days() {
        assert_eq!(hours("8h"), Ok(8));
        assert_eq!(hours("2d"), Ok(48));
        for wrong in ["", "h", "8", "8m", "-1h", "é"] {
            assert!(hours(wrong).is_err(), "{wrong}");
        }
    }
}
