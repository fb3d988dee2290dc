//! `dayfly snapshot`: data with a name, for databases to start from.

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
    api::{
        SaveBody, SnapshotView,
        client::{ClientError, quoted},
    },
    store::Holds,
};

/// Pieces in which a file is sent.
const PIECE_BYTES: usize = 1 << 20;

/// What a mask does, for the help of an import.
const MASKS: &str = "\
What looks personal by its name is listed: columns of tables, partitions, materialised views and foreign \
tables of every database, keys in JSON, large objects, and roles that had a password.

After a mask, materialised views are refreshed, and statistics and older rows are dropped. The values \
before and after it are compared. The import fails where the mask leaves more than half of the values of \
something listed, large objects, a database that it does not go to (\\connect NAME), or a foreign table \
that gives rows, unless --accept names it.

Example:
  dayfly snapshot import nightly dump.sql.gz --engine postgres:15 --mask mask.sql";

/// How often it is told how far an import is.
const TELL_EVERY: Duration = Duration::from_secs(5);

#[derive(Debug, Args)]
pub(super) struct Snapshot {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Make one of a file: .sql (also .gz, .zst, .xz or .bz2), an archive of pg_dump, or .rdb
    #[command(after_help = MASKS)]
    Import(Import),
    /// Keep a copy of a preview's database
    Save(Save),
    /// List snapshots
    Ls(List),
    /// Remove one; what was copied from it stays
    Rm(Remove),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Made up
    Synthetic,
    /// Of real people, with everything personal replaced
    Masked,
    /// Of real people: never for previews, which others can open
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
    /// Its name
    name: String,
    /// The file
    file: PathBuf,
    /// What it is for, such as postgres:15
    #[arg(long, value_name = "ENGINE")]
    engine: String,
    /// A script of SQL that runs after it, so that nothing personal is left
    #[arg(long, value_name = "SCRIPT")]
    mask: Option<PathBuf>,
    /// What the mask may leave as it was, in the words of the import, such as public.users.city,
    /// database:NAME or large-objects; may be repeated
    #[arg(long, value_name = "NAME", requires = "mask")]
    accept: Vec<String>,
    /// What it holds [default: masked with --mask, else real]
    #[arg(long = "as", value_enum)]
    holds: Option<Kind>,
    /// After how many days it goes
    #[arg(long)]
    days: Option<u64>,
    /// Print JSON, for programs
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Save {
    /// The preview
    #[arg(value_name = "PREVIEW")]
    id: PreviewId,
    /// The database, where there are several
    database: Option<DatabaseName>,
    /// The snapshot's name
    #[arg(long)]
    name: String,
    /// What it holds
    #[arg(long = "as", value_enum)]
    holds: Option<Kind>,
    /// After how many days it goes
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
    /// Its name
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
            // What nobody vouches for may be anything.
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

    /// How far it is.
    fn tell(&self, sent: u64, bytes: u64, caller: &Caller) -> std::io::Result<()> {
        let file = self.file.display();
        let line = match sent < bytes {
            true => format!("{file}: {} of {} MiB are sent", sent >> 20, bytes >> 20),
            false => format!("{file}: all is sent; the server makes the snapshot"),
        };
        match self.json {
            true => Ok(()),
            false => caller.output.line(&line),
        }
    }
}

/// Waits for something, and tells from time to time how far it is.
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
        let body = SaveBody {
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
            .with_context(|| format!("failed to keep data of {}", self.id))?;
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

/// The script of a mask. One with nothing in it would have its data pass as masked.
fn read_mask(path: &Path) -> anyhow::Result<Vec<u8>> {
    let shown = path.display();
    let mask = std::fs::read(path).with_context(|| format!("cannot read {shown}"))?;
    anyhow::ensure!(!mask.is_empty(), "the mask {shown} is empty");
    Ok(mask)
}

/// Who answers for a snapshot: whoever runs the command.
fn owner() -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid());
    let user = user.ok().flatten().map(|user| user.name);
    user.unwrap_or_else(|| nix::unistd::getuid().to_string())
}
