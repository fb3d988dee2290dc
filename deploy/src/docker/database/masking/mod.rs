//! Verifies masks: finds data that looks personal, and checks how much of it remains after a mask.
//!
//! Dayfly reads the values before and after the mask. The server returns digests of values, and
//! JSON documents in full. Meanwhile Dayfly keeps only keyed hashes in its memory and writes none
//! to the disk.

mod before;
mod course;
mod digest;
mod fields;
mod judging;
mod names;
mod plan;
mod relations;
mod rows;
mod sentence;
mod sketch;
mod survey;
mod titles;

pub(super) use course::{Looked, Looking};
pub(super) use digest::{CHANCE_MARK, DATE_LIKE, TELLING_CHARS_MIN};
pub(super) use relations::{Column, Database, Holds, Relation, RelationKind};
pub(super) use rows::{Cell, Reading};
pub(super) use survey::Survey;
