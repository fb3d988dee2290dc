//! A backup of a large database beside `tar`, with a checksum of what is written and one of what is read
//! back: what checking costs at least.

use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::Command,
};

use super::{
    forks::filled,
    numbers::{median, ms},
    row::Row,
};
use harness::Dayfly;

/// pgbench's scales for about a GB of files, and for a first impression.
const SCALE: &str = "66";
const SCALE_QUICK: &str = "3";
const DATA_BYTES_MIN: u64 = 950_000_000;
/// How often both take turns.
const PAIRS: usize = 3;
const PIECE_BYTES: usize = 256 << 10;

const RATIO_GOAL: f64 = 1.5;

/// `dayfly backup` of a database, and `tar` of all that the archive holds, in turns.
pub(super) async fn measure(dayfly: &Dayfly, quick: bool) -> anyhow::Result<Row> {
    let source = filled(dayfly, if quick { SCALE_QUICK } else { SCALE }).await?;
    let folder = tempfile::Builder::new()
        .prefix("dayfly-bench-")
        .tempdir_in(dayfly.data())?;
    let pairs = if quick { 1 } else { PAIRS };
    let (mut ours, mut theirs, mut bytes) = (Vec::new(), Vec::new(), 0);
    for _ in 0..pairs {
        let by_tar = by_tar(dayfly, folder.path()).await?;
        let (took, length) = by_backup(dayfly, folder.path()).await?;
        theirs.push(by_tar);
        ours.push(took);
        bytes = length;
    }
    ensure!(quick || bytes >= DATA_BYTES_MIN, "only {bytes} bytes");
    dayfly.remove(&source).await?;
    let said = format!(
        "tar of the {} MB, sha256sum of what is written and of the file read back",
        bytes / 1_000_000
    );
    let times = (ms(median(&ours)), ms(median(&theirs)));
    Ok(Row::compared("backup_wall_ratio", times, said, RATIO_GOAL))
}

/// The time of a backup, and how large it is.
async fn by_backup(dayfly: &Dayfly, folder: &Path) -> anyhow::Result<(Duration, u64)> {
    calm()?;
    let began = Instant::now();
    let ran = dayfly.command(folder, &["backup", "ours.tar"]).await?;
    let took = began.elapsed();
    ran.printed()?;
    let file = folder.join("ours.tar");
    let bytes = std::fs::metadata(&file)?.len();
    std::fs::remove_file(file)?;
    Ok((took, bytes))
}

/// The time of the least that does the same: what `tar` writes goes into a file and into `sha256sum`, the
/// file is put on the disk, and read from there into another one.
async fn by_tar(dayfly: &Dayfly, folder: &Path) -> anyhow::Result<Duration> {
    calm()?;
    let file = folder.join("theirs.tar");
    let began = Instant::now();
    let mut tar = Command::new("tar")
        .args(["--create", "--sparse", "--file=-"])
        .arg("--directory")
        .arg(dayfly.data())
        .args(["--", "dayfly.db", "logs", "pool/snapshots", "pool/previews"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("tar cannot be run")?;
    let mut written = tokio::fs::File::create(&file).await?;
    let mut sum = Sum::begin(Stdio::piped())?;
    let (mut output, mut input) = (tar.stdout.take().context("no output")?, sum.input()?);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let length = output.read(&mut piece).await?;
        if length == 0 {
            break;
        }
        written.write_all(&piece[..length]).await?;
        input.write_all(&piece[..length]).await?;
    }
    drop(input);
    // Servers write meanwhile, of which tar complains; the time is the same.
    tar.wait().await?;
    written.sync_all().await?;
    let written = written.into_std().await;
    let forget = nix::fcntl::PosixFadviseAdvice::POSIX_FADV_DONTNEED;
    nix::fcntl::posix_fadvise(&written, 0, 0, forget)?;
    let first = sum.end().await?;
    let second = Sum::begin(std::fs::File::open(&file)?.into())?
        .end()
        .await?;
    let took = began.elapsed();
    ensure!(first == second, "what was read is not what was written");
    std::fs::remove_file(file)?;
    Ok(took)
}

/// One `sha256sum`.
struct Sum(tokio::process::Child);

impl Sum {
    fn begin(input: Stdio) -> anyhow::Result<Self> {
        let sum = Command::new("sha256sum")
            .stdin(input)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        Ok(Self(sum.context("sha256sum cannot be run")?))
    }

    fn input(&mut self) -> anyhow::Result<tokio::process::ChildStdin> {
        self.0.stdin.take().context("no input")
    }

    async fn end(self) -> anyhow::Result<Vec<u8>> {
        let ended = self.0.wait_with_output().await?;
        ensure!(ended.status.success(), "sha256sum failed");
        Ok(ended.stdout)
    }
}

/// What was written before disturbs nobody, and nothing is in memory: both read from the disk.
fn calm() -> anyhow::Result<()> {
    nix::unistd::sync();
    std::fs::write("/proc/sys/vm/drop_caches", "3").context("caches cannot be dropped without root")
}
