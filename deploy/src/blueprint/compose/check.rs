//! Applies the decisions about keys to a project: notes what has no effect, and refuses what would
//! give a preview power over the host.

use super::{
    keys::{self, Decision, Keys},
    node::{Node, Value},
    notes::Notes,
    values::{flag, inside, list, not_text, text},
};
use crate::blueprint::{BlueprintError, nearest::nearest};

/// What to do about a refusal.
const ADVICE: &str = "remove it, or leave the service out of previews with `profiles: [local]`";

/// Checks the keys of the whole file except its services.
pub(super) fn project(project: &Node, notes: &mut Notes) -> Result<(), BlueprintError> {
    for (key, node) in project.map().unwrap_or_default() {
        match known(keys::FILE, key, node, "the file")? {
            Decision::Noted(why) => notes.project(&node.at, &format!("`{key}` {why}")),
            Decision::Refused(why) => return Err(refused(node, key, why)),
            Decision::Read | Decision::Silent => {}
        }
    }
    for (section, keys) in [
        ("networks", keys::NETWORK_ENTRY),
        ("volumes", keys::VOLUME_ENTRY),
        ("secrets", keys::SECRET_ENTRY),
        ("configs", keys::SECRET_ENTRY),
    ] {
        let entries = project.entries(section);
        for (name, node) in entries {
            for (key, node) in node.map().unwrap_or_default() {
                let place = format!("{section}.{name}");
                if let Decision::Noted(why) = known(keys, key, node, &place)? {
                    notes.project(&node.at, &format!("`{key}` {why}"));
                }
            }
            if matches!(section, "networks" | "volumes") {
                outside(section, name, node, notes)?;
            }
        }
    }
    Ok(())
}

/// A network or volume of the host.
fn outside(
    section: &str,
    name: &str,
    node: &Node,
    notes: &mut Notes,
) -> Result<(), BlueprintError> {
    let external = node
        .get("external")
        .filter(|node| !matches!(node.value, Value::Null | Value::Bool(false)));
    if external.is_some() {
        let what = section.trim_end_matches('s');
        let note =
            format!("a preview does not use the existing {what} {name}, but has one of its own");
        notes.project(&node.at, &note);
    }
    for key in ["driver_opts", "driver"] {
        let Some(given) = node.given(key) else {
            continue;
        };
        let plain = matches!(
            given.text(),
            Some("local" | "bridge" | "default" | "overlay")
        );
        if key == "driver" && plain {
            continue;
        }
        if key == "driver_opts" && given.map().is_some_and(<[_]>::is_empty) {
            continue;
        }
        return Err(refused(
            given,
            key,
            "is not allowed: it reaches outside the container",
        ));
    }
    Ok(())
}

/// Checks the keys of a service, and the values of those that can reach the host.
pub(super) fn service(name: &str, node: &Node, notes: &mut Notes) -> Result<(), BlueprintError> {
    let Some(entries) = node.map() else {
        let kind = node.value.kind();
        return Err(node
            .at
            .error(format!("service {name} must be a mapping, but is {kind}")));
    };
    walk(keys::SERVICE, entries, name, notes)?;
    for (key, keys) in [
        ("build", keys::BUILD),
        ("deploy", keys::DEPLOY),
        ("healthcheck", keys::HEALTHCHECK),
    ] {
        if let Some(entries) = node.get(key).and_then(Node::map) {
            walk(keys, entries, name, notes)?;
        }
    }
    if flag(node, "privileged")? == Some(true) {
        let node = node.get("privileged").unwrap_or(node);
        return Err(refused(
            node,
            "privileged",
            "is not allowed: it reaches outside the container",
        ));
    }
    if let Some(mode) = node.given("network_mode") {
        match text(mode, "network_mode")? {
            "bridge" | "default" => {}
            "none" => return Err(refused(mode, "network_mode: none", "is not supported yet")),
            _ => {
                let why = "is not supported: services reach each other by their names, on a network of the preview";
                return Err(refused(mode, "network_mode", why));
            }
        }
    }
    for option in list(node, "security_opt")? {
        let harmless = [
            "no-new-privileges",
            "no-new-privileges:true",
            "no-new-privileges=true",
        ];
        if !harmless.contains(&text(option, "security_opt")?) {
            let why = "is not allowed: it would weaken what separates the container from the host";
            return Err(refused(option, "security_opt", why));
        }
    }
    if let Some(restart) = node.get("restart").and_then(Node::text)
        && restart == "no"
    {
        let what = "`restart` has no effect: a service that ends with an error is started again";
        notes.service(name, &node.at, what.to_owned());
    }
    if let Some(depends) = node.get("depends_on").filter(|node| !is_empty(node)) {
        let what = "`depends_on` does not delay its start: all services start together. A service \
                    that exits with an error is started again, until its siblings are ready and it \
                    keeps exiting in the same way";
        notes.service(name, &depends.at, what.to_owned());
    }
    Ok(())
}

/// Checks the keys of an entry of `include`.
pub(super) fn include(item: &Node) -> Result<(), BlueprintError> {
    for (key, node) in item.map().unwrap_or_default() {
        if let Decision::Refused(why) = known(keys::INCLUDE_ENTRY, key, node, "`include`")? {
            return Err(refused(node, key, why));
        }
    }
    Ok(())
}

/// Refuses dates among the variables and labels of a file, and list items that are no text, also
/// where a later file replaces them.
pub(super) fn variables(file: &Node) -> Result<(), BlueprintError> {
    let services = file.entries("services");
    for (_, service) in services {
        let args = service.get("build").and_then(|build| build.get("args"));
        let keys = ["environment", "labels"].map(|key| service.get(key));
        for given in keys.into_iter().chain([args]).flatten() {
            for (name, node) in given.map().unwrap_or_default() {
                if matches!(node.value, Value::Time(_)) {
                    return Err(not_text(node, name));
                }
            }
            for item in given.list().unwrap_or_default() {
                if item.text().is_none() {
                    let kind = item.value.kind();
                    let message = format!("an item of this list must be NAME=value, but is {kind}");
                    return Err(item.at.error(message));
                }
            }
        }
    }
    Ok(())
}

/// Refuses unknown keys of a service, also where it is not active.
pub(super) fn known_keys(name: &str, node: &Node) -> Result<(), BlueprintError> {
    for (key, node) in node.map().unwrap_or_default() {
        known(keys::SERVICE, key, node, &format!("service {name}"))?;
    }
    Ok(())
}

fn walk(
    keys: Keys,
    entries: &[(String, Node)],
    name: &str,
    notes: &mut Notes,
) -> Result<(), BlueprintError> {
    for (key, node) in entries {
        match known(keys, key, node, &format!("service {name}"))? {
            Decision::Refused(why) if !is_empty(node) => return Err(refused(node, key, why)),
            Decision::Noted(why) if !is_empty(node) => {
                notes.service(name, &node.at, format!("`{key}` {why}"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Nothing, or a list or mapping without entries.
fn is_empty(node: &Node) -> bool {
    node.is_null()
        || node.list().is_some_and(<[Node]>::is_empty)
        || node.map().is_some_and(<[_]>::is_empty)
}

fn known(keys: Keys, key: &str, node: &Node, place: &str) -> Result<Decision, BlueprintError> {
    keys::decision(keys, key).ok_or_else(|| {
        let words: Vec<&str> = keys.iter().map(|(key, _)| *key).collect();
        let hint = nearest(key, &words)
            .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        node.at
            .error(format!("unknown key `{key}` in {place}{hint}"))
    })
}

fn refused(node: &Node, key: &str, why: &str) -> BlueprintError {
    node.at.error(format!("`{key}` {why}; {ADVICE}"))
}

/// Checks the mounts of a service. A bind of the folder that the image is built from only replaces
/// files that the image has too.
pub(super) fn mounts(
    name: &str,
    node: &Node,
    volumes: &[String],
    notes: &mut Notes,
) -> Result<(), BlueprintError> {
    let built_from = node.get("build").map(|build| {
        let context = build.text().or_else(|| build.get("context")?.text());
        inside("", context.unwrap_or(".")).unwrap_or_default()
    });
    for mount in list(node, "volumes")? {
        let Some(source) = source(mount)? else {
            continue;
        };
        if volumes.contains(&source) {
            let what = format!(
                "the volume {source} is not created: its folder begins empty in each container and with \
                 each push"
            );
            notes.service(name, &mount.at, what);
            continue;
        }
        if !source.starts_with(['.', '/', '~']) {
            let message = format!("the volume {source:?} is not declared in `volumes` of the file");
            return Err(mount.at.error(message));
        }
        let Some(path) = inside("", &source) else {
            let why = format!("mounts {source} of the host, which no preview gets");
            return Err(refused(mount, "volumes", &why));
        };
        let is_code = built_from.as_ref().is_some_and(|context| {
            path == *context || path.is_empty() || path.starts_with(&format!("{context}/"))
        });
        if !is_code {
            let why = format!(
                "mounts {source}, which is not supported yet: let a Dockerfile copy what it needs"
            );
            return Err(refused(mount, "volumes", &why));
        }
        let what = format!(
            "{source} is not mounted: the container has the files that its Dockerfile copies"
        );
        notes.service(name, &mount.at, what);
    }
    Ok(())
}

/// What is mounted; `None` for an anonymous volume or memory.
fn source(mount: &Node) -> Result<Option<String>, BlueprintError> {
    if mount.map().is_some() {
        let kind = mount.get("type").and_then(Node::text);
        let source = mount.get("source").and_then(Node::text).map(str::to_owned);
        return match (kind, source) {
            (Some("volume"), source) => Ok(source),
            (Some("bind"), Some(source)) if !source.starts_with(['.', '/', '~']) => {
                Ok(Some(format!("./{source}")))
            }
            (Some("bind"), source) => Ok(source),
            (Some("tmpfs"), _) => Ok(None),
            (kind, _) => {
                let why = format!("mounts something of the type {}", kind.unwrap_or("?"));
                Err(refused(mount, "volumes", &why))
            }
        };
    }
    let text = text(mount, "volumes")?;
    let Some((source, target)) = text.split_once(':') else {
        return Ok(None);
    };
    // One letter before the colon is a drive of Windows for Compose.
    let is_drive = source.len() == 1 && source.chars().all(char::is_alphabetic);
    if is_drive && target.starts_with(['/', '\\']) {
        let message = format!(
            "Compose takes {text:?} for a path on a drive of Windows; give the volume a longer name"
        );
        return Err(mount.at.error(message));
    }
    if source.is_empty() || target.is_empty() {
        return Err(mount.at.error(format!(
            "{text:?} needs a source and a folder of the container, as in data:/data"
        )));
    }
    Ok(Some(source.to_owned()))
}
