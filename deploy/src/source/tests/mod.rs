mod contexts;
mod ignoring;
pub(super) mod lending;
mod submodules;
