//! One entry of `services` as a draft of a service.

use std::collections::BTreeMap;

use super::{
    health,
    merge::named,
    node::{Node, Value},
    notes::Notes,
    port::{self, Port},
    size,
    values::{flag, inside, list, text, variable},
    words,
};
use crate::{
    blueprint::{
        BlueprintError, Command, Health, ImageSource, ProcessOptions,
        draft::{Place, Placed, ServiceDraft},
        values::{CPU_MILLI, MEMORY_BYTES, VALUE_BYTES_MAX, VARIABLES_MAX, is_reference, not_ours},
    },
    names::ServiceName,
};

/// The label that says whether a service has a URL.
const PUBLIC_LABEL: &str = "dev.dayfly.public";

/// A service before it is known which ones are public.
pub(super) struct Read {
    pub(super) draft: ServiceDraft,
    /// Whether one of its published ports is for browsers.
    pub(super) is_web: bool,
}

/// Reads a service whose keys were checked. `env` are the variables of its files and its own.
pub(super) fn service(
    name: &str,
    node: &Node,
    env: BTreeMap<String, Placed<String>>,
    inherited: &dyn Fn(&str) -> Option<String>,
    notes: &mut Notes,
) -> Result<Read, BlueprintError> {
    let parsed = ServiceName::parse(name).map_err(|wrong| node.at.error(wrong.to_string()))?;
    let mut draft = ServiceDraft::bare(parsed, node.at.clone());
    draft.image = image(name, node, inherited)?;
    if draft.image.is_none() {
        let message = format!("service {name} has neither `image` nor `build`");
        return Err(node.at.error(message));
    }
    let ports = ports(node)?;
    draft.port = ports
        .first()
        .map(|port| port.target)
        .or_else(|| port_of(&env));
    draft.env = env;
    if let Some((value, at)) = draft.env.remove("PORT")
        && draft.port.map(|port| port.to_string()).as_ref() != Some(&value)
    {
        let what = format!("PORT={value} is replaced: Dayfly sets PORT to the port of the service");
        notes.service(name, &at, what);
    }
    let others = ports.iter().skip(1).filter(|port| port.is_web());
    let others: Vec<String> = others.map(|port| port.target.to_string()).collect();
    if !others.is_empty() {
        let what = format!(
            "only one port of a service gets a URL, and not {}",
            others.join(", ")
        );
        notes.service(name, &node.at, what);
    }
    draft.command = line(node, "command", name, notes)?
        .filter(|words| !words.is_empty())
        .map(Command);
    draft.process = process(node, name, notes)?;
    draft.init = flag(node, "init")?.unwrap_or(false);
    limits(node, name, &mut draft, notes)?;
    draft.public = public(node)?;
    draft.health = health::check(node)?.map(Health::Check);
    Ok(Read {
        is_web: ports.iter().any(|port| port.is_web()),
        draft,
    })
}

fn image(
    name: &str,
    node: &Node,
    inherited: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Placed<ImageSource>>, BlueprintError> {
    if let Some(build) = node.get("build") {
        return Ok(Some((
            self::build(name, build, inherited)?,
            build.at.clone(),
        )));
    }
    let Some(image) = node.get("image") else {
        return Ok(None);
    };
    let reference = text(image, "image")?;
    if !is_reference(reference) {
        let message = format!("{reference:?} is not a reference of an image, such as nginx:1.27");
        return Err(image.at.error(message));
    }
    let source = ImageSource::Reference(reference.to_owned());
    Ok(Some((source, image.at.clone())))
}

fn build(
    name: &str,
    node: &Node,
    inherited: &dyn Fn(&str) -> Option<String>,
) -> Result<ImageSource, BlueprintError> {
    let given = |key: &str| node.given(key);
    let context = match &node.value {
        Value::Text(text) => text.as_str(),
        Value::Map(_) => given("context").map_or(Ok("."), |node| text(node, "context"))?,
        _ => return Err(node.at.error("`build` must be a folder or a mapping")),
    };
    let context = inside("", context).ok_or_else(|| {
        let message = format!(
            "service {name} is built from {context:?}: a context must be a folder of the repository"
        );
        node.at.error(message)
    })?;
    let dockerfile = given("dockerfile").map_or(Ok(""), |node| text(node, "dockerfile"))?;
    let dockerfile = match dockerfile {
        "" => "Dockerfile",
        path => path,
    };
    let dockerfile = inside("", dockerfile).filter(|path| !path.is_empty()).ok_or_else(|| {
        let message = format!(
            "`dockerfile` must be a path inside the context, but is {dockerfile:?}; set `context` to \
             a folder that holds both"
        );
        node.at.error(message)
    })?;
    let target = given("target")
        .map(|node| text(node, "target"))
        .transpose()?;
    let mut args = BTreeMap::new();
    if let Some(given) = given("args") {
        for (name, value) in named(given.clone()) {
            let text = variable(&name, &value, inherited)?;
            args.extend(text.map(|text| (name, text)));
        }
    }
    Ok(ImageSource::Build {
        context,
        dockerfile,
        target: target
            .filter(|target| !target.is_empty())
            .map(str::to_owned),
        args,
        secrets: Vec::new(),
    })
}

fn ports(node: &Node) -> Result<Vec<Port>, BlueprintError> {
    let mut ports = Vec::new();
    for (key, read) in [
        (
            "ports",
            port::published as fn(&Node) -> Result<Port, String>,
        ),
        ("expose", port::exposed),
    ] {
        for entry in list(node, key)? {
            let port = read(entry).map_err(|why| entry.at.error(format!("`{key}`: {why}")))?;
            if port.tcp {
                ports.push(port);
            }
        }
    }
    // The port for browsers first.
    ports.sort_by_key(|port| !port.is_web());
    Ok(ports)
}

/// The port that the service itself is told to listen on.
fn port_of(env: &BTreeMap<String, Placed<String>>) -> Option<u16> {
    let (value, _) = env.get("PORT")?;
    value.parse().ok().filter(|port| *port > 0)
}

/// The words of `command` or `entrypoint`; `None` if the key is absent or has no value.
fn line(
    node: &Node,
    key: &str,
    name: &str,
    notes: &mut Notes,
) -> Result<Option<Vec<String>>, BlueprintError> {
    let Some(node) = node.given(key) else {
        return Ok(None);
    };
    if let Some(items) = node.list() {
        let words: Result<Vec<String>, _> = items
            .iter()
            .map(|item| text(item, key).map(str::to_owned))
            .collect();
        return words.map(Some);
    }
    let text = text(node, key)?;
    let line = words::split(text).ok_or_else(|| {
        node.at.error(format!(
            "`{key}` of service {name} cannot be split into words: {text:?}; write it as a list"
        ))
    })?;
    if let Some(operator) = line.cut_at {
        notes.service(
            name,
            &node.at,
            format!(
                "Docker Compose drops `{operator}` and everything after it from `{key}`; write it as a list, \
                 or with sh -c"
            ),
        );
    }
    Ok(Some(line.words))
}

fn process(node: &Node, name: &str, notes: &mut Notes) -> Result<ProcessOptions, BlueprintError> {
    let given = |key: &str| {
        let text = node.given(key).map(|node| text(node, key)).transpose();
        text.map(|text| text.filter(|text| !text.is_empty()).map(str::to_owned))
    };
    Ok(ProcessOptions {
        entrypoint: line(node, "entrypoint", name, notes)?,
        user: given("user")?,
        working_dir: given("working_dir")?,
    })
}

fn limits(
    node: &Node,
    name: &str,
    draft: &mut ServiceDraft,
    notes: &mut Notes,
) -> Result<(), BlueprintError> {
    let deployed = |key: &str| {
        node.get("deploy")?
            .get("resources")?
            .get("limits")?
            .get(key)
    };
    if let Some(node) = node.get("mem_limit").or_else(|| deployed("memory")) {
        let bytes = size::bytes(&node.value).map_err(|why| node.at.error(why))?;
        if bytes.is_none() {
            notes.service(
                name,
                &node.at,
                "Docker Compose reads no limit here; write it with a unit, such as 512m".to_owned(),
            );
        }
        let allowed = |bytes: u64| bytes.clamp(*MEMORY_BYTES.start(), *MEMORY_BYTES.end());
        draft.memory_bytes = bytes.map(allowed);
    }
    if let Some(node) = node.get("cpus").or_else(|| deployed("cpus")) {
        let milli = size::cpu_milli(&node.value).map_err(|why| node.at.error(why))?;
        draft.cpu_milli = milli.map(|milli| milli.clamp(*CPU_MILLI.start(), *CPU_MILLI.end()));
    }
    Ok(())
}

/// What the label says about a URL.
fn public(node: &Node) -> Result<Option<bool>, BlueprintError> {
    let Some(labels) = node.get("labels") else {
        return Ok(None);
    };
    let labels = named(labels.clone());
    let Some((_, label)) = labels.iter().find(|(name, _)| name == PUBLIC_LABEL) else {
        return Ok(None);
    };
    match label.value.printed().as_deref() {
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        _ => Err(label.at.error(format!(
            "the label {PUBLIC_LABEL} must be \"true\" or \"false\""
        ))),
    }
}

/// Checks a variable of a service.
///
/// # Errors
/// If the engine would refuse it, or if it is Dayfly's own.
pub(super) fn check_variable(name: &str, value: &str, at: &Place) -> Result<(), BlueprintError> {
    if name.is_empty() || name.contains(['=', '\0']) || name.len() > 255 {
        let message = format!("{name:?} is not a variable's name: write NAME=value");
        return Err(at.error(message));
    }
    not_ours(name).map_err(|why| at.error(why))?;
    if value.len() > VALUE_BYTES_MAX || value.contains('\0') {
        let message = format!("the value of {name} is longer than 32 KiB or contains a NUL");
        return Err(at.error(message));
    }
    Ok(())
}

/// Checks the number of a service's variables.
///
/// # Errors
/// If there are too many.
pub(super) fn check_count(count: usize, at: &Place) -> Result<(), BlueprintError> {
    if count > VARIABLES_MAX {
        return Err(at.error(format!(
            "the service has more than {VARIABLES_MAX} variables"
        )));
    }
    Ok(())
}
