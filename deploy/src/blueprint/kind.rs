//! The database servers that need only a name.

use super::DatabaseKind;

/// An engine that needs only its name.
pub(super) struct Known {
    pub(super) word: &'static str,
    pub(super) image: &'static str,
    /// The default version.
    pub(super) version: &'static str,
    pub(super) kind: DatabaseKind,
}

pub(super) const KNOWN: [Known; 5] = [
    Known {
        word: "postgres",
        image: "postgres",
        version: "17",
        kind: DatabaseKind::Postgres,
    },
    Known {
        word: "mysql",
        image: "mysql",
        version: "8.4",
        kind: DatabaseKind::Mysql,
    },
    Known {
        word: "mariadb",
        image: "mariadb",
        version: "11.4",
        kind: DatabaseKind::Mariadb,
    },
    Known {
        word: "redis",
        image: "redis",
        version: "7.4",
        kind: DatabaseKind::Redis,
    },
    Known {
        word: "valkey",
        // Docker's official images do not include this one.
        image: "valkey/valkey",
        version: "8.0",
        kind: DatabaseKind::Valkey,
    },
];

/// A known engine and its image from the words of a blueprint, such as `postgres:15`.
///
/// # Errors
/// A sentence, if the engine is unknown.
pub fn known_kind(text: &str) -> Result<(DatabaseKind, String), String> {
    let (word, version) = match text.split_once(':') {
        Some((word, version)) => (word, Some(version)),
        None => (text, None),
    };
    let known = KNOWN.iter().find(|known| known.word == word);
    let known = known.ok_or_else(|| {
        format!(
            "unknown engine {word:?}; supported are postgres, mysql, mariadb, redis and valkey, \
             each with a version as in \"postgres:17\""
        )
    })?;
    let version = version.unwrap_or(known.version);
    if !is_version(version) {
        return Err(format!("{version:?} is not a version of {word}"));
    }
    Ok((known.kind.clone(), format!("{}:{version}", known.image)))
}

/// The words for an engine and its version that [`known_kind`] accepts. For a custom image, the tag
/// must begin with the version. `None` for an unknown engine.
pub fn engine_words(kind: &DatabaseKind, image: &str) -> Option<String> {
    let known = KNOWN.iter().find(|known| known.kind == *kind)?;
    let (name, tag) = image.rsplit_once(':').unwrap_or((image, ""));
    let number = |c: char| c.is_ascii_digit() || c == '.';
    let version = match name == known.image {
        true => tag,
        false => &tag[..tag.find(|c| !number(c)).unwrap_or(tag.len())],
    };
    Some(match is_version(version) {
        true => format!("{}:{version}", known.word),
        false => known.word.to_owned(),
    })
}

/// Whether the text is valid as an image tag.
pub(super) fn is_version(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    (1..=128).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with(['-', '.'])
}

/// The usual name of an engine.
pub(super) fn kind_name(kind: &DatabaseKind) -> &'static str {
    let known = KNOWN.iter().find(|known| known.kind == *kind);
    known.map_or("an image with `data`", |known| known.word)
}
