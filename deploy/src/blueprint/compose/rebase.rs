//! Makes the paths of a file relative to the repository's root.

use super::node::{Merge, Node, Value};

/// The services of a file.
fn services(file: &mut Node) -> impl Iterator<Item = &mut Vec<(String, Node)>> {
    let entries = match &mut file.value {
        Value::Map(entries) => entries.iter_mut().find(|(key, _)| key == "services"),
        _ => None,
    };
    let services = entries.and_then(|(_, node)| match &mut node.value {
        Value::Map(services) => Some(services),
        _ => None,
    });
    let all = services.into_iter().flatten();
    all.filter_map(|(_, service)| match &mut service.value {
        Value::Map(entries) => Some(entries),
        _ => None,
    })
}

/// Writes out the context of builds that name none: the folder of their project.
pub(super) fn name_contexts(file: &mut Node, folder: &str) {
    for entries in services(file) {
        let build = entries.iter_mut().find(|(key, _)| key == "build");
        let Some((
            _,
            Node {
                value: Value::Map(keys),
                at,
                ..
            },
        )) = build
        else {
            continue;
        };
        if !keys
            .iter()
            .any(|(key, node)| key == "context" && !node.is_null())
        {
            keys.retain(|(key, _)| key != "context");
            let context = Node {
                value: Value::Text(format!("./{folder}")),
                at: at.clone(),
                merge: Merge::ByKey,
            };
            keys.push(("context".to_owned(), context));
        }
    }
}

/// Makes paths that are relative to a folder relative to the repository's root.
pub(super) fn rebase(file: &mut Node, folder: &str) {
    if folder.is_empty() {
        return;
    }
    for entries in services(file) {
        for (key, node) in entries {
            match key.as_str() {
                "build" => rebase_entry(node, "context", folder),
                "env_file" => rebase_entry(node, "path", folder),
                "volumes" => rebase_entry(node, "source", folder),
                _ => {}
            }
        }
    }
}

/// A path, a mapping with one, or a list of either.
fn rebase_entry(node: &mut Node, key: &str, folder: &str) {
    match &mut node.value {
        Value::Text(path) => rebase_path(path, key, folder),
        Value::List(items) => items
            .iter_mut()
            .for_each(|item| rebase_entry(item, key, folder)),
        Value::Map(entries) => {
            if let Some((_, node)) = entries.iter_mut().find(|(known, _)| known == key)
                && let Value::Text(path) = &mut node.value
            {
                rebase_path(path, key, folder);
            }
        }
        _ => {}
    }
}

fn rebase_path(path: &mut String, key: &str, folder: &str) {
    // A source without a dot is the name of a volume.
    let is_relative = !path.starts_with(['/', '~']) && !path.contains("://");
    if is_relative && (key != "source" || path.starts_with('.')) {
        *path = format!("./{folder}/{path}");
    }
}
