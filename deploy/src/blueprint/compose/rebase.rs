//! Makes the paths of a file relative to the repository's root.

use super::node::{Node, Value};

/// The services of a file with paths that are relative to the repository's root, as those of the
/// file are relative to its folder.
pub(super) fn rebase(file: &mut Node, folder: &str) {
    let Value::Map(entries) = &mut file.value else {
        return;
    };
    let services = entries.iter_mut().find(|(key, _)| key == "services");
    let Some((
        _,
        Node {
            value: Value::Map(services),
            ..
        },
    )) = services
    else {
        return;
    };
    if folder.is_empty() {
        return;
    }
    for (_, service) in services {
        let Value::Map(entries) = &mut service.value else {
            continue;
        };
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
