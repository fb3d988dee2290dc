//! The engine's list of this instance's images, kept for a short time.
//!
//! For each listing the engine reads the description of every image on the host from its disk, so
//! the price of one observation grows with the images of everyone. A list is used again while
//! nothing is known that could have changed it: neither a call of ours nor an event of the engine.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::engine::{EngineError, ImageState};

/// Maximum age of a list that is used again. Not every change of an image causes an event: the
/// builder names its images without one.
const AGE_MAX: Duration = Duration::from_secs(10);

/// The last list, and what is known about changes since.
#[derive(Debug, Default)]
pub(super) struct ImageList {
    /// Number of streams of the engine's events that are read. Without one, no list is used again.
    listeners: AtomicUsize,
    /// Number of known changes.
    changes: AtomicU64,
    /// Held during a listing, so that observations at the same time share it.
    last: tokio::sync::Mutex<Option<Listed>>,
}

#[derive(Debug)]
struct Listed {
    /// When the engine was asked, and the number of changes then.
    at: Instant,
    changes: u64,
    images: Arc<[ImageState]>,
}

/// Counts as a change when it ends, even if it is dropped halfway.
pub(super) struct Changing(Arc<ImageList>);

/// Stands for one stream of the engine's events that is read.
pub(super) struct Listening(Arc<ImageList>);

impl ImageList {
    /// Marks a call that may change images.
    pub(super) fn changing(self: &Arc<Self>) -> Changing {
        Changing(Arc::clone(self))
    }

    /// Marks a stream of events whose reader calls [`ImageList::changed`].
    pub(super) fn listening(self: &Arc<Self>) -> Listening {
        self.changed();
        self.listeners.fetch_add(1, Ordering::SeqCst);
        Listening(Arc::clone(self))
    }

    /// The next list has to come from the engine.
    pub(super) fn changed(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    /// The last list while nothing is known that could have changed it, else what `ask` returns.
    pub(super) async fn get(
        &self,
        ask: impl Future<Output = Result<Arc<[ImageState]>, EngineError>>,
    ) -> Result<Arc<[ImageState]>, EngineError> {
        // A list that the engine was asked for after this call began is new enough for it: those
        // that wait for one listing do not each ask for another.
        let known = self.changes.load(Ordering::SeqCst);
        let mut last = self.last.lock().await;
        if let Some(listed) = &*last
            && self.listeners.load(Ordering::SeqCst) > 0
            && listed.changes >= known
            && listed.at.elapsed() < AGE_MAX
        {
            return Ok(Arc::clone(&listed.images));
        }
        let changes = self.changes.load(Ordering::SeqCst);
        let at = Instant::now();
        let images = ask.await?;
        *last = Some(Listed {
            at,
            changes,
            images: Arc::clone(&images),
        });
        Ok(images)
    }
}

impl Drop for Changing {
    fn drop(&mut self) {
        self.0.changed();
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.listeners.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often the engine was asked for a list.
    async fn asked(list: &ImageList, times: &AtomicUsize) -> usize {
        let ask = async {
            times.fetch_add(1, Ordering::SeqCst);
            Ok(Arc::default())
        };
        list.get(ask).await.unwrap();
        times.load(Ordering::SeqCst)
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_is_used_again_until_something_may_have_changed() {
        let (list, times) = (Arc::<ImageList>::default(), AtomicUsize::new(0));
        assert_eq!(asked(&list, &times).await, 1);
        // Nobody would tell of a change.
        assert_eq!(asked(&list, &times).await, 2);
        let listening = list.listening();
        assert_eq!(asked(&list, &times).await, 3);
        assert_eq!(asked(&list, &times).await, 3);
        let changing = list.changing();
        assert_eq!(asked(&list, &times).await, 3);
        drop(changing);
        assert_eq!(asked(&list, &times).await, 4);
        list.changed();
        assert_eq!(asked(&list, &times).await, 5);
        tokio::time::advance(AGE_MAX).await;
        assert_eq!(asked(&list, &times).await, 6);
        drop(listening);
        assert_eq!(asked(&list, &times).await, 7);
    }
}
