//! The engine as Docker provides it.
