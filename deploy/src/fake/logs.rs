//! Output of simulated services.

use std::net::SocketAddr;

use futures_util::stream;
use tokio::sync::watch;

use super::{FakeEngine, describe};
use crate::engine::{EngineError, LogLine, LogStream, ServiceKey};

/// A reader's position in a service's output.
struct Reader {
    fake: FakeEngine,
    key: ServiceKey,
    /// The address of the run whose output it reads.
    address: SocketAddr,
    /// The next line, counted from the service's first.
    next: usize,
    follow: bool,
    changed: watch::Receiver<u64>,
}

enum Next {
    Line(LogLine),
    Later,
    End,
}

impl FakeEngine {
    pub(super) fn lines(
        &self,
        key: &ServiceKey,
        tail: usize,
        follow: bool,
    ) -> Result<LogStream, EngineError> {
        let mut world = self.world();
        let changed = world.changed.subscribe();
        let service = world
            .service(&self.instance, key)
            .ok_or_else(|| EngineError::Missing(describe::service(key)))?;
        let reader = Reader {
            fake: self.clone(),
            address: service.address,
            next: service.lines_forgotten + service.lines.len().saturating_sub(tail),
            follow,
            changed,
            key: key.clone(),
        };
        Ok(Box::pin(stream::unfold(reader, |mut reader| async move {
            reader.read().await.map(|line| (Ok(line), reader))
        })))
    }
}

impl Reader {
    async fn read(&mut self) -> Option<LogLine> {
        loop {
            match self.next_line() {
                Next::Line(line) => return Some(line),
                Next::End => return None,
                Next::Later => self.changed.changed().await.ok()?,
            }
        }
    }

    fn next_line(&mut self) -> Next {
        // Read before the world, so that a later change wakes the reader.
        self.changed.mark_unchanged();
        let mut world = self.fake.world();
        let service = world.service(&self.fake.instance, &self.key);
        let Some(service) = service.filter(|service| service.address == self.address) else {
            return Next::End;
        };
        let at = self.next.saturating_sub(service.lines_forgotten);
        match service.lines.get(at) {
            Some(line) => {
                self.next = service.lines_forgotten + at + 1;
                Next::Line(line.clone())
            }
            None if self.follow && service.is_running() => Next::Later,
            None => Next::End,
        }
    }
}
