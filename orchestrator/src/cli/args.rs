//! The words of the command line and their help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::{doctor, down, list, logs, proxy, remove, serve, show, up};

/// Preview environments for pull requests and local checkouts.
///
/// Every pull request gets its own running copy of the application, with its own databases, at its
/// own URL; nothing is left when it closes.
#[derive(Debug, Parser)]
#[command(
    name = "dayfly",
    version,
    max_term_width = 100,
    after_help = "Begin with `dayfly up` in a folder with a Dockerfile, or see everything at once \
                  with `dayfly demo`."
)]
pub struct Arguments {
    #[command(flatten)]
    pub(super) shared: Shared,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What all commands understand.
#[derive(Clone, Debug, Args)]
pub(super) struct Shared {
    /// Where Dayfly keeps its state, and the socket of its server
    /// [default: dayfly in the user's state directory]
    #[arg(long, global = true, env = "DAYFLY_DATA", value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// See it all work, on a modelled forge and a sample application
    #[cfg(feature = "demo")]
    #[command(after_help = "Example:\n  dayfly demo")]
    Demo,
    /// Preview a local checkout, uncommitted files included; again updates it
    #[command(after_help = "Example:\n  dayfly up ~/src/shop")]
    Up(up::Up),
    /// Run the server: previews of pull requests, and of local checkouts
    #[command(after_help = "Example:\n  dayfly serve --config dayfly.server.toml")]
    Serve(serve::Serve),
    /// Run the proxy of a server; `dayfly serve` does this by itself
    #[command(hide = true)]
    Proxy(proxy::Proxy),
    /// List previews
    #[command(after_help = "Example:\n  dayfly ls --json")]
    Ls(list::List),
    /// Show one preview: its services, databases, and why it failed
    #[command(after_help = "Example:\n  dayfly show shop-42")]
    Show(show::Show),
    /// Print what services, or their builds, printed
    #[command(
        after_help = "Examples:\n  dayfly logs shop-42 web -f\n  dayfly logs shop-42 --build"
    )]
    Logs(logs::Logs),
    /// Remove a preview with its containers, databases and images
    #[command(after_help = "Example:\n  dayfly rm shop-up --wait")]
    Rm(remove::Remove),
    /// Stop the server and its proxy; previews' containers stay
    #[command(after_help = "Example:\n  dayfly down")]
    Down(down::Down),
    /// Look at everything that previews depend on
    #[command(after_help = "Example:\n  dayfly doctor --config dayfly.server.toml")]
    Doctor(doctor::Doctor),
}
