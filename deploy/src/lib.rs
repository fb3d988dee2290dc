//! From a checkout to containers and databases.
//!
//! A [`source::Tree`] is one commit's files, a [`blueprint::Blueprint`] is what they ask for, and
//! three ports say where it goes: [`engine::Engine`] runs services, [`builder::Builder`] makes
//! images, [`databases::Databases`] makes throwaway databases. [`docker`] is the one real
//! implementation of all three; `fake` (a feature) is a scripted one for tests, and `contract`
//! holds the promises that both keep. A [`pool::Pool`] holds data directories and clones them.
//!
//! Not here: what a preview should look like, when anything happens, and the forge.

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
