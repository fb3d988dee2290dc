//! Build output, live and kept: one file per revision and service.

use std::{
    collections::VecDeque,
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

/// How much of one build is kept, in bytes: of its beginning, which can be followed, and of its
/// end. The lines between are counted and dropped.
const HEAD_BYTES_MAX: u64 = 4 * 1024 * 1024;
const TAIL_BYTES_MAX: u64 = 256 * 1024;
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
    /// The last lines, once the head is full.
    tail: VecDeque<String>,
    tail_bytes: u64,
    /// Lines between head and tail.
    dropped_lines: u64,
}

impl Inner {
    /// Writes the tail behind the head.
    fn flush(&mut self) {
        let dropped = std::mem::take(&mut self.dropped_lines);
        if dropped > 0 {
            self.force(&format!("… {dropped} lines in between were not kept"));
        }
        self.tail_bytes = 0;
        for line in std::mem::take(&mut self.tail) {
            self.force(&line);
        }
    }

    /// A log that cannot be written must not fail the build; the error is in the server's log.
    fn force(&mut self, line: &str) {
        if let Err(error) = writeln!(self.file, "{line}") {
            tracing::warn!(%error, "cannot write a line of a build log; the line is lost");
        }
    }
}

impl Drop for Inner {
    /// An interrupted build also keeps its last lines.
    fn drop(&mut self) {
        self.flush();
    }
}

impl BuildLog {
    /// Starts the log, and replaces an older one of the same revision and service.
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
            tail: VecDeque::new(),
            tail_bytes: 0,
            dropped_lines: 0,
        };
        Ok(Self {
            inner: Mutex::new(inner),
        })
    }

    /// The path of a build's log.
    pub fn path(
        logs: &Path,
        preview: &PreviewId,
        revision: RevisionNumber,
        service: &ServiceName,
    ) -> PathBuf {
        logs.join(preview.as_str())
            .join(format!("{revision}-{service}.build.log"))
    }

    /// The sink for the events of a build.
    pub fn sink(self: &Arc<Self>) -> BuildSink {
        let log = Arc::clone(self);
        Arc::new(move |event| log.write(&event))
    }

    /// The last lines of a finished build.
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

    /// Ends the log with the result of the build.
    pub fn close(&self, error: Option<&deploy::builder::BuildError>) {
        let mut inner = self.lock();
        inner.flush();
        if let Some(error) = error {
            // The first line is the builder's sentence; the log already has the step's output.
            let said = error.to_string();
            let said = said.lines().next().unwrap_or_default();
            inner.force(&format!("failed: {}", text::plain(said)));
        }
    }

    /// Adds a sentence about the whole build.
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
                "build context: {files} files; new or changed files sent: {files_sent} \
                 ({bytes_sent} bytes)"
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
        let bytes = line.len() as u64 + 1;
        if inner.written < HEAD_BYTES_MAX {
            inner.written += bytes;
            let full = inner.written >= HEAD_BYTES_MAX;
            inner.force(line);
            if full {
                inner.force("… this log is long: its end appears when the build ends");
            }
            return;
        }
        inner.tail_bytes += bytes;
        inner.tail.push_back(line.to_owned());
        while inner.tail_bytes > TAIL_BYTES_MAX {
            let Some(first) = inner.tail.pop_front() else {
                break;
            };
            inner.tail_bytes -= first.len() as u64 + 1;
            inner.dropped_lines += 1;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_log_keeps_its_beginning_and_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let preview = PreviewId::parse("shop-1").unwrap();
        let service = ServiceName::parse("web").unwrap();
        let revision = RevisionNumber(1);
        let log = BuildLog::create(folder.path(), &preview, revision, &service).unwrap();
        let lines = 60_000;
        for number in 0..lines {
            log.note(&format!("line {number} {}", "x".repeat(90)));
        }
        log.close(Some(&deploy::builder::BuildError::failed(
            "it broke\nwith more",
        )));
        let path = BuildLog::path(folder.path(), &preview, revision, &service);
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.len() as u64 <= HEAD_BYTES_MAX + TAIL_BYTES_MAX + 1_000);
        assert!(text.starts_with("line 0 "));
        assert!(text.contains(&format!("line {} ", lines - 1)));
        assert!(text.contains("lines in between were not kept"));
        assert!(text.ends_with("failed: it broke\n"));
        let tail = BuildLog::tail(folder.path(), &preview, revision, &service);
        assert_eq!(tail.len(), TAIL_LINES);
    }
}
