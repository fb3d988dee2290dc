//! Reads file contents from one git process.

use bytes::BytesMut;
use futures_util::future::try_join;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout},
};

use super::{
    Entry, SourceError,
    git::{Repository, unforeseen},
    limits::CHUNK_BYTES,
};

const DOING: &str = "read the commit's files";

/// One `git cat-file --batch`, which answers many requests in turn. Dropping this ends the process.
pub(super) struct Blobs {
    _child: Child,
    questions: Questions,
    answers: Answers,
}

/// The process's input.
pub(super) struct Questions(ChildStdin);

/// The process's output.
pub(super) struct Answers(BufReader<ChildStdout>);

impl Blobs {
    /// Starts the process.
    pub(super) fn open(repository: &Repository) -> Result<Self, SourceError> {
        let mut command = repository.command(&[]);
        command.args(["cat-file", "--batch"]);
        command
            .stdin(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null());
        let mut child = command.spawn().map_err(SourceError::io("run git"))?;
        let (Some(questions), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(unforeseen(DOING, "git has no pipes"));
        };
        let answers = Answers(BufReader::with_capacity(CHUNK_BYTES, answers));
        Ok(Self {
            _child: child,
            questions: Questions(questions),
            answers,
        })
    }

    /// The input for requests, and the output with the contents in request order. The process lives
    /// as long as this borrow.
    pub(super) fn sides(&mut self) -> (&mut Questions, &mut Answers) {
        (&mut self.questions, &mut self.answers)
    }

    /// Reads whole contents, whose sizes the caller has checked. Requests are written while answers
    /// are read, so that neither side blocks the other.
    pub(super) async fn whole(&mut self, entries: &[&Entry]) -> Result<Vec<Vec<u8>>, SourceError> {
        let ask = self
            .questions
            .ask_for(entries.iter().map(|entry| entry.id.as_str()));
        let answers = &mut self.answers;
        let read = async {
            let mut contents = Vec::with_capacity(entries.len());
            for entry in entries {
                contents.push(answers.whole(entry).await?);
            }
            Ok(contents)
        };
        try_join(ask, read).await.map(|((), contents)| contents)
    }
}

impl Questions {
    /// Requests contents. The caller must read the answers concurrently.
    pub(super) async fn ask_for<'a>(
        &mut self,
        ids: impl Iterator<Item = &'a str>,
    ) -> Result<(), SourceError> {
        let mut batch = Vec::new();
        for id in ids {
            batch.extend_from_slice(id.as_bytes());
            batch.push(b'\n');
            if batch.len() >= CHUNK_BYTES / 16 {
                self.0
                    .write_all(&batch)
                    .await
                    .map_err(SourceError::io(DOING))?;
                batch.clear();
            }
        }
        self.0
            .write_all(&batch)
            .await
            .map_err(SourceError::io(DOING))
    }
}

impl Answers {
    /// Reads `<id> blob <size>\n` and compares it with the request.
    pub(super) async fn begin(&mut self, id: &str, size: u64) -> Result<(), SourceError> {
        let mut line = Vec::new();
        let mut limited = (&mut self.0).take(200);
        limited
            .read_until(b'\n', &mut line)
            .await
            .map_err(SourceError::io(DOING))?;
        let said = String::from_utf8_lossy(&line);
        if said.trim_end() == format!("{id} blob {size}") {
            return Ok(());
        }
        Err(unforeseen(DOING, &said))
    }

    /// Appends the next piece of a content that has `left` bytes to come; returns the bytes that
    /// remain.
    pub(super) async fn pour(
        &mut self,
        left: u64,
        into: &mut BytesMut,
    ) -> Result<u64, SourceError> {
        let ready = self.0.fill_buf().await.map_err(SourceError::io(DOING))?;
        let length = ready.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if length == 0 {
            return Err(unforeseen(DOING, "git exited early"));
        }
        into.extend_from_slice(&ready[..length]);
        self.0.consume(length);
        Ok(left - length as u64)
    }

    /// Reads the line feed after a content.
    pub(super) async fn end(&mut self) -> Result<(), SourceError> {
        self.0
            .read_u8()
            .await
            .map(|_| ())
            .map_err(SourceError::io(DOING))
    }

    async fn whole(&mut self, entry: &Entry) -> Result<Vec<u8>, SourceError> {
        self.begin(&entry.id, entry.size).await?;
        let (mut content, mut left) = (BytesMut::new(), entry.size);
        while left > 0 {
            left = self.pour(left, &mut content).await?;
        }
        self.end().await?;
        Ok(content.into())
    }
}
