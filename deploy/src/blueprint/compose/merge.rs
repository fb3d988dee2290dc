//! Merges a later file into an earlier one, key by key, as Compose does.

use super::node::{Merge, Node, Value};

/// How the values of a key are merged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Mappings by their keys, lists one after the other; anything else is replaced.
    Default,
    /// The later value replaces the earlier one.
    Replace,
    /// Both become a list, one after the other.
    Append,
    /// A mapping, or a list of `NAME=value`, as a mapping: the later value of a name wins.
    ByName,
    /// Names, or a mapping of them, as a mapping.
    Names,
    /// `build`, which may be the context alone.
    Build,
    /// `logging`, whose options belong to its driver.
    Logging,
    /// Lists in which the later entry with the same target replaces the earlier one.
    ByTarget,
    /// Lists in which an equal entry occurs once.
    Unique,
}

/// Keys of a service that are not merged by [`Rule::Default`], with the keys above them.
const RULES: [(&str, Rule); 31] = [
    ("annotations", Rule::ByName),
    ("build", Rule::Build),
    ("build.args", Rule::ByName),
    ("build.additional_contexts", Rule::ByName),
    ("build.extra_hosts", Rule::Append),
    ("build.labels", Rule::ByName),
    ("cap_add", Rule::Unique),
    ("cap_drop", Rule::Unique),
    ("command", Rule::Replace),
    ("configs", Rule::ByTarget),
    ("depends_on", Rule::Names),
    ("deploy.labels", Rule::ByName),
    ("devices", Rule::ByTarget),
    ("dns", Rule::Append),
    ("dns_opt", Rule::Append),
    ("dns_search", Rule::Append),
    ("entrypoint", Rule::Replace),
    ("env_file", Rule::Append),
    ("environment", Rule::ByName),
    ("expose", Rule::Unique),
    ("extra_hosts", Rule::Append),
    ("healthcheck.test", Rule::Replace),
    ("labels", Rule::ByName),
    ("logging", Rule::Logging),
    ("networks", Rule::Names),
    ("ports", Rule::Unique),
    ("secrets", Rule::ByTarget),
    ("security_opt", Rule::Append),
    ("sysctls", Rule::ByName),
    ("tmpfs", Rule::Append),
    ("volumes", Rule::ByTarget),
];

fn rule(path: &[&str]) -> Rule {
    match path {
        ["services", _, rest @ ..] if !rest.is_empty() => {
            let key = rest.join(".");
            let known = RULES.iter().find(|(known, _)| *known == key);
            known.map_or(Rule::Default, |(_, rule)| *rule)
        }
        ["networks" | "volumes", _, "labels"] => Rule::ByName,
        _ => Rule::Default,
    }
}

/// The earlier file with the later one over it.
pub(super) fn files(earlier: Node, later: Node) -> Node {
    values(earlier, later, &[])
}

/// A service with the keys of the one that extends it over it.
pub(super) fn services(earlier: Node, later: Node) -> Node {
    values(earlier, later, &["services", "*"])
}

/// Removes what `!reset` marks, at any depth, and the marks themselves.
pub(super) fn without_resets(mut node: Node) -> Node {
    node.value = match node.value {
        Value::Map(entries) => Value::Map(
            entries
                .into_iter()
                .filter(|(_, node)| node.merge != Merge::Reset)
                .map(|(key, node)| (key, without_resets(node)))
                .collect(),
        ),
        Value::List(items) => Value::List(
            items
                .into_iter()
                .filter(|node| node.merge != Merge::Reset)
                .map(without_resets)
                .collect(),
        ),
        other => other,
    };
    node.merge = Merge::ByKey;
    node
}

fn values(earlier: Node, later: Node, path: &[&str]) -> Node {
    let rule = rule(path);
    if later.merge != Merge::ByKey || earlier.is_null() || rule == Rule::Replace {
        return later;
    }
    if later.is_null() {
        return earlier;
    }
    let at = later.at.clone();
    let value = match rule {
        Rule::Append => joined(earlier, later),
        Rule::ByName => by_name(earlier, later),
        Rule::Names => maps(as_names(earlier), as_names(later), path),
        Rule::Build => maps(as_build(earlier), as_build(later), path),
        Rule::Logging => logging(earlier, later, path),
        Rule::ByTarget | Rule::Unique => unique(joined(earlier, later), rule),
        Rule::Default => match (&earlier.value, &later.value) {
            (Value::Map(_), Value::Map(_)) => maps(earlier, later, path),
            (Value::List(_), Value::List(_)) => joined(earlier, later),
            _ => later.value,
        },
        Rule::Replace => later.value,
    };
    Node {
        value,
        at,
        merge: Merge::ByKey,
    }
}

fn maps(earlier: Node, later: Node, path: &[&str]) -> Value {
    let (mut entries, others) = match (earlier.value, later.value) {
        (Value::Map(entries), Value::Map(others)) => (entries, others),
        (_, later) => return later,
    };
    for (key, node) in others {
        let Some(place) = entries.iter().position(|(known, _)| *known == key) else {
            entries.push((key, node));
            continue;
        };
        let (_, known) = entries.remove(place);
        let merged = values(known, node, &[path, &[&key]].concat());
        entries.insert(place, (key, merged));
    }
    Value::Map(entries)
}

fn items(node: Node) -> Vec<Node> {
    match node.value {
        Value::List(items) => items,
        Value::Map(ref entries) => {
            let pair = |(key, value): &(String, Node)| Node {
                value: Value::Text(match value.value.printed() {
                    Some(text) => format!("{key}={text}"),
                    None => key.clone(),
                }),
                at: value.at.clone(),
                merge: Merge::ByKey,
            };
            entries.iter().map(pair).collect()
        }
        _ => vec![node],
    }
}

fn joined(earlier: Node, later: Node) -> Value {
    let mut all = items(earlier);
    all.extend(items(later));
    Value::List(all)
}

fn by_name(earlier: Node, later: Node) -> Value {
    let mut entries = named(earlier);
    for (name, node) in named(later) {
        match entries.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = node,
            None => entries.push((name, node)),
        }
    }
    Value::Map(entries)
}

/// The entries of a mapping, or of a list of `NAME=value`.
pub(super) fn named(node: Node) -> Vec<(String, Node)> {
    let items = match node.value {
        Value::Map(entries) => return entries,
        Value::List(items) => items,
        _ => vec![node],
    };
    let mut entries: Vec<(String, Node)> = Vec::new();
    for item in items {
        let text = item.value.printed().unwrap_or_default();
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name.to_owned(), Value::Text(value.to_owned())),
            None => (text, Value::Null),
        };
        let node = Node { value, ..item };
        match entries.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = node,
            None => entries.push((name, node)),
        }
    }
    entries
}

/// A list of names as a mapping without values.
fn as_names(node: Node) -> Node {
    let Value::List(items) = node.value else {
        return node;
    };
    let entry = |item: Node| {
        let name = item.value.printed().unwrap_or_default();
        let node = Node {
            value: Value::Null,
            ..item
        };
        (name, node)
    };
    Node {
        value: Value::Map(items.into_iter().map(entry).collect()),
        ..node
    }
}

fn as_build(node: Node) -> Node {
    if !matches!(node.value, Value::Text(_)) {
        return node;
    }
    let at = node.at.clone();
    let context = Node {
        merge: Merge::ByKey,
        ..node
    };
    Node {
        value: Value::Map(vec![("context".to_owned(), context)]),
        at,
        merge: Merge::ByKey,
    }
}

fn logging(earlier: Node, later: Node, path: &[&str]) -> Value {
    let driver = |node: &Node| node.get("driver").map(|node| node.value.clone());
    match (driver(&earlier), driver(&later)) {
        (Some(one), Some(other)) if one != other => later.value,
        _ => maps(earlier, later, path),
    }
}

/// Keeps the last of the entries that stand for the same thing, in the place of the first.
fn unique(value: Value, rule: Rule) -> Value {
    let Value::List(items) = value else {
        return value;
    };
    let mut kept: Vec<(String, Node)> = Vec::new();
    for item in items {
        let key = match rule {
            Rule::ByTarget => target(&item),
            _ => whole(&item),
        };
        match kept.iter_mut().find(|(known, _)| *known == key) {
            Some(known) => known.1 = item,
            None => kept.push((key, item)),
        }
    }
    Value::List(kept.into_iter().map(|(_, item)| item).collect())
}

/// What a mount, device, secret or config becomes in the container.
fn target(item: &Node) -> String {
    let named = ["target", "source"]
        .into_iter()
        .find_map(|key| item.get(key)?.text());
    let text = named.or_else(|| item.text()).unwrap_or_default();
    let target = match (named, text.split(':').nth(1)) {
        (None, Some(target)) => target,
        _ => text,
    };
    target.trim_end_matches('/').to_owned()
}

fn whole(item: &Node) -> String {
    item.value
        .printed()
        .unwrap_or_else(|| format!("{:?}", plain(item)))
}

/// The value without its lines, for comparison.
fn plain(item: &Node) -> Vec<(String, String)> {
    let entries = item.map().unwrap_or_default();
    let pair = |(key, node): &(String, Node)| (key.clone(), whole(node));
    entries.iter().map(pair).collect()
}
