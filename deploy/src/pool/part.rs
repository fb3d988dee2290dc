//! Selects the part of a tree to clone.

/// The part of a tree to clone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// Everything.
    #[default]
    All,
    /// Everything except the top-level entry of this name.
    Without(&'static str),
    /// Only the top-level entry of this name. The staging directory may contain others.
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
