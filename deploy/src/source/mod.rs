//! The source of previews: commits in bare mirrors, uploaded working trees, and the build contexts
//! made from both.
//!
//! This module treats every repository as untrusted. It checks nothing out, runs no hook, filter or
//! alternate, and lets git enter no submodule. Every count, size and wait has a limit.

mod absence;
mod blobs;
mod checkout;
mod committed;
mod context;
mod error;
mod fetch;
mod frozen;
mod git;
mod gitmodules;
mod hold;
mod ignore;
mod import;
mod leftovers;
mod lfs;
mod limits;
mod links;
mod listing;
mod local;
mod mirror_file;
mod mirrors;
mod missing;
mod paths;
mod public;
mod remote;
mod said;
mod store;
mod submodules;
mod tape;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tree;
mod untar;
mod whole;

pub use absence::Absence;
pub use checkout::git_in_checkout;
pub use context::{Contents, Context, Part, PartKind};
pub use error::SourceError;
pub use frozen::{FrozenMirror, MirrorNames};
pub use git::is_config_of_mirror;
pub(crate) use ignore::Matcher;
pub use ignore::{IgnoreError, IgnoreRules};
pub use limits::Limits;
pub use listing::{Entry, Mode};
pub use local::{Summary, archive_checkout, open_checkout};
pub use mirror_file::MirrorFile;
pub use mirrors::Mirrors;
pub use missing::{Lack, Missing, MissingKind};
pub(crate) use paths::{folder, tidy};
pub use remote::{MirrorId, Remote, Transport};
pub use submodules::{Home, Lender};
pub use tree::Tree;
pub use whole::check_mirror;
