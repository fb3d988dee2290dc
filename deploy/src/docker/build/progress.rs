//! Converts the builder's progress to events: vertices of its graph to steps, pieces of log to
//! lines.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::PoisonError,
    time::Duration,
};

use bollard_buildkit_proto::moby::buildkit::v1::{StatusResponse, Vertex, VertexLog, VertexStatus};

use super::{
    cache::{Work, Works},
    dockerfile::{line_of_step, names_frontend},
    failure::{fault, line_of_sentence, passes, plain, stage_of_step},
    registries::Registries,
};
use crate::{
    builder::{BuildError, BuildEvent, BuildFault, BuildRequest, BuildSecret, BuildSink},
    redact::{Redacted, Secrets},
    source::{Absence, Context},
};

/// Maximum bytes of a line; the rest is dropped.
const LINE_BYTES_MAX: usize = 4 * 1024;

/// Maximum bytes of log per build; a final line reports that the rest is dropped.
const LOG_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Number of last lines to report with a failed step.
const LAST_LINES: usize = 20;

/// Minimum time between two progress events of a transfer, by the builder's clock.
const TRANSFER_PAUSE: Duration = Duration::from_secs(2);

/// Maximum number of transfers to report; further ones are ignored.
const TRANSFERS_MAX: usize = 200;

/// The reported progress of a build so far.
pub(crate) struct Progress {
    sink: BuildSink,
    steps: HashMap<String, Step>,
    /// Output of steps, by step and stream.
    printed: HashMap<(String, i64), Printed>,
    transfers: HashMap<String, Duration>,
    secrets: Secrets,
    /// Executed steps, to find their cache records later.
    works: Works,
    bytes_left: usize,
    failed: Option<String>,
}

/// One stream of one step.
#[derive(Default)]
struct Printed {
    redacted: Redacted,
    /// An incomplete line.
    line: Vec<u8>,
}

#[derive(Default)]
struct Step {
    name: String,
    started: bool,
    done: bool,
    last: VecDeque<String>,
}

impl Progress {
    pub(crate) fn new(
        sink: BuildSink,
        works: Works,
        secrets: &BTreeMap<String, BuildSecret>,
    ) -> Self {
        Self {
            sink,
            steps: HashMap::new(),
            printed: HashMap::new(),
            transfers: HashMap::new(),
            secrets: Secrets::new(secrets.values().map(|secret| &secret.value)),
            works,
            bytes_left: LOG_BYTES_MAX,
            failed: None,
        }
    }

    /// Reports the news in a message of the builder.
    pub(crate) fn take_status(&mut self, status: StatusResponse) {
        // A step's start is reported before its lines and its end after them, even if one message
        // contains all three.
        for vertex in &status.vertexes {
            self.begin(vertex);
        }
        for log in &status.logs {
            self.log(log);
        }
        for transfer in &status.statuses {
            self.transfer(transfer);
        }
        for vertex in status.vertexes {
            self.end(vertex);
        }
    }

    /// Reports the remaining incomplete lines.
    pub(crate) fn finish(&mut self) {
        let mut rest: Vec<_> = self.printed.drain().collect();
        rest.sort_by(|(a, _), (b, _)| a.cmp(b));
        for ((digest, _), mut printed) in rest {
            let held = printed.redacted.finish(&self.secrets);
            for line in lines(&mut printed.line, &held) {
                self.line(&digest, &line);
            }
            if !printed.line.is_empty() {
                self.line(&digest, &printed.line);
            }
        }
    }

    /// Converts the builder's message to an error, with the last lines of the failed step.
    pub(crate) async fn failure(
        &self,
        request: &BuildRequest,
        context: &Context,
        registries: &Registries,
        dockerfile: &[u8],
        (sentence, line): (&str, Option<u32>),
    ) -> BuildError {
        if passes(sentence) {
            return BuildError::Unreachable(self.secrets.redact_line(plain(sentence).to_owned()));
        }
        if sentence.contains("failed to read dockerfile") && sentence.contains("no such file") {
            return BuildError::NoDockerfile {
                path: request.dockerfile_path(),
            };
        }
        let step = self
            .failed
            .as_ref()
            .and_then(|digest| self.steps.get(digest));
        let last: Vec<&str> = step
            .into_iter()
            .flat_map(|step| step.last.iter().map(String::as_str))
            .collect();
        let name = step.map(|step| step.name.as_str());
        let mut fault = fault(sentence, name, &last, registries);
        match &mut fault {
            BuildFault::NotFound { path, absence } => {
                *absence = match name.and_then(stage_of_step) {
                    Some(stage) => Absence::Elsewhere {
                        stage: stage.to_owned(),
                    },
                    None => context.absence(path).await,
                };
            }
            BuildFault::Dockerfile { level, .. } if names_frontend(dockerfile) => *level = None,
            _ => {}
        }
        let mut message = self.secrets.redact_line(plain(sentence).to_owned());
        for line in last {
            message.push('\n');
            message.push_str(line);
        }
        BuildError::Failed {
            fault: Box::new(fault),
            step: step.map(|step| step.name.clone()),
            line: line
                .or_else(|| line_of_sentence(sentence))
                .or_else(|| line_of_step(dockerfile, &step?.name)),
            message,
        }
    }

    fn tell(&self, event: BuildEvent) {
        (self.sink)(event);
    }

    fn begin(&mut self, vertex: &Vertex) {
        let step = self.steps.entry(vertex.digest.clone()).or_default();
        if !vertex.name.is_empty() {
            step.name = self.secrets.redact_line(vertex.name.clone());
        }
        let begins = vertex.started.is_some() || vertex.cached || vertex.completed.is_some();
        if begins && !step.started {
            step.started = true;
            let step = step.name.clone();
            self.tell(BuildEvent::Started { step });
        }
    }

    fn end(&mut self, vertex: Vertex) {
        if !vertex.error.is_empty() && !passes(&vertex.error) {
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
        let mut works = self.works.lock().unwrap_or_else(PoisonError::into_inner);
        works.extend(Work::of(&vertex));
        drop(works);
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

    fn log(&mut self, log: &VertexLog) {
        let key = (log.vertex.clone(), log.stream);
        let mut printed = self.printed.remove(&key).unwrap_or_default();
        let shown = printed.redacted.push(&self.secrets, &log.msg);
        for line in lines(&mut printed.line, &shown) {
            self.line(&log.vertex, &line);
        }
        self.printed.insert(key, printed);
    }

    /// Reports a transfer from time to time, and its completion.
    fn transfer(&mut self, status: &VertexStatus) {
        let done = status.completed.is_some();
        let at = status.timestamp.as_ref().map(|at| {
            Duration::new(
                u64::try_from(at.seconds).unwrap_or(0),
                u32::try_from(at.nanos).unwrap_or(0),
            )
        });
        let at = at.unwrap_or_default();
        let key = format!("{} {}", status.vertex, status.id);
        let told = self.transfers.get(&key).copied();
        let due = told.is_none_or(|told| at.saturating_sub(told) >= TRANSFER_PAUSE);
        let room = told.is_some() || self.transfers.len() < TRANSFERS_MAX;
        // Some transfers, such as resolving an image name, move no bytes.
        if status.total <= 0 || !room || !(due || done) || told == Some(Duration::MAX) {
            return;
        }
        self.transfers
            .insert(key, if done { Duration::MAX } else { at });
        self.tell(BuildEvent::Transfer {
            what: status.id.clone(),
            bytes: u64::try_from(status.current).unwrap_or(0),
            bytes_total: u64::try_from(status.total).unwrap_or(0),
            done,
        });
    }

    fn line(&mut self, digest: &str, text: &[u8]) {
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let line = String::from_utf8_lossy(text).into_owned();
        let line = self.secrets.redact_line(line);
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
            let line = format!("the build printed more than {limit} MiB; the rest is dropped");
            self.tell(BuildEvent::Log { line });
        }
    }
}

/// The duration of a step, once its start and end are known.
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

/// Appends a piece to an incomplete line and returns all complete lines.
fn lines(line: &mut Vec<u8>, piece: &[u8]) -> Vec<Vec<u8>> {
    let mut whole = Vec::new();
    for part in piece.split_inclusive(|byte| *byte == b'\n') {
        let (part, ends) = match part.strip_suffix(b"\n") {
            Some(part) => (part, true),
            None => (part, false),
        };
        let room = LINE_BYTES_MAX.saturating_sub(line.len());
        line.extend_from_slice(&part[..part.len().min(room)]);
        if ends {
            whole.push(std::mem::take(line));
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn progress() -> (Progress, Arc<Mutex<Vec<BuildEvent>>>) {
        let events: Arc<Mutex<Vec<BuildEvent>>> = Arc::default();
        let into = Arc::clone(&events);
        (
            Progress::new(
                Arc::new(move |event| into.lock().unwrap().push(event)),
                Works::default(),
                &BTreeMap::from([("token".to_owned(), secret())]),
            ),
            events,
        )
    }

    fn secret() -> BuildSecret {
        BuildSecret {
            value: "s3cr3t-t0ken".to_owned().into(),
            version: "1".to_owned(),
        }
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
            progress.take_status(status(vec![vertex("a", false, false)], vec![]));
            progress.take_status(status(vec![vertex("a", true, false)], vec![]));
            progress.take_status(status(vec![vertex("b", true, true)], vec![]));
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
        progress.take_status(status(
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
            progress.take_status(status(vec![], vec![log("a", &line)]));
        }
        let events = events.lock().unwrap();
        assert_eq!(events.len(), LOG_BYTES_MAX / LINE_BYTES_MAX + 1);
        assert!(matches!(events.last(), Some(BuildEvent::Log { line }) if line.contains("16 MiB")));
    }

    #[test]
    fn a_secret_is_not_told_even_when_it_is_printed_in_pieces() {
        let (mut progress, events) = progress();
        let pieces = ["the token is s3cr3t", "-t0", "ken!\nand s3cr3t-t0ken", "\n"];
        let logs = pieces.map(|piece| log("a", piece));
        progress.take_status(status(vec![vertex("a", false, false)], logs.to_vec()));
        progress.finish();
        let told = format!("{:?}", events.lock().unwrap());
        assert!(told.contains("the token is ***!"), "{told}");
        assert!(!told.contains("t0ken"), "{told}");
    }

    #[test]
    fn a_transfer_is_told_now_and_then_and_at_its_end() {
        let (mut progress, events) = progress();
        for second in 0..10 {
            let mut at = VertexStatus {
                id: "layer".to_owned(),
                current: second * 10,
                total: 90,
                ..VertexStatus::default()
            };
            at.timestamp = Some(Default::default());
            at.timestamp.as_mut().unwrap().seconds = second;
            at.completed = (second == 9).then(Default::default);
            let statuses = vec![at.clone(), at];
            progress.take_status(StatusResponse {
                statuses,
                ..StatusResponse::default()
            });
        }
        let bytes: Vec<u64> = events
            .lock()
            .unwrap()
            .iter()
            .map(|event| match event {
                BuildEvent::Transfer { bytes, .. } => *bytes,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(bytes, [0, 20, 40, 60, 80, 90]);
    }
}
