//! The label keys that find our objects in the engine.
//!
//! Labels *find*, they never vouch: a Dockerfile can set any label and containers inherit those of
//! their image. So every key is set explicitly, empty where it does not apply, on everything we
//! create, and a container counts as ours only if its name is the one its labels lead to.

/// Which Dayfly owns the object (an [`Instance`](crate::names::Instance)).
pub const INSTANCE: &str = "dev.dayfly.instance";
/// Whose it is (a [`PreviewId`](crate::names::PreviewId)).
pub const PREVIEW: &str = "dev.dayfly.preview";
/// The revision's number, without a letter; empty where the object outlives revisions.
pub const REVISION: &str = "dev.dayfly.revision";
/// `service`, `database`, `task`, `room`, `data-room`, `data`, `image`.
pub const KIND: &str = "dev.dayfly.kind";
/// The service's or database's name in the blueprint; empty for rooms.
pub const NAME: &str = "dev.dayfly.name";
/// Digest of everything the object was made from; another digest means make it again.
pub const SPEC: &str = "dev.dayfly.spec";
/// Version of this vocabulary.
pub const FORMAT: &str = "dev.dayfly.format";

/// All keys; each is set on every object.
pub const KEYS: [&str; 7] = [INSTANCE, PREVIEW, REVISION, KIND, NAME, SPEC, FORMAT];

/// The version that this code writes and reads.
pub const FORMAT_VERSION: &str = "1";
