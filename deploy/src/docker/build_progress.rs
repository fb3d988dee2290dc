//! The builder's progress, as events: its graph's vertices are steps, its log pieces are lines.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use bollard::{
    errors::Error,
    moby::buildkit::v1::{StatusResponse, Vertex, VertexLog},
};

use super::{
    error::{classify, sentence},
    images::build_error,
};
use crate::builder::{BuildError, BuildEvent, BuildRequest, BuildSink};

/// How many bytes of a line are told; the rest of it is dropped.
const LINE_BYTES_MAX: usize = 4 * 1024;

/// How many bytes of lines a build may tell; the rest is dropped, after a line that says so.
const LOG_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How many of its last lines are told with a step's failure.
const LAST_LINES: usize = 20;

/// What builders put before the sentence that matters.
const PREAMBLES: [&str; 6] = [
    "rpc error: code = Unknown desc = ",
    "failed to solve with frontend dockerfile.v0: ",
    "failed to solve: ",
    "failed to build LLB: ",
    "failed to create LLB definition: ",
    "dockerfile parse error: ",
];

/// Builder's sentences that tell of a moment, not of the Dockerfile.
const PASSING: [&str; 4] = [
    "code = Unavailable",
    "code = Canceled",
    "context canceled",
    "no active session",
];

/// What was told of a build so far.
pub(super) struct Progress {
    sink: BuildSink,
    steps: HashMap<String, Step>,
    /// Lines that have not ended, by step and stream.
    partial: HashMap<(String, i64), Vec<u8>>,
    bytes_left: usize,
    failed: Option<String>,
}

#[derive(Default)]
struct Step {
    name: String,
    started: bool,
    done: bool,
    last: VecDeque<String>,
}

impl Progress {
    pub(super) fn new(sink: BuildSink) -> Self {
        Self {
            sink,
            steps: HashMap::new(),
            partial: HashMap::new(),
            bytes_left: LOG_BYTES_MAX,
            failed: None,
        }
    }

    /// Tells what is new in the builder's message.
    pub(super) fn take(&mut self, status: StatusResponse) {
        // A step's beginning comes before its lines and its end after them, even when one message
        // holds all three.
        for vertex in &status.vertexes {
            self.begin(vertex);
        }
        for log in status.logs {
            self.log(log);
        }
        for vertex in status.vertexes {
            self.end(vertex);
        }
    }

    /// Tells what is left of lines that never ended.
    pub(super) fn finish(&mut self) {
        let mut rest: Vec<_> = self.partial.drain().collect();
        rest.sort();
        for ((digest, _), text) in rest {
            self.line(&digest, &text);
        }
    }

    /// The builder's sentence, with the last lines of the step that it is about.
    pub(super) fn failure(&self, request: &BuildRequest, error: Error) -> BuildError {
        let said = sentence(&error);
        if said.is_empty() || PASSING.iter().any(|word| said.contains(word)) {
            return match error {
                Error::DockerStreamError { error } => BuildError::Unreachable(error),
                other => build_error(classify("the builder", other)),
            };
        }
        if said.contains("failed to read dockerfile") && said.contains("no such file") {
            return BuildError::NoDockerfile {
                path: request.dockerfile.clone(),
            };
        }
        let step = self
            .failed
            .as_ref()
            .and_then(|digest| self.steps.get(digest));
        let mut message = plain(said).to_owned();
        for line in step.into_iter().flat_map(|step| &step.last) {
            message.push('\n');
            message.push_str(line);
        }
        BuildError::Failed {
            step: step.map(|step| step.name.clone()),
            message,
        }
    }

    fn tell(&self, event: BuildEvent) {
        (self.sink)(event);
    }

    fn begin(&mut self, vertex: &Vertex) {
        let step = self.steps.entry(vertex.digest.clone()).or_default();
        if !vertex.name.is_empty() {
            step.name.clone_from(&vertex.name);
        }
        let begins = vertex.started.is_some() || vertex.cached || vertex.completed.is_some();
        if begins && !step.started {
            step.started = true;
            let step = step.name.clone();
            self.tell(BuildEvent::Started { step });
        }
    }

    fn end(&mut self, vertex: Vertex) {
        if !vertex.error.is_empty() && !vertex.error.contains("context canceled") {
            self.failed.get_or_insert_with(|| vertex.digest.clone());
            return;
        }
        let took = took(&vertex);
        if !vertex.error.is_empty() || (took.is_none() && !vertex.cached) {
            return;
        }
        let Some(step) = self.steps.get_mut(&vertex.digest).filter(|step| !step.done) else {
            return;
        };
        step.done = true;
        let step = step.name.clone();
        let took = if vertex.cached {
            Duration::ZERO
        } else {
            took.unwrap_or_default()
        };
        self.tell(BuildEvent::Done {
            step,
            cached: vertex.cached,
            took,
        });
    }

    fn log(&mut self, log: VertexLog) {
        let key = (log.vertex, log.stream);
        let mut text = self.partial.remove(&key).unwrap_or_default();
        for piece in log.msg.split_inclusive(|byte| *byte == b'\n') {
            let (piece, whole) = match piece.strip_suffix(b"\n") {
                Some(piece) => (piece, true),
                None => (piece, false),
            };
            let room = LINE_BYTES_MAX.saturating_sub(text.len());
            text.extend_from_slice(&piece[..piece.len().min(room)]);
            if whole {
                self.line(&key.0, &text);
                text.clear();
            }
        }
        if !text.is_empty() {
            self.partial.insert(key, text);
        }
    }

    fn line(&mut self, digest: &str, text: &[u8]) {
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let line = String::from_utf8_lossy(text).into_owned();
        if let Some(step) = self.steps.get_mut(digest) {
            if step.last.len() == LAST_LINES {
                step.last.pop_front();
            }
            step.last.push_back(line.clone());
        }
        if self.bytes_left == 0 {
            return;
        }
        self.bytes_left = self.bytes_left.saturating_sub(line.len() + 1);
        self.tell(BuildEvent::Log { line });
        if self.bytes_left == 0 {
            let limit = LOG_BYTES_MAX / 1024 / 1024;
            let line = format!("the build printed more than {limit} MiB; the rest is not kept");
            self.tell(BuildEvent::Log { line });
        }
    }
}

/// From the step's start to its end, once both are known.
fn took(vertex: &Vertex) -> Option<Duration> {
    let nanos = |seconds: i64, nanos: i32| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    let end = vertex
        .completed
        .as_ref()
        .map(|at| nanos(at.seconds, at.nanos))?;
    let start = vertex
        .started
        .as_ref()
        .map_or(end, |at| nanos(at.seconds, at.nanos));
    Some(Duration::from_nanos(
        u64::try_from(end - start).unwrap_or_default(),
    ))
}

fn plain(sentence: &str) -> &str {
    let mut rest = sentence.trim();
    while let Some(shorter) = PREAMBLES
        .iter()
        .find_map(|preamble| rest.strip_prefix(preamble))
    {
        rest = shorter;
    }
    rest
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn progress() -> (Progress, Arc<Mutex<Vec<BuildEvent>>>) {
        let events: Arc<Mutex<Vec<BuildEvent>>> = Arc::default();
        let into = Arc::clone(&events);
        (
            Progress::new(Arc::new(move |event| into.lock().unwrap().push(event))),
            events,
        )
    }

    fn vertex(digest: &str, ended: bool, cached: bool) -> Vertex {
        let mut vertex = Vertex {
            digest: digest.to_owned(),
            name: format!("[1/1] {digest}"),
            cached,
            started: Some(Default::default()),
            ..Vertex::default()
        };
        if ended {
            vertex.completed = Some(Default::default());
            vertex.completed.as_mut().unwrap().seconds = 3;
        }
        vertex
    }

    fn log(digest: &str, text: &str) -> VertexLog {
        VertexLog {
            vertex: digest.to_owned(),
            stream: 1,
            msg: text.as_bytes().to_vec(),
            ..VertexLog::default()
        }
    }

    fn status(vertexes: Vec<Vertex>, logs: Vec<VertexLog>) -> StatusResponse {
        StatusResponse {
            vertexes,
            logs,
            ..StatusResponse::default()
        }
    }

    #[test]
    fn a_step_is_told_once_however_often_it_is_repeated() {
        let (mut progress, events) = progress();
        for _ in 0..2 {
            progress.take(status(vec![vertex("a", false, false)], vec![]));
            progress.take(status(vec![vertex("a", true, false)], vec![]));
            progress.take(status(vec![vertex("b", true, true)], vec![]));
        }
        let (a, b) = ("[1/1] a".to_owned(), "[1/1] b".to_owned());
        let expected = [
            BuildEvent::Started { step: a.clone() },
            BuildEvent::Done {
                step: a,
                cached: false,
                took: Duration::from_secs(3),
            },
            BuildEvent::Started { step: b.clone() },
            BuildEvent::Done {
                step: b,
                cached: true,
                took: Duration::ZERO,
            },
        ];
        assert_eq!(*events.lock().unwrap(), expected);
    }

    #[test]
    fn pieces_become_lines_per_step_and_stay_within_their_limits() {
        let (mut progress, events) = progress();
        let long = "x".repeat(LINE_BYTES_MAX * 2);
        progress.take(status(
            vec![vertex("a", false, false), vertex("b", false, false)],
            vec![
                log("a", "one"),
                log("b", "two\r\n"),
                log("a", " more\nrest"),
                log("b", &long),
            ],
        ));
        progress.finish();
        let events = events.lock().unwrap();
        let lines: Vec<&str> = events
            .iter()
            .filter_map(|event| match event {
                BuildEvent::Log { line } => Some(line.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(lines, ["two", "one more", "rest", &long[..LINE_BYTES_MAX]]);
    }

    #[test]
    fn a_build_that_prints_without_end_is_cut_with_a_word_about_it() {
        let (mut progress, events) = progress();
        let line = "y".repeat(LINE_BYTES_MAX - 1) + "\n";
        for _ in 0..LOG_BYTES_MAX / LINE_BYTES_MAX + 50 {
            progress.take(status(vec![], vec![log("a", &line)]));
        }
        let events = events.lock().unwrap();
        assert_eq!(events.len(), LOG_BYTES_MAX / LINE_BYTES_MAX + 1);
        assert!(matches!(events.last(), Some(BuildEvent::Log { line }) if line.contains("16 MiB")));
    }

    #[test]
    fn the_sentence_that_matters_is_left() {
        let said = "failed to solve with frontend dockerfile.v0: failed to build LLB: executor \
                    failed running [/bin/sh -c false]: exit code: 1";
        assert_eq!(
            plain(said),
            "executor failed running [/bin/sh -c false]: exit code: 1"
        );
    }
}
