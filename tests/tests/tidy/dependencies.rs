//! What the product is built from: licences, bans, floors. The graph is the one that is compiled on
//! this machine, with all features, without what only tests need; the lock file names more, such as
//! optional parts that nobody turns on.

use crate::spdx;
use crate::workspace::{expect_none, lock, run};

/// The licences that `deny.toml` allows too.
const LICENCES: [&str; 10] = [
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "MIT-0",
    "bzip2-1.0.6",
    "Unicode-3.0",
    "Zlib",
];

/// What must not be compiled in, below which major version (none: never), and why.
const BANS: [(&str, Option<u64>, &str); 9] = [
    (
        "openssl",
        None,
        "TLS is rustls, so that there is one to keep safe",
    ),
    (
        "openssl-sys",
        None,
        "TLS is rustls, so that there is one to keep safe",
    ),
    (
        "native-tls",
        None,
        "TLS is rustls, so that there is one to keep safe",
    ),
    (
        "ring",
        None,
        "beside aws-lc-rs it makes rustls panic at the first connection",
    ),
    ("serde_yaml", None, "it is not maintained"),
    (
        "serde_yml",
        None,
        "it is an unsound fork of what is not maintained",
    ),
    (
        "unsafe-libyaml",
        None,
        "it is C in disguise, and reads the input of strangers",
    ),
    ("hyper", Some(1), "its old major is not maintained"),
    ("http", Some(1), "its old major is not maintained"),
];

/// The oldest versions without a known way to smuggle or exhaust.
const FLOORS: [(&str, [u64; 3]); 2] = [("hyper", [1, 11, 0]), ("h2", [0, 4, 16])];

const CRATES_INDEX: &str = "registry+https://github.com/rust-lang/crates.io-index";

struct Package {
    name: String,
    version: [u64; 3],
    licence: String,
}

#[test]
fn every_licence_is_allowed() {
    expect_none(
        &bad_licences(&graph()),
        "choose another crate, or allow the licence here and in deny.toml with care:",
    );
}

#[test]
fn nothing_banned_is_compiled_in() {
    expect_none(
        &banned(&graph()),
        "see `cargo tree --all-features --invert NAME` for who asks for it:",
    );
}

#[test]
fn hyper_and_h2_are_not_older_than_their_floors() {
    let lock = lock();
    expect_none(&below_floor(&lock), "run `cargo update` for it:");
    for (name, _) in FLOORS {
        assert!(
            versions(&lock, name).next().is_some(),
            "{name} is not in Cargo.lock; is its floor still needed?"
        );
    }
}

#[test]
fn every_package_comes_from_the_public_index() {
    expect_none(&foreign_sources(&lock()), "depend on a published version:");
}

#[test]
fn the_lock_file_is_committed() {
    assert_eq!(
        run("git", &["ls-files", "--", "Cargo.lock"]).trim(),
        "Cargo.lock",
        "run `git add Cargo.lock`"
    );
}

fn bad_licences(graph: &[Package]) -> Vec<String> {
    let bad = graph
        .iter()
        .filter(|package| !spdx::satisfied(&package.licence, &LICENCES));
    bad.map(|package| format!("{}: {:?}", package.name, package.licence))
        .collect()
}

fn banned(graph: &[Package]) -> Vec<String> {
    let mut found = Vec::new();
    for Package { name, version, .. } in graph {
        for (ban, below, why) in BANS {
            if name == ban && below.is_none_or(|major| version[0] < major) {
                found.push(format!("{name} {}: {why}", dotted(*version)));
            }
        }
    }
    found
}

fn below_floor(lock: &toml::Table) -> Vec<String> {
    let mut found = Vec::new();
    for (name, floor) in FLOORS {
        for version in versions(lock, name).filter(|version| *version < floor) {
            found.push(format!(
                "{name} {} is older than {}",
                dotted(version),
                dotted(floor)
            ));
        }
    }
    found
}

fn foreign_sources(lock: &toml::Table) -> Vec<String> {
    let sources = packages(lock).filter_map(|package| {
        Some((
            package.get("name")?.as_str()?,
            package.get("source")?.as_str()?,
        ))
    });
    sources
        .filter(|(_, source)| *source != CRATES_INDEX)
        .map(|(name, source)| format!("{name}: {source}"))
        .collect()
}

fn versions<'a>(lock: &'a toml::Table, name: &'a str) -> impl Iterator<Item = [u64; 3]> + 'a {
    let named = packages(lock)
        .filter(move |package| package.get("name").and_then(toml::Value::as_str) == Some(name));
    named.filter_map(|package| Some(version(package.get("version")?.as_str()?)))
}

fn packages(lock: &toml::Table) -> impl Iterator<Item = &toml::Value> {
    lock.get("package")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
}

/// Asked of `cargo tree`, because `cargo metadata` counts optional parts that no feature turns on.
fn graph() -> Vec<Package> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let printed = run(
        &cargo,
        &[
            "tree",
            "--offline",
            "--locked",
            "--workspace",
            "--all-features",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "--format",
            "{p}\t{l}",
        ],
    );
    let graph: Vec<Package> = printed.lines().filter_map(package).collect();
    assert!(
        graph.len() > 50,
        "cargo tree names only {} packages",
        graph.len()
    );
    graph
}

/// A line such as `hyper v1.12.0 (proc-macro)<tab>MIT (*)`.
fn package(line: &str) -> Option<Package> {
    let (spec, licence) = line.split_once('\t')?;
    let mut words = spec.split(' ');
    let (name, numbers) = (words.next()?, words.next()?.strip_prefix('v')?);
    let licence = licence.trim_end_matches("(*)").trim();
    Some(Package {
        name: name.to_owned(),
        version: version(numbers),
        licence: licence.to_owned(),
    })
}

/// The three numbers; a pre-release counts as its release.
fn version(text: &str) -> [u64; 3] {
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let mut numbers = core.split('.').map(|number| number.parse().unwrap_or(0));
    std::array::from_fn(|_| numbers.next().unwrap_or(0))
}

fn dotted([major, minor, patch]: [u64; 3]) -> String {
    format!("{major}.{minor}.{patch}")
}

#[test]
fn a_banned_package_and_a_bad_licence_are_found() {
    let lines = [
        "hyper v0.14.32\tMIT (*)",
        "hyper v1.12.0\tMIT",
        "ring v0.17.14\tApache-2.0 AND ISC",
        "readline v1.0.0\tGPL-3.0",
    ];
    let graph: Vec<Package> = lines.into_iter().filter_map(package).collect();
    let found = banned(&graph);
    assert!(
        found.len() == 2 && found[0].starts_with("hyper 0.14.32") && found[1].starts_with("ring "),
        "{found:?}"
    );
    assert_eq!(bad_licences(&graph), ["readline: \"GPL-3.0\""]);
}

#[test]
fn an_old_version_and_a_foreign_source_are_found() {
    let lock =
        "[[package]]\nname = 'h2'\nversion = '0.4.15'\nsource = 'git+https://forge.example/h2'"
            .parse()
            .expect("TOML");
    assert_eq!(below_floor(&lock), ["h2 0.4.15 is older than 0.4.16"]);
    assert_eq!(foreign_sources(&lock), ["h2: git+https://forge.example/h2"]);
}
