//! From a checkout to containers and databases.
//!
//! A [`source::Tree`] is one commit's files and a [`blueprint::Blueprint`] is its configuration.
//! Three ports deploy it: [`engine::Engine`] runs services, [`builder::Builder`] builds images,
//! [`databases::Databases`] creates throwaway databases. [`docker`] is the only real implementation
//! of all three. `fake` (a feature) is a scripted one for tests, and `contract` tests the promises
//! that both keep. A [`pool::Pool`] holds data directories and clones them.
//!
//! Not here: the desired state of a preview, the time of any action, and the forge.

pub mod blueprint;
pub mod builder;
pub mod content;
pub mod data_access;
pub mod databases;
pub mod docker;
mod dump;
pub mod engine;
pub mod labels;
pub mod names;
mod packing;
pub mod personal;
pub mod pieces;
pub mod pool;
pub mod random;
mod redact;
pub mod source;
pub mod table_watch;
pub mod terminal;

#[cfg(feature = "fake")]
pub mod contract;
#[cfg(feature = "fake")]
pub mod fake;
