//! `dayfly snapshot`: named database snapshots.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::Context as _;
use bytes::Bytes;
use clap::{Args, Subcommand, ValueEnum};
use deploy::names::{DatabaseName, PreviewId};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use tokio_util::io::ReaderStream;

use super::{call::Caller, render_data};
use crate::{
    actions::SaveRequest,
    api::{
        SnapshotView,
        client::{ClientError, quoted},
    },
    store::Holds,
};

/// Size of the pieces in which a file is sent, in bytes.
const PIECE_BYTES: usize = 1 << 20;

/// The help about masks.
const MASKS: &str = "\
Dayfly lists the parts of the data with a name that looks personal:
  - columns of tables, partitions, materialised views and foreign tables of every database
  - keys in JSON
  - large objects
  - roles with a password

Dayfly compares the values before and after the mask. The import fails in these cases, unless \
--accept names the part:
  - more than half of the values of a listed part are unchanged
  - large objects are left
  - the mask does not connect to one of the databases (\\connect NAME)
  - a foreign table has rows

After the mask, Dayfly refreshes materialised views and drops statistics and old row versions.

Example:
  dayfly snapshot import nightly dump.sql.gz --engine postgres:15 --mask mask.sql";

/// How often to print the progress of an import.
const TELL_EVERY: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(super) struct Snapshot {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Import a file: .sql (also .gz, .zst, .xz or .bz2), a pg_dump archive, or .rdb
    #[command(after_help = MASKS)]
    Import(Import),
    /// Save a copy of a preview's database
    Save(Save),
    /// List snapshots
    Ls(List),
    /// Remove a snapshot; copies of it stay
    Rm(Remove),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Invented data
    Synthetic,
    /// Data of real people, with all personal values replaced
    Masked,
    /// Data of real people; previews cannot use it
    Real,
}

impl From<Kind> for Holds {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Synthetic => Self::Synthetic,
            Kind::Masked => Self::Masked,
            Kind::Real => Self::Real,
        }
    }
}

#[derive(Debug, Args)]
struct Import {
    /// Name of the snapshot
    name: String,
    /// File to import
    file: PathBuf,
    /// Database engine, such as postgres:15
    #[arg(long, value_name = "ENGINE")]
    engine: String,
    /// SQL script that runs after the import and replaces personal data
    #[arg(long, value_name = "SCRIPT")]
    mask: Option<PathBuf>,
    /// Part that the mask may leave unchanged, as the import lists it: public.users.city,
    /// database:NAME or large-objects; may be repeated
    #[arg(long, value_name = "NAME", requires = "mask")]
    accept: Vec<String>,
    /// Kind of data [default: masked with --mask, else real]
    #[arg(long = "as", value_enum)]
    holds: Option<Kind>,
    /// Days until the snapshot expires
    #[arg(long)]
    days: Option<u64>,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Save {
    /// ID of the preview, as `dayfly ls` prints it
    #[arg(value_name = "PREVIEW")]
    id: PreviewId,
    /// Name of the database; required if there are several
    database: Option<DatabaseName>,
    /// Name of the snapshot
    #[arg(long)]
    name: String,
    /// Kind of data in the snapshot
    #[arg(long = "as", value_enum)]
    holds: Option<Kind>,
    /// Days until the snapshot expires
    #[arg(long)]
    days: Option<u64>,
}

#[derive(Debug, Args)]
struct List {
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Remove {
    /// Name of the snapshot
    name: String,
}

impl Snapshot {
    pub(super) async fn run(self, caller: &Caller) -> anyhow::Result<ExitCode> {
        match self.act {
            Act::Import(import) => import.run(caller).await?,
            Act::Save(save) => save.run(caller).await?,
            Act::Ls(list) => list.run(caller).await?,
            Act::Rm(remove) => remove.run(caller).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Import {
    async fn run(self, caller: &Caller) -> anyhow::Result<()> {
        let doing = || format!("failed to import {}", self.file.display());
        let mask = self.mask.as_deref().map(read_mask).transpose()?;
        let mask = mask.unwrap_or_default();
        let file = tokio::fs::File::open(&self.file).await;
        let file = file.with_context(|| format!("cannot read {}", self.file.display()))?;
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        let holds = match (self.holds, self.mask.is_some()) {
            (Some(kind), _) => kind.into(),
            (None, true) => Holds::Masked,
            // Data without a label may be real.
            (None, false) => Holds::Real,
        };
        let mask_file = self.mask.as_ref().and_then(|mask| mask.file_name());
        let days = self
            .days
            .map_or_else(String::new, |days| format!("&days={days}"));
        let asked = format!(
            "/api/v1/snapshots/{}?engine={}&file={}&holds={}&owner={}&mask_bytes={}&mask_file={}\
             &accept={}{days}",
            quoted(&self.name),
            quoted(&self.engine),
            quoted(&name),
            holds.as_str(),
            quoted(&owner()),
            mask.len(),
            quoted(&mask_file.unwrap_or_default().to_string_lossy()),
            quoted(&self.accept.join("\n")),
        );
        let bytes = file.metadata().await.with_context(doing)?.len();
        let sent = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&sent);
        let file = ReaderStream::with_capacity(file, PIECE_BYTES).inspect_ok(move |piece| {
            counted.fetch_add(piece.len() as u64, Relaxed);
        });
        let pieces = stream::iter([Ok(Bytes::from(mask))]).chain(file);
        let import = caller.client.import(&asked, pieces);
        let tell = || self.tell(sent.load(Relaxed), bytes, caller);
        let made: SnapshotView = telling(import, tell).await.with_context(doing)?;
        if self.json {
            caller.output.json(&made)?;
            return Ok(());
        }
        for line in render_data::imported(&made) {
            caller.output.line(&line)?;
        }
        Ok(())
    }

    /// Prints the progress.
    fn tell(&self, sent: u64, bytes: u64, caller: &Caller) -> std::io::Result<()> {
        let file = self.file.display();
        let line = match sent < bytes {
            true => format!("{file}: sent {} of {} MiB", sent >> 20, bytes >> 20),
            false => format!("{file}: sent; the server is making the snapshot"),
        };
        match self.json {
            true => Ok(()),
            false => caller.output.line(&line),
        }
    }
}

/// Waits for `work`, and prints its progress at intervals.
async fn telling<T>(
    work: impl Future<Output = Result<T, ClientError>>,
    tell: impl Fn() -> std::io::Result<()>,
) -> anyhow::Result<T> {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Ok(done?),
            () = tokio::time::sleep(TELL_EVERY) => tell()?,
        }
    }
}

impl Save {
    async fn run(self, caller: &Caller) -> anyhow::Result<()> {
        let body = SaveRequest {
            preview: self.id.clone(),
            database: self.database,
            name: self.name,
            holds: self.holds.map(Holds::from),
            owner: owner(),
            days: self.days,
        };
        let made: SnapshotView = caller
            .client
            .post("/api/v1/snapshots", &body)
            .await
            .with_context(|| format!("failed to save a snapshot of {}", self.id))?;
        for line in render_data::imported(&made) {
            caller.output.line(&line)?;
        }
        Ok(())
    }
}

impl List {
    async fn run(self, caller: &Caller) -> anyhow::Result<()> {
        let snapshots: Vec<SnapshotView> = caller
            .client
            .get("/api/v1/snapshots")
            .await
            .context("failed to list snapshots")?;
        if self.json {
            caller.output.json(&snapshots)?;
        } else {
            let table = render_data::snapshots(&snapshots, Timestamp::now());
            caller.output.line(&table)?;
        }
        Ok(())
    }
}

impl Remove {
    async fn run(self, caller: &Caller) -> anyhow::Result<()> {
        let asked = format!("/api/v1/snapshots/{}", quoted(&self.name));
        let _removed: serde_json::Value = caller
            .client
            .delete(&asked)
            .await
            .with_context(|| format!("failed to remove snapshot {}", self.name))?;
        caller
            .output
            .line(&format!("removed snapshot {}", self.name))?;
        Ok(())
    }
}

/// Reads a mask script. An empty one is an error: its data would pass as masked.
fn read_mask(path: &Path) -> anyhow::Result<Vec<u8>> {
    let shown = path.display();
    let mask = std::fs::read(path).with_context(|| format!("cannot read {shown}"))?;
    anyhow::ensure!(!mask.is_empty(), "the mask {shown} is empty");
    Ok(mask)
}

/// The owner of a snapshot: the user that runs the command.
fn owner() -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid());
    let user = user.ok().flatten().map(|user| user.name);
    user.unwrap_or_else(|| nix::unistd::getuid().to_string())
}
