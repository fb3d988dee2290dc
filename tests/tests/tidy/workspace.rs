//! The checkout as the rules see it: its files, and its manifests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The members whose code is the product.
pub(crate) const PRODUCT: [&str; 4] = ["webhook", "proxy", "deploy", "orchestrator"];

/// A text file of the checkout, with its path from the root.
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether it is compiled into one of the product's crates.
    pub(crate) fn is_product(&self) -> bool {
        self.is_rust()
            && PRODUCT
                .iter()
                .any(|member| self.path.starts_with(&format!("{member}/src/")))
    }

    /// Whether the file is nothing but tests, included by `#[cfg(test)] mod tests;`.
    pub(crate) fn is_only_tests(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// The lines before the inline tests.
    pub(crate) fn production(&self) -> &str {
        let mut from = 0;
        while let Some(found) = self.text[from..].find("#[cfg(test)]") {
            let at = from + found;
            let after = &self.text[at + "#[cfg(test)]".len()..];
            let item = after
                .lines()
                .map(str::trim)
                .find(|line| !line.is_empty() && !line.starts_with("#["))
                .unwrap_or("");
            if item.contains("mod ") && item.ends_with('{') {
                return &self.text[..at];
            }
            from = at + 1;
        }
        &self.text
    }
}

/// The directory of the root manifest.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the member is inside the workspace")
        .to_owned()
}

/// The text of a file that has to be there.
pub(crate) fn text<'a>(files: &'a [File], path: &str) -> &'a str {
    let found = files.iter().find(|file| file.path == path);
    &found.unwrap_or_else(|| panic!("there is no {path}")).text
}

/// Every text file that is tracked, or that would be with the next `git add`.
pub(crate) fn files() -> Vec<File> {
    let listed = run(
        "git",
        &[
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ],
    );
    let files: Vec<File> = listed
        .split('\0')
        .filter(|path| !path.is_empty())
        .filter_map(|path| {
            Some(File::new(
                path,
                &std::fs::read_to_string(root().join(path)).ok()?,
            ))
        })
        .collect();
    assert!(
        files.len() > 20,
        "git lists only {} files of {}",
        files.len(),
        root().display()
    );
    files
}

/// The manifests of the members by name.
pub(crate) fn manifests() -> BTreeMap<String, toml::Table> {
    let members = root_manifest()["workspace"]["members"]
        .as_array()
        .expect("members is a list")
        .clone();
    members
        .iter()
        .map(|member| {
            let name = member.as_str().expect("a member is a path").to_owned();
            let manifest = parse(&root().join(&name).join("Cargo.toml"));
            (name, manifest)
        })
        .collect()
}

/// The manifest of the workspace.
pub(crate) fn root_manifest() -> toml::Table {
    parse(&root().join("Cargo.toml"))
}

/// The lock file.
pub(crate) fn lock() -> toml::Table {
    parse(&root().join("Cargo.lock"))
}

/// What a program prints, run at the root of the workspace.
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .output();
    let output = output.unwrap_or_else(|error| panic!("{program} does not start: {error}"));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program} {} failed: {complaint}",
        arguments.join(" ")
    );
    String::from_utf8(output.stdout).expect("its output is text")
}

/// Fails with every finding on a line of its own.
#[track_caller]
pub(crate) fn expect_none(findings: &[String], advice: &str) {
    assert!(findings.is_empty(), "{advice}\n  {}", findings.join("\n  "));
}

fn parse(path: &Path) -> toml::Table {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.parse()
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn production_ends_where_the_inline_tests_begin() {
    let inline = File::new(
        "a/src/b.rs",
        "fn a() {}\n#[cfg(test)]\n#[expect(x)]\nmod tests {\n}\n",
    );
    assert_eq!(inline.production(), "fn a() {}\n");
    let declared = File::new("a/src/b.rs", "#[cfg(test)]\nmod tests;\nfn a() {}\n");
    assert_eq!(declared.production(), declared.text);
}
