//! A mask that masks: what looks personal is named, and after a mask it is seen how much of that is still
//! there.
//!
//! The values are read before and after. The server gives digests of them, and JSON as it is; what is kept
//! meanwhile are keyed hashes in our memory, and nothing of it is written anywhere.

mod course;
mod fields;
mod judging;
mod names;
mod plan;
mod relations;
mod rows;
mod sentence;
mod sketch;
mod survey;

pub(super) use course::{Looked, Looking};
pub(super) use relations::{Column, Database, Holds, Relation, RelationKind};
pub(super) use rows::{Cell, Reading};
pub(super) use survey::Survey;
