//! Finds our records in the builder's cache.
//!
//! A record has no owner. It counts as ours if it was created while a step of one of our builds ran
//! and its description fits that step. Dayfly never removes other records.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use bollard_buildkit_proto::{
    google::protobuf::Timestamp,
    moby::buildkit::v1::{UsageRecord, Vertex},
};

use super::{buildkit, failure::silent_builder};
use crate::{
    builder::{BuildError, BuildEvent, BuildSink, CacheRecord},
    docker::Docker,
};

/// A step of our build that was executed.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    name: String,
    began_ns: i128,
    ended_ns: i128,
}

impl Work {
    /// A step that succeeded and was not cached.
    pub(crate) fn of(vertex: &Vertex) -> Option<Self> {
        if vertex.cached || !vertex.error.is_empty() {
            return None;
        }
        Some(Self {
            name: vertex.name.clone(),
            began_ns: nanos(vertex.started.as_ref()?),
            ended_ns: nanos(vertex.completed.as_ref()?),
        })
    }

    fn left(&self, record: &UsageRecord) -> bool {
        let Some(at) = record.created_at.as_ref().map(nanos) else {
            return false;
        };
        (self.began_ns..=self.ended_ns).contains(&at) && self.describes(&record.description)
    }

    /// Whether this step creates records with this description.
    fn describes(&self, description: &str) -> bool {
        if let Some((_, command)) = description.split_once(" from exec ") {
            // Builders shorten and quote commands differently; the step's name holds the original
            // command.
            let command = command.trim_start_matches("/bin/sh -c ");
            // The step's name has variables replaced; the description has not.
            return match command.contains('$') {
                true => self.name.contains("] RUN "),
                false => !command.is_empty() && self.name.ends_with(command),
            };
        }
        match description {
            "fileop target" => self.name.contains("] COPY ") || self.name.contains("] ADD "),
            "local source for context" => self.name.contains("load build context"),
            "local source for dockerfile" => self.name.contains("load build definition"),
            _ => false,
        }
    }
}

/// Reports the records that a build left when it ends or is dropped. The report is sent in the
/// background.
pub(crate) struct Leftovers {
    docker: Docker,
    works: Works,
    sink: BuildSink,
}

/// The executed steps of one build so far.
pub(crate) type Works = Arc<Mutex<Vec<Work>>>;

impl Leftovers {
    pub(crate) fn of(docker: &Docker, works: &Works, sink: &BuildSink) -> Self {
        Self {
            docker: docker.clone(),
            works: Arc::clone(works),
            sink: Arc::clone(sink),
        }
    }
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        let works = std::mem::take(&mut *self.works.lock().unwrap_or_else(PoisonError::into_inner));
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if works.is_empty() {
            return;
        }
        let (docker, sink) = (self.docker.clone(), Arc::clone(&self.sink));
        runtime.spawn(async move {
            match docker.cache_records().await {
                Ok(records) => {
                    let left = |record: &UsageRecord| works.iter().any(|work| work.left(record));
                    let records: BTreeSet<String> = records
                        .into_iter()
                        .filter(left)
                        .map(|record| record.id)
                        .collect();
                    if !records.is_empty() {
                        sink(BuildEvent::Cached { records });
                    }
                }
                Err(error) => tracing::debug!(%error, "cannot list the builder's cache"),
            }
        });
    }
}

impl Docker {
    /// All records of the builder's cache.
    pub(crate) async fn cache_records(&self) -> Result<Vec<UsageRecord>, BuildError> {
        let limit = self.config().timeouts.call;
        let asked = buildkit::records(&self.config().socket);
        match tokio::time::timeout(limit, asked).await {
            Ok(records) => records.map_err(|why| BuildError::Unreachable(why.to_string())),
            Err(_) => Err(silent_builder(limit)),
        }
    }
}

/// Converts a record to the port's type.
pub(crate) fn record(record: UsageRecord) -> CacheRecord {
    let used = record.last_used_at.as_ref().or(record.created_at.as_ref());
    CacheRecord {
        used_at_ms: used.map_or(0, |at| {
            u64::try_from(nanos(at) / 1_000_000).unwrap_or_default()
        }),
        id: record.id,
        bytes: u64::try_from(record.size).unwrap_or(0),
        in_use: record.in_use,
        shared: record.shared,
    }
}

fn nanos(at: &Timestamp) -> i128 {
    i128::from(at.seconds) * 1_000_000_000 + i128::from(at.nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Option<Timestamp> {
        Some(Timestamp { seconds, nanos: 0 })
    }

    fn work(name: &str) -> Work {
        let vertex = Vertex {
            name: name.to_owned(),
            started: at(10),
            completed: at(20),
            ..Vertex::default()
        };
        Work::of(&vertex).unwrap()
    }

    fn record(description: &str, seconds: i64) -> UsageRecord {
        UsageRecord {
            description: description.to_owned(),
            created_at: at(seconds),
            ..UsageRecord::default()
        }
    }

    #[test]
    fn a_record_is_ours_if_a_step_of_ours_left_it() {
        let run = work("[2/3] RUN make all");
        let exec = "mount / from exec /bin/sh -c make all";
        assert!(run.left(&record(exec, 15)));
        assert!(!run.left(&record(exec, 25)), "it came later");
        assert!(!run.left(&record("mount / from exec /bin/sh -c make", 9)));
        for other in ["rm -r /", "make", "ake all && rm"] {
            let other = format!("mount / from exec /bin/sh -c {other}");
            assert!(!run.left(&record(&other, 15)), "{other}");
        }
        assert!(run.left(&record("mount / from exec /bin/sh -c make $TARGET", 15)));
        assert!(!run.left(&record("fileop target", 15)), "it copies nothing");
        let copy = work("[3/3] COPY site /site");
        assert!(copy.left(&record("fileop target", 10)));
        assert!(!copy.left(&record("local source for context", 15)));
        assert!(
            work("[internal] load build context").left(&record("local source for context", 15))
        );
    }

    #[test]
    fn what_was_cached_or_failed_left_nothing() {
        let vertex = Vertex {
            started: at(1),
            completed: at(2),
            ..Vertex::default()
        };
        assert!(Work::of(&vertex).is_some());
        for other in [
            Vertex {
                cached: true,
                ..vertex.clone()
            },
            Vertex {
                error: "failed".to_owned(),
                ..vertex.clone()
            },
            Vertex {
                completed: None,
                ..vertex
            },
        ] {
            assert!(Work::of(&other).is_none());
        }
    }
}
