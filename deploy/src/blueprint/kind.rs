//! Reads `engine` of a database: a known engine, or any image with a data folder.

use std::{collections::BTreeMap, ops::Range};

use super::{
    BlueprintError, DatabaseKind,
    nearest::nearest,
    section::Section,
    service::{is_reference, port, variables},
};
use crate::names::DatabaseName;

/// Engines that users ask for, but that are not supported yet.
const LATER: [&str; 2] = ["mongo", "mongodb"];
/// Keys that describe an image of an unknown engine.
const IMAGE_KEYS: [&str; 3] = ["data", "port", "env"];
/// Folders that belong to the container's system.
const SYSTEM_FOLDERS: [&str; 4] = ["proc", "sys", "dev", "etc"];
/// Maximum bytes of the path of a data folder.
const DATA_BYTES_MAX: usize = 255;

/// An engine that needs only its name.
struct Known {
    word: &'static str,
    image: &'static str,
    /// The default version.
    version: &'static str,
    kind: DatabaseKind,
}

const KNOWN: [Known; 5] = [
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

/// The server of a database.
pub(super) struct Server {
    pub(super) kind: DatabaseKind,
    pub(super) image: String,
}

/// Reads `engine`, and the keys that describe the image of an unknown engine.
pub(super) fn kind(
    section: &Section<'_>,
    name: &DatabaseName,
    notes: &mut Vec<String>,
) -> Result<Server, BlueprintError> {
    let Some((text, at)) = section.text("engine")? else {
        let message =
            format!("database {name} needs an engine, such as `engine = \"postgres:17\"`");
        return Err(section.error(message));
    };
    // The address is not repeated: it may contain a password.
    if text.contains("://") {
        let message = "`engine` is an address, and a blueprint cannot name an external database: \
                       each preview has its own; name what serves it, such as \"postgres:17\"";
        return Err(section.error_at(&at, message));
    }
    let (word, version) = match text.split_once(':') {
        Some((word, version)) => (word, Some(version)),
        None => (text, None),
    };
    match KNOWN.iter().find(|known| known.word == word) {
        Some(known) => {
            refuse_image_keys(section, known.word)?;
            let image = match own_image(section)? {
                Some(image) => image,
                None => image(section, name, known, version, &at, notes)?,
            };
            let kind = known.kind.clone();
            Ok(Server { kind, image })
        }
        None => other(section, text, word, &at),
    }
}

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
fn is_version(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    (1..=128).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with(['-', '.'])
}

/// The usual name of an engine.
pub(super) fn kind_name(kind: &DatabaseKind) -> &'static str {
    let known = KNOWN.iter().find(|known| known.kind == *kind);
    known.map_or("an image with `data`", |known| known.word)
}

fn refuse_image_keys(section: &Section<'_>, word: &str) -> Result<(), BlueprintError> {
    let found = section
        .entries()
        .into_iter()
        .find(|(key, _)| IMAGE_KEYS.contains(&key.get_ref().as_ref()));
    let Some((key, _)) = found else {
        return Ok(());
    };
    let name = key.get_ref();
    let message = format!("`{name}` is for other images, and {word} needs none; remove it");
    Err(section.error_at(&key.span(), message))
}

/// The image of a known engine.
fn image(
    section: &Section<'_>,
    name: &DatabaseName,
    known: &Known,
    version: Option<&str>,
    at: &Range<usize>,
    notes: &mut Vec<String>,
) -> Result<String, BlueprintError> {
    let word = known.word;
    let version = version.unwrap_or_else(|| {
        let version = known.version;
        notes.push(format!(
            "database {name}: {word}:{version}, since `engine` names no version."
        ));
        version
    });
    if !is_version(version) {
        let message = format!(
            "{version:?} is not a version of {word}, such as \"{word}:{}\"",
            known.version
        );
        return Err(section.error_at(at, message));
    }
    Ok(format!("{}:{version}", known.image))
}

/// A custom image of a known engine's server.
fn own_image(section: &Section<'_>) -> Result<Option<String>, BlueprintError> {
    let Some((reference, at)) = section.text("image")? else {
        return Ok(None);
    };
    if !is_reference(reference) {
        let message = format!(
            "{reference:?} is not a reference of an image, such as \"postgis/postgis:16-3.5\""
        );
        return Err(section.error_at(&at, message));
    }
    Ok(Some(reference.to_owned()))
}

/// An image of an unknown engine.
fn other(
    section: &Section<'_>,
    text: &str,
    word: &str,
    at: &Range<usize>,
) -> Result<Server, BlueprintError> {
    let Some(data) = data(section)? else {
        return Err(section.error_at(at, unknown(text, word)));
    };
    if !is_reference(text) {
        let message = format!("{text:?} is not a reference of an image, such as couchdb:3");
        return Err(section.error_at(at, message));
    }
    let env: BTreeMap<String, String> = variables(section, "env")?
        .into_iter()
        .map(|(name, (value, _))| (name, value))
        .collect();
    let port = port(section)?;
    Ok(Server {
        kind: DatabaseKind::Other { data, port, env },
        image: text.to_owned(),
    })
}

/// The error for an unknown engine without a data folder.
fn unknown(text: &str, word: &str) -> String {
    let words = KNOWN.each_ref().map(|known| known.word);
    let [first @ .., last] = words.as_slice() else {
        return String::new();
    };
    let known = format!("{} and {last}", first.join(", "));
    if LATER.contains(&word) {
        return format!(
            "the engine {word} is not supported yet; {known} are, and any image with \
             `data = \"/path\"`"
        );
    }
    // For `acme/postgres`, users know the last part.
    let last = word.rsplit('/').next().unwrap_or(word);
    let hint = nearest(last, &words).map_or_else(
        || format!("supported are {known}; any"),
        |near| format!("did you mean \"{near}\"? Any"),
    );
    format!(
        "unknown engine {text:?}; {hint} other image needs `data = \"/path\"`, the folder in \
         which it keeps its data"
    )
}

/// The folder with the data that outlives the container.
fn data(section: &Section<'_>) -> Result<Option<String>, BlueprintError> {
    let Some((path, at)) = section.text("data")? else {
        return Ok(None);
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-/".contains(&b);
    let components = path.strip_prefix('/').unwrap_or_default();
    if !path.bytes().all(plain)
        || path.len() > DATA_BYTES_MAX
        || components.split('/').any(|c| matches!(c, "" | "." | ".."))
    {
        let message = format!(
            "`data` must be the path of a folder in the container, such as /data: absolute, without \
             `..` or a slash at its end, of letters, digits and `._-`; it is {path:?}"
        );
        return Err(section.error_at(&at, message));
    }
    let top = components.split('/').next().unwrap_or_default();
    if SYSTEM_FOLDERS.contains(&top) {
        let message = format!(
            "`data` cannot be {path}: /{top} belongs to the container's system; use the folder in \
             which the image keeps its data"
        );
        return Err(section.error_at(&at, message));
    }
    Ok(Some(path.to_owned()))
}
