//! The modelled proxy: where the preview's hosts really lead, and requests on their way.

use std::collections::{BTreeMap, BTreeSet};

use deploy::names::RevisionNumber;
use orchestrator::lifecycle::Routed;

/// The proxy; it outlives the control plane.
#[derive(Debug, Default)]
pub(super) struct Proxy {
    /// Whether it knows the preview's host.
    pub(super) announced: bool,
    /// Where new requests go.
    pub(super) route: Option<Routed>,
    /// Every revision that it ever led to.
    pub(super) met: BTreeSet<RevisionNumber>,
    /// How many requests are on their way to each revision.
    pub(super) requests: BTreeMap<RevisionNumber, u32>,
}

impl Proxy {
    /// A request goes where the route leads.
    pub(super) fn visit(&mut self) -> Option<RevisionNumber> {
        let revision = self.route.as_ref()?.revision;
        *self.requests.entry(revision).or_insert(0) += 1;
        Some(revision)
    }

    /// A request ends.
    pub(super) fn leave(&mut self, revision: RevisionNumber) {
        if let Some(count) = self.requests.get_mut(&revision) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.requests.remove(&revision);
            }
        }
    }

    /// Whether anything is on its way to the revision.
    pub(super) fn is_busy(&self, revision: RevisionNumber) -> bool {
        self.requests.contains_key(&revision)
    }
}
