//! Logs of containers.

use std::{
    collections::VecDeque,
    time::{Duration, SystemTime},
};

use bollard::{
    container::LogOutput,
    query_parameters::{LogsOptions, LogsOptionsBuilder},
};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};

use crate::{
    docker::{Docker, client::within, error::classify},
    engine::{EngineError, LogLine, LogStream, ServiceKey},
};

/// Maximum bytes of a line; the engine itself splits lines at this length.
const LINE_BYTES_MAX: usize = 16 * 1024;

/// Maximum bytes of a line in a command's output.
const OUTPUT_LINE_BYTES_MAX: usize = 4 * 1024;

impl Docker {
    pub(crate) async fn service_logs(
        &self,
        key: &ServiceKey,
        tail: usize,
        follow: bool,
    ) -> Result<LogStream, EngineError> {
        let name = self.names(&key.preview).service(key.revision, &key.service);
        let what = format!(
            "service {} of {} {}",
            key.service, key.preview, key.revision
        );
        self.container_logs(&name, what, tail, follow).await
    }

    /// The log of one of our containers.
    pub(crate) async fn container_logs(
        &self,
        name: &str,
        what: String,
        tail: usize,
        follow: bool,
    ) -> Result<LogStream, EngineError> {
        let found = self.find_ours(name).await?;
        let (id, _) = found.ok_or_else(|| EngineError::Missing(what.clone()))?;
        let api = self.api().clone();
        let frames = async_frames(api, id, options(tail, follow));
        let lines = frames.map_err(move |error| classify(&what, error));
        Ok(Box::pin(assemble(lines)))
    }

    /// The last lines of an exited container.
    pub(crate) async fn last_lines(
        &self,
        id: &str,
        most: usize,
    ) -> Result<Vec<String>, EngineError> {
        let what = "a container's output";
        within(self.config().timeouts.call, what, async {
            let frames = self.api().logs(id, Some(options(most, false)));
            let mut lines = Box::pin(assemble(frames));
            let mut last = VecDeque::with_capacity(most.min(64));
            while let Some(line) = lines.try_next().await? {
                if last.len() == most {
                    last.pop_front();
                }
                let kept = &line.text[..line.text.len().min(OUTPUT_LINE_BYTES_MAX)];
                last.push_back(String::from_utf8_lossy(kept).into_owned());
            }
            Ok(last.into())
        })
        .await
    }
}

fn options(tail: usize, follow: bool) -> LogsOptions {
    LogsOptionsBuilder::new()
        .stdout(true)
        .stderr(true)
        .timestamps(true)
        .follow(follow)
        .tail(&tail.to_string())
        .build()
}

/// The engine's stream, which owns its client.
fn async_frames(
    api: bollard::Docker,
    id: String,
    options: LogsOptions,
) -> impl Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send {
    let (sender, receiver) = tokio::sync::mpsc::channel(64);
    let reader = tokio::spawn(async move {
        let mut frames = Box::pin(api.logs(&id, Some(options)));
        while let Some(frame) = frames.next().await {
            if sender.send(frame).await.is_err() {
                return;
            }
        }
    });
    // A reader of an idle stream would not notice that its receiver is gone.
    let reader = tokio_util::task::AbortOnDropHandle::new(reader);
    stream::unfold((receiver, reader), |(mut receiver, reader)| async move {
        receiver
            .recv()
            .await
            .map(|frame| (frame, (receiver, reader)))
    })
}

/// Assembles lines from frames. A frame is a line or a part of a long line.
fn assemble<E>(
    frames: impl Stream<Item = Result<LogOutput, E>>,
) -> impl Stream<Item = Result<LogLine, E>> {
    let ends = stream::iter([None, None]);
    frames
        .map(Some)
        .chain(ends)
        .scan(
            (Partial::default(), Partial::default(), 0_u8),
            |(out, err, ended), frame| {
                let line = match frame {
                    Some(Err(error)) => Some(Err(error)),
                    Some(Ok(LogOutput::StdErr { message })) => err.push(&message, true).map(Ok),
                    Some(Ok(
                        LogOutput::StdOut { message }
                        | LogOutput::Console { message }
                        | LogOutput::StdIn { message },
                    )) => out.push(&message, false).map(Ok),
                    None => {
                        *ended += 1;
                        if *ended == 1 {
                            out.take_line(false)
                        } else {
                            err.take_line(true)
                        }
                        .map(Ok)
                    }
                };
                std::future::ready(Some(line))
            },
        )
        .filter_map(std::future::ready)
}

/// The received part of a line.
#[derive(Default)]
struct Partial {
    at: Option<SystemTime>,
    text: BytesMut,
}

impl Partial {
    fn push(&mut self, frame: &[u8], stderr: bool) -> Option<LogLine> {
        let (at, text) = split_time(frame);
        self.at = self.at.or(at);
        let (text, whole) = match text.strip_suffix(b"\n") {
            Some(text) => (text.strip_suffix(b"\r").unwrap_or(text), true),
            None => (text, false),
        };
        let room = LINE_BYTES_MAX.saturating_sub(self.text.len());
        self.text.extend_from_slice(&text[..text.len().min(room)]);
        if whole { Some(self.line(stderr)) } else { None }
    }

    /// The incomplete last line when the stream ends.
    fn take_line(&mut self, stderr: bool) -> Option<LogLine> {
        if self.text.is_empty() {
            None
        } else {
            Some(self.line(stderr))
        }
    }

    fn line(&mut self, stderr: bool) -> LogLine {
        let text: Bytes = self.text.split().freeze();
        LogLine {
            at: self.at.take().unwrap_or(SystemTime::UNIX_EPOCH),
            stderr,
            text,
        }
    }
}

/// Splits the engine's timestamp from a frame.
fn split_time(frame: &[u8]) -> (Option<SystemTime>, &[u8]) {
    let space = frame.iter().take(48).position(|byte| *byte == b' ');
    let time = space.and_then(|space| {
        let time = parse_time(std::str::from_utf8(frame.get(..space)?).ok()?)?;
        Some((time, frame.get(space + 1..)?))
    });
    match time {
        Some((time, rest)) => (Some(time), rest),
        None => (None, frame),
    }
}

/// An RFC 3339 time in UTC, as the engine writes it.
pub(super) fn parse_time(text: &str) -> Option<SystemTime> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(str::parse::<u64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut clock = clock.splitn(3, ':').map(str::parse::<u64>);
    let (hour, minute, second) = (
        clock.next()?.ok()?,
        clock.next()?.ok()?,
        clock.next()?.ok()?,
    );
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let nanos: u32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))
}

/// Days from 1970-01-01, counting years from March so that the leap day comes last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> u64 {
        parse_time(text)
            .unwrap()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_secs()
    }

    #[test]
    fn the_engines_times_are_read() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), 0);
        assert_eq!(seconds("2000-02-29T12:00:00.5Z"), 951_825_600);
        assert_eq!(seconds("2026-11-23T14:09:31.123456789Z"), 1_795_442_971);
        let at = parse_time("1970-01-01T00:00:01.000000007Z").unwrap();
        assert_eq!(at, SystemTime::UNIX_EPOCH + Duration::new(1, 7));
        for bad in [
            "",
            "Z",
            "2026-11-23",
            "2026-13-01T00:00:00Z",
            "x-1-1T0:0:0Z",
            "é",
        ] {
            assert_eq!(parse_time(bad), None, "{bad}");
        }
    }

    async fn lines(frames: Vec<LogOutput>) -> Vec<(bool, String)> {
        let frames = stream::iter(frames.into_iter().map(Ok::<_, ()>));
        assemble(frames)
            .map(|line| line.unwrap())
            .map(|line| {
                (
                    line.stderr,
                    String::from_utf8_lossy(&line.text).into_owned(),
                )
            })
            .collect()
            .await
    }

    fn out(text: &str) -> LogOutput {
        LogOutput::StdOut {
            message: Bytes::from(format!("2026-11-23T14:09:31Z {text}")),
        }
    }

    fn err(text: &str) -> LogOutput {
        LogOutput::StdErr {
            message: Bytes::from(format!("2026-11-23T14:09:31Z {text}")),
        }
    }

    #[tokio::test]
    async fn parts_of_a_line_become_one_line_even_when_the_other_stream_comes_between() {
        let frames = vec![out("a"), err("x\n"), out("b\r\n"), out("\n"), err("rest")];
        let expected = [(true, "x"), (false, "ab"), (false, ""), (true, "rest")];
        assert_eq!(
            lines(frames).await,
            expected.map(|(e, t)| (e, t.to_owned()))
        );
    }

    #[tokio::test]
    async fn a_line_without_end_stays_within_its_limit() {
        let long = "y".repeat(LINE_BYTES_MAX - 10);
        let got = lines(vec![out(&long), out(&long), out(&long)]).await;
        assert_eq!(got.len(), 1);
        assert_eq!(got[0].1.len(), LINE_BYTES_MAX);
    }
}
