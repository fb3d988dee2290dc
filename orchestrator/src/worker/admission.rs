//! Limits how many previews run at once. Places are given in the order of requests.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Mutex, PoisonError},
};

use deploy::names::PreviewId;

use crate::lifecycle::Admission;

/// The queue for the limited number of running previews.
#[derive(Debug)]
pub struct AdmissionQueue {
    places: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    holding: BTreeSet<PreviewId>,
    waiting: VecDeque<PreviewId>,
}

impl AdmissionQueue {
    /// A queue with this many places.
    pub fn new(places: usize) -> Self {
        Self {
            places,
            inner: Mutex::default(),
        }
    }

    /// The admission of a preview, without a request for a place.
    pub(super) fn state(&self, preview: &PreviewId) -> Admission {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.state(self.places, preview)
    }

    /// Requests a place. A repeated request keeps the place, or the position in the queue.
    pub(super) fn ask_place(&self, preview: &PreviewId) -> Admission {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if !inner.holding.contains(preview) && !inner.waiting.contains(preview) {
            inner.waiting.push_back(preview.clone());
        }
        match inner.state(self.places, preview) {
            Admission::Due => {
                inner.waiting.retain(|waiting| waiting != preview);
                inner.holding.insert(preview.clone());
                Admission::Granted
            }
            other => other,
        }
    }

    /// Gives back the preview's place, or its position in the queue.
    pub(super) fn leave(&self, preview: &PreviewId) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.holding.remove(preview);
        inner.waiting.retain(|waiting| waiting != preview);
    }
}

impl Inner {
    fn state(&self, places: usize, preview: &PreviewId) -> Admission {
        if self.holding.contains(preview) {
            return Admission::Granted;
        }
        match self.waiting.iter().position(|waiting| waiting == preview) {
            Some(before) if self.holding.len() + before >= places => Admission::Waiting { before },
            _ => Admission::Due,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_in_the_order_of_asking() {
        let queue = AdmissionQueue::new(1);
        let id = |text: &str| PreviewId::parse(text).unwrap();
        assert_eq!(queue.state(&id("a-1")), Admission::Due, "never asked");
        assert_eq!(queue.ask_place(&id("a-1")), Admission::Granted);
        assert_eq!(queue.state(&id("a-1")), Admission::Granted);
        assert_eq!(
            queue.ask_place(&id("a-2")),
            Admission::Waiting { before: 0 }
        );
        assert_eq!(
            queue.ask_place(&id("a-3")),
            Admission::Waiting { before: 1 }
        );
        let waits = Admission::Waiting { before: 0 };
        assert_eq!(queue.state(&id("a-2")), waits);
        queue.leave(&id("a-1"));
        assert_eq!(queue.state(&id("a-2")), Admission::Due, "its turn has come");
        assert_eq!(
            queue.ask_place(&id("a-3")),
            Admission::Waiting { before: 1 }
        );
        assert_eq!(queue.ask_place(&id("a-2")), Admission::Granted);
        assert_eq!(queue.ask_place(&id("a-2")), Admission::Granted);
    }
}
