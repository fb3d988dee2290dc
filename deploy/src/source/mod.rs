//! Where source comes from.

mod tree;

pub use tree::Tree;
