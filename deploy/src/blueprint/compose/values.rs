//! Single values of a compose file.

use super::node::{Node, Value};
use crate::{blueprint::BlueprintError, source::tidy};

/// A path of the repository, from a path that was written in a file of `folder`.
pub(super) fn inside(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') || path.contains("://") || path.starts_with("git@") {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    tidy(&parts.join("/"))
}

/// The error for the value of a key that has another type.
pub(super) fn must_be(node: &Node, key: &str, wanted: &str) -> BlueprintError {
    let kind = node.value.kind();
    node.at
        .error(format!("`{key}` must be {wanted}, but is {kind}"))
}

/// The text of a value.
pub(super) fn text<'a>(node: &'a Node, key: &str) -> Result<&'a str, BlueprintError> {
    let wrong = || {
        let kind = node.value.kind();
        node.at.error(format!(
            "`{key}` must be text, but is {kind}; write it in quotes"
        ))
    };
    let text = node.text().ok_or_else(wrong)?;
    if text.contains('\0') {
        return Err(node.at.error(format!("`{key}` contains a NUL")));
    }
    Ok(text)
}

/// True or false; like Compose, this also takes the words of YAML 1.1 for them.
pub(super) fn flag(node: &Node, key: &str) -> Result<Option<bool>, BlueprintError> {
    let Some(node) = node.get(key) else {
        return Ok(None);
    };
    match &node.value {
        Value::Null => Ok(None),
        Value::Bool(flag) => Ok(Some(*flag)),
        Value::Text(word) => match word.to_ascii_lowercase().as_str() {
            "true" | "y" | "yes" | "on" => Ok(Some(true)),
            "false" | "n" | "no" | "off" => Ok(Some(false)),
            _ => Err(node
                .at
                .error(format!("`{key}` must be true or false, but is {word:?}"))),
        },
        _ => Err(must_be(node, key, "true or false")),
    }
}

/// The error for a value that must be text or a number.
pub(super) fn not_text(node: &Node, name: &str) -> BlueprintError {
    let kind = node.value.kind();
    let hint = match node.value {
        Value::Time(_) => "; write it in quotes",
        _ => "",
    };
    node.at.error(format!(
        "the value of {name} is {kind}, but must be text or a number{hint}"
    ))
}

/// The value of a variable. A name alone is inherited from the variables of the project, and `None`
/// if they do not have it.
pub(super) fn variable(
    name: &str,
    node: &Node,
    inherited: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<String>, BlueprintError> {
    match node.value {
        Value::Null => Ok(inherited(name)),
        _ => {
            let text = node.value.printed();
            text.map(Some).ok_or_else(|| not_text(node, name))
        }
    }
}

/// The items of a list; none if the key is absent.
///
/// # Errors
/// If it is something else, also if nothing stands there.
pub(super) fn list<'a>(node: &'a Node, key: &str) -> Result<&'a [Node], BlueprintError> {
    let Some(node) = node.get(key) else {
        return Ok(&[]);
    };
    node.list().ok_or_else(|| must_be(node, key, "a list"))
}
