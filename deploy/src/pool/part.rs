//! What of a tree is cloned.

/// What of a tree is cloned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// Everything.
    #[default]
    All,
    /// Everything but the entry of this name at the top.
    Without(&'static str),
    /// The entry of this name at the top, and nothing else. The staging directory may hold others.
    Only(&'static str),
}

impl Part {
    pub(super) fn holds(self, name: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::Without(left_out) => name != left_out.as_bytes(),
            Self::Only(wanted) => name == wanted.as_bytes(),
        }
    }
}
