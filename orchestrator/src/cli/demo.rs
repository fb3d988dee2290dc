//! `dayfly demo`.

#[cfg(feature = "demo")]
pub(super) use crate::demo::run;
