//! Decides and drives: lifecycle, store, API, pages, and the program `dayfly`.

pub mod lifecycle;
pub mod names;
pub mod store;
