//! One file of a commit, read while git writes it.

use std::io;

use tokio::runtime::Handle;

use super::{Contents, Entry, PartKind, SourceError, Tree, limits::COMMAND_DEADLINE};
use crate::pieces::{Pipe, Writer, pipe};

/// A file of a commit. What it holds stays where it is until it is read.
#[derive(Clone, Debug)]
pub(crate) struct Committed {
    pub(super) tree: Tree,
    pub(super) entry: Entry,
}

impl Committed {
    /// How many bytes it has.
    pub(crate) fn bytes(&self) -> u64 {
        self.entry.size
    }

    /// Its content, which a task of the runtime writes while it is read.
    pub(crate) fn pipe(&self, runtime: &Handle) -> Pipe {
        let (write, pipe) = pipe();
        let file = self.clone();
        runtime.spawn(async move {
            if let Err(error) = file.pour(&write).await {
                // Who stopped reading does not ask why.
                let _gone = write.send(Err(io::Error::other(error.to_string()))).await;
            }
        });
        pipe
    }

    /// Ends early when nobody reads any more.
    async fn pour(&self, write: &Writer) -> Result<(), SourceError> {
        let late = || SourceError::Timeout {
            doing: "reading the commit's files",
            limit: COMMAND_DEADLINE,
        };
        let mut contents = Contents::of(&self.tree);
        let part = PartKind::File {
            id: self.entry.id.clone(),
            size: self.entry.size,
            executable: false,
            module: self.entry.module,
        };
        let begin = tokio::time::timeout(COMMAND_DEADLINE, contents.begin(&part));
        begin.await.map_err(|_| late())??;
        loop {
            let piece = tokio::time::timeout(COMMAND_DEADLINE, contents.piece());
            let Some(piece) = piece.await.map_err(|_| late())?? else {
                return Ok(());
            };
            if write.send(Ok(piece)).await.is_err() {
                return Ok(());
            }
        }
    }
}
