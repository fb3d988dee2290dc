//! Collects replacements within a statement.

use std::ops::Range;

/// The byte ranges to replace and their replacements, in any order.
#[derive(Debug, Default)]
pub(super) struct Edits(Vec<(Range<usize>, Vec<u8>)>);

impl Edits {
    /// Replaces these bytes, which no other edit may overlap.
    pub(super) fn put(&mut self, place: Range<usize>, with: impl Into<Vec<u8>>) {
        self.0.push((place, with.into()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text with all replacements.
    pub(super) fn apply(mut self, text: &[u8]) -> Vec<u8> {
        self.0.sort_by_key(|(place, _)| place.start);
        let (mut done, mut at) = (Vec::with_capacity(text.len()), 0);
        for (place, with) in self.0 {
            done.extend_from_slice(text.get(at..place.start).unwrap_or_default());
            done.extend_from_slice(&with);
            at = place.end;
        }
        done.extend_from_slice(text.get(at..).unwrap_or_default());
        done
    }
}
