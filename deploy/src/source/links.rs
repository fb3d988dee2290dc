//! Resolves symbolic links in memory: no link is ever followed on a disk.

use std::collections::HashMap;

use super::limits::LINK_HOPS_MAX;

/// The links of a folder: path to target.
pub(super) type Links<'a> = HashMap<&'a str, &'a str>;

/// The result of resolving a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Leads {
    /// This path below the root (whether or not it exists); empty for the root.
    To(String),
    /// A path outside the root.
    Out,
    /// No path: the links form a cycle.
    Nowhere,
}

/// Resolves `path` through all links like a kernel, one component at a time: a `..` after a link
/// goes up from the link's target, not from the link.
pub(super) fn of_path(path: &str, links: &Links<'_>) -> Leads {
    if path.starts_with('/') {
        return Leads::Out;
    }
    let mut here: Vec<String> = Vec::new();
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
        for (path, wanted) in [
            ("b", Leads::To("b".into())),
            ("d/../b", Leads::To("b".into())),
            ("d/..", Leads::To(String::new())),
            ("missing/deep/../x", Leads::To("missing/x".into())),
            ("app/x", Leads::To("src/x".into())),
            ("chain/x", Leads::To("src/deep/x".into())),
            ("..", Leads::Out),
            ("d/../../b", Leads::Out),
            ("/etc/passwd", Leads::Out),
            ("/", Leads::Out),
            ("abs/passwd", Leads::Out),
            ("loop", Leads::Nowhere),
            // Without the link in the middle this would read as `p/q/x`.
            ("p/q/up/../x", Leads::Out),
        ] {
            assert_eq!(of_path(path, &links()), wanted, "{path}");
        }
    }
}
