//! Reads `engine` of a database: a known engine, or any image with a data folder.

use std::{collections::BTreeMap, ops::Range};

use super::{
    section::Section,
    service::{port, variables},
};
use crate::{
    blueprint::{
        BlueprintError, DatabaseKind,
        draft::Server,
        kind::{KNOWN, Known, is_version},
        nearest::nearest,
        values::is_reference,
    },
    names::DatabaseName,
};

/// Engines that users ask for, but that are not supported yet.
const LATER: [&str; 2] = ["mongo", "mongodb"];
/// Keys that describe an image of an unknown engine.
const IMAGE_KEYS: [&str; 3] = ["data", "port", "env"];
/// Folders that belong to the container's system.
const SYSTEM_FOLDERS: [&str; 4] = ["proc", "sys", "dev", "etc"];
/// Maximum bytes of the path of a data folder.
const DATA_BYTES_MAX: usize = 255;

/// Reads `engine`, and the keys that describe the image of an unknown engine.
pub(super) fn server(
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
