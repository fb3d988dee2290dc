//! The words of the command line and their help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::{
    backup, config, db, doctor, down, list, logs, proxy, relink, remove, rewind, serve, show,
    snapshot, take, up,
};

/// Preview environments for pull requests and local checkouts.
///
/// Every pull request gets its own running copy of the application, with its own databases, at its
/// own URL. The server removes all of it when the pull request closes.
#[derive(Debug, Parser)]
#[command(
    name = "dayfly",
    version,
    max_term_width = 100,
    after_help = "Begin with `dayfly up` in a folder with a Dockerfile or a compose file, or see everything at once \
                  with `dayfly demo`."
)]
pub struct Arguments {
    #[command(flatten)]
    pub(super) shared: Shared,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Arguments that every command accepts.
#[derive(Clone, Debug, Args)]
pub(super) struct Shared {
    /// Directory for Dayfly's data [default: ~/.local/state/dayfly]
    #[arg(long, global = true, env = "DAYFLY_DATA", value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Play a demo with a simulated GitHub and a sample application
    #[cfg(feature = "demo")]
    #[command(after_help = "Example:\n  dayfly demo")]
    Demo,
    /// Preview a local checkout, including uncommitted files. Run again to update
    #[command(after_help = "Example:\n  dayfly up ~/src/shop")]
    Up(up::Up),
    /// Show what Dayfly would run for a folder; needs no server
    #[command(after_help = "Example:\n  dayfly config check ~/src/shop")]
    Config(config::Config),
    /// Run the server for previews of pull requests and local checkouts
    #[command(after_help = "Example:\n  dayfly serve --config dayfly.server.toml")]
    Serve(serve::Serve),
    /// Run the proxy of a server; `dayfly serve` starts it
    #[command(hide = true)]
    Proxy(proxy::Proxy),
    /// List previews
    #[command(after_help = "Example:\n  dayfly ls --json")]
    Ls(list::List),
    /// Show one preview: its services, databases, and why it failed
    #[command(after_help = "Example:\n  dayfly show shop-42")]
    Show(show::Show),
    /// Print the output of services, databases, builds or migrations
    #[command(
        after_help = "Examples:\n  dayfly logs shop-42 web -f\n  dayfly logs shop-42 main\n  dayfly logs shop-42 --build"
    )]
    Logs(logs::Logs),
    /// Copy a running preview or a capture, with its data, to a new URL
    #[command(after_help = "Examples:\n  dayfly fork shop-42\n  dayfly fork shop-42 --at 1a2b3c4")]
    Fork(take::Fork),
    /// Save the current state of a preview; forks of the capture start from that state
    #[command(
        after_help = "Example:\n  dayfly capture shop-42 --note \"total is wrong\" --path /cart"
    )]
    Capture(take::Capture),
    /// Undo the last push or reset, including its data. Run again to redo
    #[command(after_help = "Example:\n  dayfly undo shop-42")]
    Undo(rewind::Undo),
    /// Recreate databases from their seeds; `dayfly undo` restores the old data
    #[command(after_help = "Examples:\n  dayfly reset-db shop-42\n  dayfly reset-db shop-42 main")]
    ResetDb(rewind::ResetDb),
    /// Open a database client, or create a temporary database
    #[command(
        after_help = "Examples:\n  dayfly db shop-42\n  dayfly db shop-42 main -- --csv\n  dayfly db \
                      create postgres:15 --from nightly --ttl 8h"
    )]
    Db(db::Db),
    /// Print a temporary URL for a database, reachable from this machine
    #[command(after_help = "Example:\n  dayfly db-url shop-42 main --minutes 10")]
    DbUrl(db::DbUrl),
    /// Manage named database snapshots
    #[command(
        after_help = "Examples:\n  dayfly snapshot import nightly dump.sql.gz --engine postgres:15 \
                      --mask mask.sql\n  dayfly snapshot save shop-42 --name nightly"
    )]
    Snapshot(snapshot::Snapshot),
    /// Replace the link of a preview; visitors with the old link lose access
    #[command(after_help = "Examples:\n  dayfly relink shop-42\n  dayfly relink shop-42 --hours 8")]
    Relink(relink::Relink),
    /// Remove a preview with its containers, databases and images
    #[command(after_help = "Example:\n  dayfly rm shop-up")]
    Rm(remove::Remove),
    /// Stop the server and its proxy; containers of previews keep running
    #[command(after_help = "Example:\n  dayfly down")]
    Down(down::Down),
    /// Back up the running server to one file, and verify the file
    #[command(
        after_help = "Examples:\n  dayfly backup dayfly.tar\n  dayfly backup --without-data dayfly.tar"
    )]
    Backup(backup::Backup),
    /// Restore a backup into an empty data directory
    #[command(
        after_help = "Examples:\n  dayfly restore dayfly.tar --check\n  dayfly restore dayfly.tar --config \
                      dayfly.server.toml"
    )]
    Restore(backup::Restore),
    /// Check this host for problems
    #[command(after_help = "Example:\n  dayfly doctor --config dayfly.server.toml")]
    Doctor(doctor::Doctor),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_command_is_well_formed_and_shows_an_example() {
        let command = Arguments::command();
        command.clone().debug_assert();
        for command in command
            .get_subcommands()
            .filter(|command| !command.is_hide_set())
        {
            let name = command.get_name();
            let example = command.get_after_help().unwrap_or_default().to_string();
            assert!(
                example.contains(&format!("dayfly {name}")),
                "{name} has no example"
            );
        }
    }

    #[test]
    fn the_server_starts_its_proxy_and_up_its_server_with_words_that_are_understood() {
        let proxy = "dayfly proxy --dir /d --public-scheme http --listen 127.0.0.1:80 \
                     --listen [::1]:80 --run-as 1:2";
        for words in [proxy, "dayfly serve --local --data /d"] {
            assert!(
                Arguments::try_parse_from(words.split(' ').filter(|w| !w.is_empty())).is_ok(),
                "{words}"
            );
        }
        assert!(Arguments::try_parse_from(["dayfly", "serve"]).is_err());
        assert!(Arguments::try_parse_from(["dayfly", "rm", "--", "-x"]).is_err());
    }
}
