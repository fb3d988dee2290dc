//! Build output, live and kept: one file per revision and service.

use std::{
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use deploy::{
    builder::{BuildEvent, BuildSink},
    names::{PreviewId, RevisionNumber, ServiceName},
};

use crate::text;

/// How much of one build is kept, in bytes. What comes after is counted and dropped.
const LOG_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How many last lines a failure shows.
const TAIL_LINES: usize = 30;

/// The log of one running build.
#[derive(Debug)]
pub struct BuildLog {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: File,
    written: u64,
    dropped_lines: u64,
}

impl BuildLog {
    /// Begins the log, over an older one of the same revision and service.
    pub fn create(
        logs: &Path,
        preview: &PreviewId,
        revision: RevisionNumber,
        service: &ServiceName,
    ) -> io::Result<Self> {
        let path = Self::path(logs, preview, revision, service);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let inner = Inner {
            file: File::create(path)?,
            written: 0,
            dropped_lines: 0,
        };
        Ok(Self {
            inner: Mutex::new(inner),
        })
    }

    /// Where the log of a build is.
    pub fn path(
        logs: &Path,
        preview: &PreviewId,
        revision: RevisionNumber,
        service: &ServiceName,
    ) -> PathBuf {
        logs.join(preview.as_str())
            .join(format!("{revision}-{service}.build.log"))
    }

    /// What a build writes its events to.
    pub fn sink(self: &Arc<Self>) -> BuildSink {
        let log = Arc::clone(self);
        Arc::new(move |event| log.write(&event))
    }

    /// The last lines of a build that ended.
    pub fn tail(
        logs: &Path,
        preview: &PreviewId,
        revision: RevisionNumber,
        service: &ServiceName,
    ) -> Vec<String> {
        let path = Self::path(logs, preview, revision, service);
        let Ok(content) = std::fs::read_to_string(path) else {
            return Vec::new();
        };
        let lines: Vec<&str> = content.lines().collect();
        let skip = lines.len().saturating_sub(TAIL_LINES);
        lines.into_iter().skip(skip).map(str::to_owned).collect()
    }

    /// Ends the log with how the build went.
    pub fn close(&self, error: Option<&deploy::builder::BuildError>) {
        let dropped = self.lock().dropped_lines;
        if dropped > 0 {
            self.force(&format!("… {dropped} more lines were not kept"));
        }
        if let Some(error) = error {
            // What the step printed follows the builder's sentence, and stands above already.
            let said = error.to_string();
            let said = said.lines().next().unwrap_or_default();
            self.force(&format!("failed: {}", text::plain(said)));
        }
    }

    /// Says something about the build as a whole.
    pub fn note(&self, sentence: &str) {
        self.line(&text::plain(sentence));
    }

    fn write(&self, event: &BuildEvent) {
        match event {
            BuildEvent::Cached { .. } => {}
            BuildEvent::Note { sentence } => self.note(sentence),
            BuildEvent::Transfer {
                what,
                bytes,
                bytes_total,
                done,
            } => self.line(&transfer(what, *bytes, *bytes_total, *done)),
            BuildEvent::Context {
                files,
                files_sent,
                bytes_sent,
            } => self.line(&format!(
                "context: {files} files, {files_sent} of them new to the builder, \
                 {bytes_sent} bytes sent"
            )),
            BuildEvent::Started { step } => self.line(&format!("> {}", text::plain(step))),
            BuildEvent::Done {
                step, cached: true, ..
            } => {
                self.line(&format!("= {} (cached)", text::plain(step)));
            }
            BuildEvent::Done { step, took, .. } => {
                self.line(&format!(
                    "= {} ({:.1}s)",
                    text::plain(step),
                    took.as_secs_f64()
                ));
            }
            BuildEvent::Log { line } => self.line(&format!("  {}", text::coloured(line))),
        }
    }

    fn line(&self, line: &str) {
        let mut inner = self.lock();
        if inner.written >= LOG_BYTES_MAX {
            inner.dropped_lines += 1;
            return;
        }
        inner.written += line.len() as u64 + 1;
        drop(inner);
        self.force(line);
    }

    /// A log that cannot be written must not fail the build; the error is in the server's log.
    fn force(&self, line: &str) {
        if let Err(error) = writeln!(self.lock().file, "{line}") {
            tracing::warn!(%error, "a line of a build log was lost");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn transfer(what: &str, bytes: u64, bytes_total: u64, done: bool) -> String {
    let what = text::plain(what);
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    match (done, bytes_total) {
        (true, 0) => format!("  {what}: done"),
        (true, total) => format!("  {what}: done, {:.1} MiB", mib(total)),
        (false, total) => format!("  {what}: {:.1} of {:.1} MiB", mib(bytes), mib(total)),
    }
}
