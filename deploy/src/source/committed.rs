//! One file of a commit, streamed from git.

use std::io;

use tokio::runtime::Handle;

use super::{Contents, Entry, PartKind, SourceError, Tree, limits::COMMAND_DEADLINE};
use crate::{
    content::{Content, Elsewhere},
    pieces::{Pipe, Writer, pipe},
};

/// A file of a commit. Its content is only read on demand.
#[derive(Clone, Debug)]
struct Committed {
    tree: Tree,
    entry: Entry,
}

impl Tree {
    /// One file's content, read on demand. Follows links inside the tree. `None` if there is no
    /// file.
    pub async fn content(&self, path: &str) -> Result<Option<Content>, SourceError> {
        let found = self.resolve(path).await?;
        let file = |entry| Committed {
            tree: self.clone(),
            entry,
        };
        Ok(found.map(|entry| Content::elsewhere(file(entry))))
    }
}

impl Elsewhere for Committed {
    fn bytes(&self) -> u64 {
        self.entry.size
    }

    fn pipe(&self, runtime: &Handle) -> Pipe {
        let (write, pipe) = pipe();
        let file = self.clone();
        runtime.spawn(async move {
            if let Err(error) = file.pour(&write).await {
                // The reader that stopped does not need the reason.
                let _gone = write.send(Err(io::Error::other(error.to_string()))).await;
            }
        });
        pipe
    }
}

impl Committed {
    /// Ends early when the reader is gone.
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
            store: self.entry.store,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Limits, testing::Bench};

    #[tokio::test]
    async fn a_content_is_read_while_git_writes_it_whatever_may_be_read_into_memory() {
        let limits = Limits {
            file_bytes_max: 10,
            ..Limits::default()
        };
        let bench = Bench::with_limits(limits);
        let text = "a line of a seed\n".repeat(40_000);
        let tree = bench
            .put("seed.sql", &text)
            .link("link", "seed.sql")
            .tree()
            .await;
        let content = tree.content("link").await.unwrap().unwrap();
        assert_eq!(content.bytes(), text.len() as u64);
        assert_eq!(content.head(6).await.unwrap(), b"a line");
        let plain = Content::from(text);
        for _ in 0..2 {
            let digests = (
                content.digest().await.unwrap(),
                plain.digest().await.unwrap(),
            );
            assert_eq!(digests.0, digests.1);
        }
        assert!(tree.content("no.sql").await.unwrap().is_none());
    }
}
