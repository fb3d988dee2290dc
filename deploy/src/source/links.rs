//! Where symbolic links lead, worked out on paper: nothing is ever followed on a disk.

use std::collections::HashMap;

use super::{limits::LINK_HOPS_MAX, paths};

/// The links of a folder: path to target.
pub(super) type Links<'a> = HashMap<&'a str, &'a str>;

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Leads {
    /// To this path below the root (whether or not something is there); empty for the root.
    To(String),
    /// Out of the root.
    Out,
    /// Nowhere: the links go around in a circle.
    Nowhere,
}

/// Where the link at `path` with `target` leads.
pub(super) fn of_link(path: &str, target: &str, links: &Links<'_>) -> Leads {
    walk(paths::folder(path), target, links)
}

/// Where `path` leads when every link on the way is followed.
pub(super) fn of_path(path: &str, links: &Links<'_>) -> Leads {
    walk("", path, links)
}

/// Walks `path` from the folder `from` as a kernel would, one component at a time, so that a
/// `..` behind a link goes up from where the link leads and not from where it lies.
fn walk(from: &str, path: &str, links: &Links<'_>) -> Leads {
    if path.starts_with('/') {
        return Leads::Out;
    }
    // `from` is itself free of links: a tree has no entry below a link.
    let mut here: Vec<String> = from
        .split('/')
        .filter(|c| !c.is_empty())
        .map(str::to_owned)
        .collect();
    let mut ahead: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
    let mut hops = 0;
    while let Some(component) = ahead.pop() {
        match component.as_str() {
            "" | "." => continue,
            ".." => {
                if here.pop().is_none() {
                    return Leads::Out;
                }
                continue;
            }
            _ => here.push(component),
        }
        let Some(target) = links.get(here.join("/").as_str()) else {
            continue;
        };
        hops += 1;
        if hops > LINK_HOPS_MAX {
            return Leads::Nowhere;
        }
        if target.starts_with('/') {
            return Leads::Out;
        }
        here.pop();
        ahead.extend(target.split('/').rev().map(str::to_owned));
    }
    Leads::To(here.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links() -> Links<'static> {
        HashMap::from([
            ("p/q/up", "../.."),
            ("loop", "loop"),
            ("abs", "/etc"),
            ("app", "src"),
            ("chain", "app/deep"),
        ])
    }

    #[test]
    fn a_link_is_followed_as_a_kernel_would() {
        for (path, target, wanted) in [
            ("a", "b", Leads::To("b".into())),
            ("d/a", "../b", Leads::To("b".into())),
            ("d/a", "..", Leads::To(String::new())),
            ("a", "missing/deep/../x", Leads::To("missing/x".into())),
            ("a", "app/x", Leads::To("src/x".into())),
            ("a", "chain/x", Leads::To("src/deep/x".into())),
            ("a", "..", Leads::Out),
            ("d/a", "../../b", Leads::Out),
            ("a", "/etc/passwd", Leads::Out),
            ("a", "/", Leads::Out),
            ("a", "abs/passwd", Leads::Out),
            ("a", "loop", Leads::Nowhere),
            // Without the link in the middle this would look like `p/q/x`.
            ("p/q/x", "up/../x", Leads::Out),
        ] {
            assert_eq!(
                of_link(path, target, &links()),
                wanted,
                "{path} -> {target}"
            );
        }
    }
}
