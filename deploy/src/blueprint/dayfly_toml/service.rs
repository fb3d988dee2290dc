//! A `[services.<name>]` table.

use std::{collections::BTreeMap, ops::Range};

use toml::de::DeValue;

use super::section::{At, Section};
use crate::{
    blueprint::{
        BlueprintError, Health, ImageSource, ProcessOptions,
        draft::{Placed, ServiceDraft},
        values::{
            CPUS, IMAGE_PLACEHOLDERS, MEMORY_BYTES, VALUE_BYTES_MAX, VARIABLES_MAX, is_reference,
            variable,
        },
    },
    names::ServiceName,
    source::tidy,
};

const KEYS: [&str; 12] = [
    "build", "image", "port", "health", "command", "env", "memory", "cpus", "public", "main",
    "init", "secrets",
];
const BUILD_KEYS: [&str; 5] = ["context", "dockerfile", "target", "args", "secrets"];
/// Maximum secrets of one build.
const SECRETS_MAX: usize = 20;

/// Reads the table.
pub(super) fn service(name: &str, section: &Section<'_>) -> Result<ServiceDraft, BlueprintError> {
    let name = ServiceName::parse(name).map_err(|wrong| section.error(wrong.to_string()))?;
    let (known, later) = KEYS.split_at(KEYS.len() - 1);
    section.expect(known, later)?;
    let main = section.flag("main")?;
    let public = section.flag("public")?;
    if let (Some((true, at)), Some((false, _))) = (&main, &public) {
        let message = format!("service {name} is `main`, so it must be public");
        return Err(section.error_at(at, message));
    }
    Ok(ServiceDraft {
        at: section.place(),
        image: image(section)?.map(|image| section.placed(image)),
        port: port(section)?,
        health: health(section)?.map(Health::Path),
        command: section.command("command")?.map(|(command, _)| command),
        process: ProcessOptions::default(),
        env: variables(section, "env")?,
        memory_bytes: memory(section)?,
        cpu_milli: cpus(section)?,
        public: public.map(|(public, _)| public),
        main: main.map(|main| section.placed(main)),
        init: section.flag("init")?.is_some_and(|(init, _)| init),
        name,
    })
}

fn image(section: &Section<'_>) -> Result<Option<At<ImageSource>>, BlueprintError> {
    let build = build(section)?;
    let Some((reference, at)) = section.text("image")? else {
        return Ok(build);
    };
    if build.is_some() {
        return Err(section.error_at(&at, "`build` and `image` exclude each other; keep one"));
    }
    // Each placeholder is replaced with plain characters.
    let mut shown = reference.to_owned();
    for placeholder in IMAGE_PLACEHOLDERS {
        shown = shown.replace(placeholder, "x");
    }
    if shown != reference
        && !IMAGE_PLACEHOLDERS[..2]
            .iter()
            .any(|sha| reference.contains(sha))
    {
        let message = format!(
            "{reference:?} must contain {{sha}} or {{short_sha}}: otherwise a new commit would use \
             the image of an older one"
        );
        return Err(section.error_at(&at, message));
    }
    if shown.contains(['{', '}']) {
        let known = IMAGE_PLACEHOLDERS.join(", ");
        let message = format!("{reference:?} contains an unknown placeholder; use {known}");
        return Err(section.error_at(&at, message));
    }
    if reference.len() > 255 || !is_reference(&shown) {
        let message = format!("{reference:?} is not a reference of an image, such as nginx:1.27");
        return Err(section.error_at(&at, message));
    }
    Ok(Some((ImageSource::Reference(reference.to_owned()), at)))
}

fn build(section: &Section<'_>) -> Result<Option<At<ImageSource>>, BlueprintError> {
    let Some(value) = section.get("build") else {
        return Ok(None);
    };
    let at = value.span();
    let image = match value.get_ref() {
        DeValue::String(_) => {
            let context = section.text("build")?.map_or(".", |(context, _)| context);
            let context = path(section, "build", context, &at)?;
            let dockerfile = "Dockerfile".to_owned();
            ImageSource::Build {
                context,
                dockerfile,
                target: None,
                args: BTreeMap::new(),
                secrets: Vec::new(),
            }
        }
        DeValue::Table(table) => {
            let inner = section.inner("build", table, &at);
            inner.expect(&BUILD_KEYS, &[])?;
            let part = |key, default: &'static str| {
                let given = inner.text(key)?;
                let (text, at) = given.unwrap_or((default, at.clone()));
                path(section, key, text, &at)
            };
            let (context, dockerfile) = (part("context", ".")?, part("dockerfile", "Dockerfile")?);
            if dockerfile.is_empty() {
                return Err(inner.error("`dockerfile` names no file"));
            }
            let args = variables(&inner, "args")?;
            let args = args
                .into_iter()
                .map(|(name, (value, _))| (name, value))
                .collect();
            ImageSource::Build {
                context,
                dockerfile,
                target: target(&inner)?,
                args,
                secrets: secrets(&inner)?,
            }
        }
        _ => {
            return Err(section.wrong(&at, "build", "a folder, or a table", value));
        }
    };
    Ok(Some((image, at)))
}

/// Names of the server's secrets.
fn secrets(section: &Section<'_>) -> Result<Vec<String>, BlueprintError> {
    let names = section.texts("secrets")?;
    for (name, at) in &names {
        if let Err(why) = variable(name) {
            return Err(section.error_at(at, why));
        }
    }
    if names.len() > SECRETS_MAX {
        return Err(section.error(format!("`secrets` has more than {SECRETS_MAX} names")));
    }
    Ok(names.into_iter().map(|(name, _)| name).collect())
}

/// A stage; an empty one means the last stage, like a missing one.
fn target(section: &Section<'_>) -> Result<Option<String>, BlueprintError> {
    if section
        .get("target")
        .is_some_and(|value| value.get_ref().as_str() == Some(""))
    {
        return Ok(None);
    }
    let Some((target, at)) = section.text("target")? else {
        return Ok(None);
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    if target.len() > 128 || !target.bytes().all(plain) || target.starts_with('-') {
        return Err(section.error_at(&at, format!("{target:?} is not the name of a stage")));
    }
    Ok(Some(target.to_owned()))
}

/// A path in the checkout.
pub(super) fn path(
    section: &Section<'_>,
    key: &str,
    path: &str,
    at: &Range<usize>,
) -> Result<String, BlueprintError> {
    tidy(path).ok_or_else(|| {
        let message = format!(
            "`{key}` must be a path inside the repository, relative and without `..`: {path:?}"
        );
        section.error_at(at, message)
    })
}

/// `port`.
pub(super) fn port(section: &Section<'_>) -> Result<Option<u16>, BlueprintError> {
    let Some((port, at)) = section.integer("port")? else {
        return Ok(None);
    };
    let port = u16::try_from(port).ok().filter(|port| *port > 0);
    port.map(Some)
        .ok_or_else(|| section.error_at(&at, "`port` must be from 1 to 65535"))
}

fn health(section: &Section<'_>) -> Result<Option<String>, BlueprintError> {
    let Some((path, at)) = section.text("health")? else {
        return Ok(None);
    };
    if !path.starts_with('/') || path.len() > 1024 || !path.bytes().all(|b| b.is_ascii_graphic()) {
        let message = format!("`health` must be a path such as /healthz, but is {path:?}");
        return Err(section.error_at(&at, message));
    }
    Ok(Some(path.to_owned()))
}

/// Variables with portable names that are not reserved by Dayfly.
pub(super) fn variables(
    section: &Section<'_>,
    key: &str,
) -> Result<BTreeMap<String, Placed<String>>, BlueprintError> {
    let variables = section.strings(key)?;
    for (name, (value, at)) in &variables {
        if let Err(why) = variable(name) {
            return Err(section.error_at(at, why));
        }
        if value.len() > VALUE_BYTES_MAX || value.contains('\0') {
            let message = format!("the value of {name} is longer than 32 KiB or contains a NUL");
            return Err(section.error_at(at, message));
        }
    }
    if variables.len() > VARIABLES_MAX {
        return Err(section.error(format!("`{key}` has more than {VARIABLES_MAX} variables")));
    }
    let placed = variables.into_iter();
    Ok(placed
        .map(|(name, value)| (name, section.placed(value)))
        .collect())
}

/// `memory`, in bytes.
pub(super) fn memory(section: &Section<'_>) -> Result<Option<u64>, BlueprintError> {
    let Some((text, at)) = section.text("memory")? else {
        return Ok(None);
    };
    let bytes = bytes(text).ok_or_else(|| {
        section.error_at(
            &at,
            format!("`memory` must be a size such as \"512M\" or \"2G\": {text:?}"),
        )
    })?;
    if !MEMORY_BYTES.contains(&bytes) {
        return Err(section.error_at(&at, "`memory` must be from 16M to 1024G"));
    }
    Ok(Some(bytes))
}

/// `512M`, `512MB`, `512MiB`, `2g`: always powers of two, as with the engine.
fn bytes(text: &str) -> Option<u64> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range is checked"
)]
fn cpus(section: &Section<'_>) -> Result<Option<u64>, BlueprintError> {
    let Some((cpus, at)) = section.number("cpus")? else {
        return Ok(None);
    };
    if !CPUS.contains(&cpus) {
        return Err(section.error_at(&at, "`cpus` must be from 0.01 to 256"));
    }
    Ok(Some((cpus * 1000.0).round() as u64))
}
