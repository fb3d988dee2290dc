//! Follows the log file of a running build until the build ends.

use std::{io::SeekFrom, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use deploy::{
    blueprint::Blueprint,
    engine::ServiceKey,
    names::{RevisionNumber, ServiceName},
};
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _},
    sync::watch,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::build::BuildLog;
use crate::{
    lifecycle::{Wanted, current_revision},
    preview::current::{observed, shown},
    store::{PreviewRow, StoreError},
    text,
    worker::Ports,
};

/// How often a growing file is checked for more.
const CHECK_EVERY: Duration = Duration::from_millis(150);
/// How long a follower waits for a revision to start.
const REVISION_DEADLINE: Duration = Duration::from_secs(10 * 60);
/// Maximum size of one read, in bytes.
const PIECE_BYTES: u64 = 64 * 1024;
/// Maximum length of a line, in bytes; longer lines are split.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// One line as it is sent: made safe, and prefixed with its service if there are several.
pub fn line(prefix: &str, line: &str) -> Bytes {
    Bytes::from(format!("{prefix}{}\n", text::coloured(line)))
}

/// The prefix of a service's lines.
pub fn prefix(all: &[ServiceName], name: &ServiceName) -> String {
    if all.len() < 2 {
        return String::new();
    }
    let longest = all.iter().map(|name| name.as_str().len()).max();
    format!("{:<width$} | ", name.as_str(), width = longest.unwrap_or(0))
}

/// The revision whose builds are shown: that of the wanted commit, else the last one. A follower
/// waits until its blueprint is read.
pub async fn revision_with_blueprint(
    ports: &Ports,
    shutdown: &CancellationToken,
    row: &PreviewRow,
    follow: bool,
) -> Result<Option<(RevisionNumber, Blueprint)>, StoreError> {
    let mut changes = ports.board.subscribe();
    let deadline = Instant::now() + REVISION_DEADLINE;
    loop {
        changes.borrow_and_update();
        let Some(row) = ports.store.preview(&row.id).await? else {
            return Ok(None);
        };
        let observed = observed(ports, &row).await?;
        let comes = matches!(row.desired.wanted, Wanted::Serve(_) | Wanted::Unread);
        let current = current_revision(&row.desired, &observed);
        let over = !follow || !comes || current.is_some_and(|facts| facts.outcome.is_some());
        let facts = match current.or_else(|| shown(&row, &observed).filter(|_| over)) {
            Some(facts) => Some(facts.clone()),
            None if over => {
                let last = ports.store.revisions(&row.id).await?.pop();
                last.map(|revision| revision.facts)
            }
            None => None,
        };
        let found = facts.and_then(|facts| Some((facts.number, facts.blueprint?)));
        let stop = shutdown.is_cancelled() || Instant::now() >= deadline;
        if found.is_some() || over || stop {
            return Ok(found);
        }
        wait(shutdown, &mut changes).await;
    }
}

async fn wait(shutdown: &CancellationToken, changes: &mut watch::Receiver<u64>) {
    tokio::select! {
        _ = changes.changed() => {}
        () = shutdown.cancelled() => {}
        () = tokio::time::sleep(CHECK_EVERY) => {}
    }
}

/// One build's file, read as it grows.
pub struct BuildTail {
    ports: Arc<Ports>,
    shutdown: CancellationToken,
    key: ServiceKey,
    path: PathBuf,
    prefix: String,
    follow: bool,
    tail: Option<usize>,
    position: u64,
    /// The beginning of a line whose end is not written yet.
    rest: Vec<u8>,
}

impl BuildTail {
    /// Reads the output of one build. `tail` limits how many past lines it begins with.
    pub fn new(
        ports: &Arc<Ports>,
        shutdown: &CancellationToken,
        key: ServiceKey,
        prefix: String,
        follow: bool,
        tail: Option<usize>,
    ) -> Self {
        let logs = &ports.settings.logs;
        let path = BuildLog::path(logs, &key.preview, key.revision, &key.service);
        Self {
            ports: Arc::clone(ports),
            shutdown: shutdown.clone(),
            key,
            path,
            prefix,
            follow,
            tail,
            position: 0,
            rest: Vec::new(),
        }
    }

    /// The lines of the file; ends with the build.
    pub fn lines(self) -> BoxStream<'static, Bytes> {
        stream::unfold(self, Self::next).boxed()
    }

    async fn next(mut self) -> Option<(Bytes, Self)> {
        if let Some(lines) = self.tail.take() {
            self.position = self.begin_of_last(lines).await;
        }
        let mut changes = self.ports.board.subscribe();
        loop {
            changes.borrow_and_update();
            // Checked before reading, so that everything that the build wrote is read.
            let over = !self.follow || self.is_over().await.unwrap_or(true);
            let piece = self.read().await;
            if !piece.is_empty() {
                let lines = self.whole_lines(&piece);
                if !lines.is_empty() {
                    return Some((lines, self));
                }
            } else if over {
                let rest = std::mem::take(&mut self.rest);
                let text = String::from_utf8_lossy(&rest);
                return (!rest.is_empty()).then(|| (line(&self.prefix, &text), self));
            } else {
                wait(&self.shutdown, &mut changes).await;
            }
        }
    }

    /// A build is over when its image is recorded, or its revision has ended or is unknown.
    async fn is_over(&self) -> Result<bool, StoreError> {
        let store = &self.ports.store;
        let revisions = store.revisions(&self.key.preview).await?;
        let facts = revisions
            .into_iter()
            .map(|revision| revision.facts)
            .find(|facts| facts.number == self.key.revision);
        Ok(facts.is_none_or(|facts| {
            facts.outcome.is_some() || facts.images.contains_key(&self.key.service)
        }))
    }

    /// The next piece; empty if there is nothing new, or no file yet.
    async fn read(&mut self) -> Vec<u8> {
        let mut piece = Vec::new();
        let Ok(mut file) = File::open(&self.path).await else {
            return piece;
        };
        let length = file.metadata().await.map_or(0, |data| data.len());
        if length < self.position {
            // The build restarted with an empty log.
            self.position = 0;
            self.rest.clear();
        }
        if file.seek(SeekFrom::Start(self.position)).await.is_err() {
            return piece;
        }
        // A file that cannot be read counts as finished.
        let _ = file.take(PIECE_BYTES).read_to_end(&mut piece).await;
        self.position += piece.len() as u64;
        piece
    }

    /// The complete lines read so far.
    fn whole_lines(&mut self, piece: &[u8]) -> Bytes {
        self.rest.extend_from_slice(piece);
        let end = match self.rest.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => end + 1,
            None if self.rest.len() >= LINE_BYTES_MAX => self.rest.len(),
            None => return Bytes::new(),
        };
        let whole: Vec<u8> = self.rest.drain(..end).collect();
        let lines: Vec<Bytes> = String::from_utf8_lossy(&whole)
            .lines()
            .map(|text| line(&self.prefix, text))
            .collect();
        Bytes::from(lines.concat())
    }

    /// Where the last `lines` lines begin.
    async fn begin_of_last(&self, lines: usize) -> u64 {
        let content = tokio::fs::read(&self.path).await.unwrap_or_default();
        let ends = content
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, byte)| **byte == b'\n');
        // The last line's own end does not count.
        match ends.map(|(at, _)| at).nth(lines) {
            Some(at) => at as u64 + 1,
            None => 0,
        }
    }
}
