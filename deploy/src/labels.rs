//! The label keys that find our objects in the engine.
//!
//! Labels find objects but prove nothing: a Dockerfile can set any label, and containers inherit
//! the labels of their image. So Dayfly sets every key on each object, empty if it does not apply.
//! A container counts as ours only if its name matches its labels.

use std::{collections::HashMap, str::FromStr};

use crate::names::{Generation, Instance, PreviewId, RevisionNumber};

/// Which Dayfly owns the object (an [`Instance`]).
pub const INSTANCE: &str = "dev.dayfly.instance";
/// The preview that owns it (a [`PreviewId`]).
pub const PREVIEW: &str = "dev.dayfly.preview";
/// The revision's number, without a letter; empty if the object outlives revisions.
pub const REVISION: &str = "dev.dayfly.revision";
/// The generation of the preview's databases, without a letter; empty if it has none.
pub const GENERATION: &str = "dev.dayfly.generation";
/// `service`, `database`, `task`, `room`, `data-room`, `data`, `image`.
pub const KIND: &str = "dev.dayfly.kind";
/// The service's or database's name in the blueprint; empty for networks.
pub const NAME: &str = "dev.dayfly.name";
/// Digest of the object's spec; another digest means that it must be recreated.
pub const SPEC: &str = "dev.dayfly.spec";
/// The port of a service inside its container; empty for other objects.
pub const PORT: &str = "dev.dayfly.port";
/// Version of this set of labels.
pub const FORMAT: &str = "dev.dayfly.format";

/// All keys; each is set on every object.
pub const KEYS: [&str; 9] = [
    INSTANCE, PREVIEW, REVISION, GENERATION, KIND, NAME, SPEC, PORT, FORMAT,
];

/// The version that this code writes and reads.
pub const FORMAT_VERSION: &str = "1";

/// The kind of an object, as in its [`KIND`] label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A container that runs a service of one revision.
    Service,
    /// A container that runs a database of a preview.
    Database,
    /// A container that runs one command to its end.
    Task,
    /// The network of one revision.
    Network,
    /// The network of a preview's databases.
    DataNetwork,
    /// A volume.
    Data,
    /// An image that we built.
    Image,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::Service,
        Self::Database,
        Self::Task,
        Self::Network,
        Self::DataNetwork,
        Self::Data,
        Self::Image,
    ];

    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Database => "database",
            Self::Task => "task",
            Self::Network => "room",
            Self::DataNetwork => "data-room",
            Self::Data => "data",
            Self::Image => "image",
        }
    }

    /// The kind with that label value.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// The labels of one object, as values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Which Dayfly owns it.
    pub instance: Instance,
    /// The preview that owns it.
    pub preview: PreviewId,
    /// The revision, unless the object outlives revisions.
    pub revision: Option<RevisionNumber>,
    /// The generation of databases, if it has one.
    pub generation: Option<Generation>,
    /// Its kind.
    pub kind: Kind,
    /// The service's or database's name; empty for networks.
    pub name: String,
    /// Digest of its spec.
    pub spec: String,
    /// The port of a service.
    pub port: Option<u16>,
}

impl Mark {
    /// Every key with its value.
    pub fn to_labels(&self) -> HashMap<String, String> {
        let revision = self.revision.map(|r| r.0.to_string()).unwrap_or_default();
        let generation = self.generation.map(|g| g.0.to_string()).unwrap_or_default();
        let port = self.port.map(|p| p.to_string()).unwrap_or_default();
        HashMap::from([
            (INSTANCE.to_owned(), self.instance.to_string()),
            (PREVIEW.to_owned(), self.preview.to_string()),
            (REVISION.to_owned(), revision),
            (GENERATION.to_owned(), generation),
            (KIND.to_owned(), self.kind.as_str().to_owned()),
            (NAME.to_owned(), self.name.clone()),
            (SPEC.to_owned(), self.spec.clone()),
            (PORT.to_owned(), port),
            (FORMAT.to_owned(), FORMAT_VERSION.to_owned()),
        ])
    }

    /// Reads the labels of an object; `None` unless all of ours are present.
    pub fn read(labels: &HashMap<String, String>) -> Option<Self> {
        let word = |key: &str| labels.get(key).map(String::as_str);
        if word(FORMAT)? != FORMAT_VERSION {
            return None;
        }
        // Objects of an earlier build of this format may lack the port and the generation.
        Some(Self {
            instance: Instance::parse(word(INSTANCE)?).ok()?,
            preview: PreviewId::parse(word(PREVIEW)?).ok()?,
            revision: number(word(REVISION)?)?.map(RevisionNumber),
            generation: number(word(GENERATION).unwrap_or_default())?.map(Generation),
            kind: Kind::parse(word(KIND)?)?,
            name: word(NAME)?.to_owned(),
            spec: word(SPEC)?.to_owned(),
            port: number(word(PORT).unwrap_or_default())?,
        })
    }

    /// Whether both name the same object, regardless of its spec.
    pub fn same_object(&self, other: &Self) -> bool {
        self.instance == other.instance
            && self.preview == other.preview
            && self.revision == other.revision
            && self.generation == other.generation
            && self.kind == other.kind
            && self.name == other.name
    }
}

/// Nothing for an empty value, a number for digits, `None` for anything else.
#[expect(
    clippy::option_option,
    reason = "absent and unreadable are two answers"
)]
fn number<N: FromStr>(value: &str) -> Option<Option<N>> {
    if value.is_empty() {
        return Some(None);
    }
    if !value.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    value.parse().ok().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark() -> Mark {
        Mark {
            instance: Instance::parse("0a1b2c3d").unwrap(),
            preview: PreviewId::parse("shop-1").unwrap(),
            revision: Some(RevisionNumber(3)),
            generation: Some(Generation(2)),
            kind: Kind::Service,
            name: "web".to_owned(),
            spec: "ab".repeat(32),
            port: Some(8080),
        }
    }

    #[test]
    fn labels_say_every_key_and_are_read_back() {
        for kind in Kind::ALL {
            let mark = Mark { kind, ..mark() };
            let labels = mark.to_labels();
            for key in KEYS {
                assert!(labels.contains_key(key), "{key}");
            }
            assert_eq!(labels.len(), KEYS.len());
            assert_eq!(Mark::read(&labels), Some(mark));
        }
    }

    #[test]
    fn labels_that_do_not_say_everything_are_nobodys() {
        for key in KEYS
            .into_iter()
            .filter(|key| ![PORT, GENERATION].contains(key))
        {
            let mut labels = mark().to_labels();
            labels.remove(key);
            assert_eq!(Mark::read(&labels), None, "{key}");
        }
        for (key, evil) in [
            (INSTANCE, "x"),
            (PREVIEW, "a/b"),
            (REVISION, "-1"),
            (KIND, "king"),
            (FORMAT, "2"),
        ] {
            let mut labels = mark().to_labels();
            labels.insert(key.to_owned(), evil.to_owned());
            assert_eq!(Mark::read(&labels), None, "{key}={evil}");
        }
    }
}
