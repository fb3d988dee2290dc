//! Who may know which outside world, by direct dependency; and what every member must say of itself.

use std::collections::BTreeMap;

use crate::workspace::{PRODUCT, expect_none, manifests, root_manifest};

/// Each crate that reaches an outside world, and the one member that may use it.
const ONLY_IN: [(&str, &str); 11] = [
    ("octocrab", "webhook"),
    ("bollard", "deploy"),
    ("bollard-buildkit-proto", "deploy"),
    ("tonic", "deploy"),
    ("kube", "deploy"),
    ("rustls", "proxy"),
    ("instant-acme", "proxy"),
    ("rusqlite", "orchestrator"),
    ("rusqlite_migration", "orchestrator"),
    ("clap", "orchestrator"),
    ("askama", "orchestrator"),
];

const LEAVES: [&str; 3] = ["webhook", "proxy", "deploy"];

/// The members that only test.
const TESTS: [&str; 5] = ["tests", "harness", "simulation", "bench", "chaos"];

type Manifests = BTreeMap<String, toml::Table>;

#[test]
fn each_outside_world_is_known_to_one_member_only() {
    expect_none(
        &strangers(&manifests()),
        "use it through the member that owns it, or let that member offer what you need:",
    );
}

#[test]
fn the_leaves_do_not_know_each_other() {
    expect_none(
        &leaf_ties(&manifests()),
        "what both need belongs to the orchestrator, which knows all of them:",
    );
}

#[test]
fn every_member_takes_the_lints_of_the_workspace() {
    expect_none(
        &without_lints(&manifests()),
        "add `[lints]` with `workspace = true` to its manifest:",
    );
}

#[test]
fn no_member_can_be_published() {
    expect_none(
        &publishable(&root_manifest(), &manifests()),
        "set `publish.workspace = true` (false at the root):",
    );
}

fn strangers(manifests: &Manifests) -> Vec<String> {
    let mut found = Vec::new();
    for member in PRODUCT {
        let Some(manifest) = manifests.get(member) else {
            continue;
        };
        for name in dependencies(manifest) {
            if let Some((_, owner)) = ONLY_IN
                .iter()
                .find(|(known, owner)| *known == name && *owner != member)
            {
                found.push(format!(
                    "{member} depends on {name}, which only {owner} may"
                ));
            }
        }
    }
    found
}

fn leaf_ties(manifests: &Manifests) -> Vec<String> {
    let mut found = Vec::new();
    for (member, manifest) in manifests {
        for name in dependencies(manifest) {
            let leaf_knows = LEAVES.contains(&member.as_str()) && PRODUCT.contains(&name.as_str());
            let knows_tests = PRODUCT.contains(&member.as_str()) && TESTS.contains(&name.as_str());
            if leaf_knows || knows_tests {
                found.push(format!("{member} depends on {name}"));
            }
        }
    }
    found
}

fn without_lints(manifests: &Manifests) -> Vec<String> {
    let takes = |manifest: &toml::Table| manifest.get("lints")?.get("workspace")?.as_bool();
    manifests
        .iter()
        .filter(|(_, manifest)| takes(manifest) != Some(true))
        .map(|(name, _)| name.clone())
        .collect()
}

fn publishable(root: &toml::Table, manifests: &Manifests) -> Vec<String> {
    let inherited = root
        .get("workspace")
        .and_then(|w| w.get("package")?.get("publish")?.as_bool());
    let refuses = |manifest: &toml::Table| {
        let publish = manifest.get("package")?.get("publish")?;
        let inherits = publish.get("workspace").and_then(toml::Value::as_bool) == Some(true);
        if inherits {
            inherited
        } else {
            publish.as_bool()
        }
    };
    manifests
        .iter()
        .filter(|(_, manifest)| refuses(manifest) != Some(false))
        .map(|(name, _)| name.clone())
        .collect()
}

/// Names of the crates that a member needs to be built: normal and build dependencies, optional and
/// per-target ones included, renamed ones by their real name.
fn dependencies(manifest: &toml::Table) -> Vec<String> {
    let per_target = manifest
        .get("target")
        .and_then(toml::Value::as_table)
        .into_iter()
        .flat_map(toml::Table::values);
    let mut names = Vec::new();
    for table in std::iter::once(manifest).chain(per_target.filter_map(toml::Value::as_table)) {
        for kind in ["dependencies", "build-dependencies"] {
            for (name, asked) in table
                .get(kind)
                .and_then(toml::Value::as_table)
                .into_iter()
                .flatten()
            {
                let real = asked
                    .get("package")
                    .and_then(toml::Value::as_str)
                    .unwrap_or(name);
                names.push(real.to_owned());
            }
        }
    }
    names
}

fn sample(member: &str, text: &str) -> Manifests {
    Manifests::from([(member.to_owned(), text.parse().expect("the sample is TOML"))])
}

#[test]
fn a_stranger_is_found_in_every_kind_of_dependency() {
    for text in [
        "[dependencies]\nbollard.workspace = true",
        "[dependencies]\ndocker = { package = 'bollard', version = '0' }",
        "[build-dependencies]\nbollard = '0'",
        "[target.'cfg(unix)'.dependencies]\nbollard = { version = '0', optional = true }",
    ] {
        assert_eq!(
            strangers(&sample("proxy", text)),
            ["proxy depends on bollard, which only deploy may"],
            "{text}"
        );
    }
    assert!(strangers(&sample("deploy", "[dependencies]\nbollard = '0'")).is_empty());
    assert!(strangers(&sample("proxy", "[dev-dependencies]\nbollard = '0'")).is_empty());
}

#[test]
fn a_tie_between_leaves_is_found() {
    let found = leaf_ties(&sample(
        "deploy",
        "[dependencies]\nwebhook.workspace = true\norchestrator.workspace = true",
    ));
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(
        leaf_ties(&sample("orchestrator", "[dependencies]\nharness = {}")),
        ["orchestrator depends on harness"]
    );
}

#[test]
fn a_member_without_lints_or_open_to_be_published_is_found() {
    let root = "[workspace.package]\npublish = false"
        .parse()
        .expect("TOML");
    let bare = sample("proxy", "[package]\nname = 'proxy'");
    assert_eq!(without_lints(&bare), ["proxy"]);
    assert_eq!(publishable(&root, &bare), ["proxy"]);
    let good = sample(
        "proxy",
        "[package]\npublish.workspace = true\n[lints]\nworkspace = true",
    );
    assert!(without_lints(&good).is_empty() && publishable(&root, &good).is_empty());
}
