//! Every key of both configuration files stands in the page for users, and nothing else does.

use std::collections::BTreeSet;

use orchestrator::config::KEYS;

use crate::workspace::{expect_none, files, text};

const PAGE: &str = "docs/configuration.md";

/// Where a checkout's file says which keys it reads, and what they stand below.
const READERS: [(&str, &str); 2] = [
    ("deploy/src/blueprint/service.rs", "services.<name>."),
    ("deploy/src/blueprint/database.rs", "databases.<name>."),
];

/// Keys that are read only to say that they do not exist yet, or as a word that means another.
const NOT_THERE_YET: [&str; 1] = ["services.<name>.secrets"];

#[test]
fn the_page_of_keys_has_every_key_of_both_files() {
    let files = files();
    let page = text(&files, PAGE);
    let (server, checkout) = page
        .split_once("## Keys of `dayfly.toml`")
        .expect("both tables have a heading");
    let known: BTreeSet<String> = KEYS.iter().map(|(key, _)| (*key).to_owned()).collect();
    let missing = |known: &BTreeSet<String>, table: &str| -> Vec<String> {
        known.difference(&keys_in(table)).cloned().collect()
    };
    expect_none(&missing(&known, server), &format!("write a row in {PAGE}:"));
    let gone: Vec<String> = keys_in(server).difference(&known).cloned().collect();
    expect_none(&gone, &format!("{PAGE} has keys that do not exist:"));

    let mut known: BTreeSet<String> = READERS
        .iter()
        .flat_map(|(path, below)| {
            let keys = top_keys(text(&files, path));
            keys.into_iter().map(move |key| format!("{below}{key}"))
        })
        .collect();
    for key in NOT_THERE_YET {
        assert!(known.remove(key), "{key} exists by now");
    }
    expect_none(
        &missing(&known, checkout),
        &format!("write a row in {PAGE}:"),
    );
}

/// The keys in the first column of tables. Variables of the command line are in capitals.
fn keys_in(page: &str) -> BTreeSet<String> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let keys = rows.filter_map(|row| Some(row.split_once("` |")?.0.to_owned()));
    keys.filter(|key| !key.starts_with(|first: char| first.is_ascii_uppercase()))
        .collect()
}

/// The words of the constant `KEYS` of a reader.
fn top_keys(source: &str) -> BTreeSet<String> {
    let (_, list) = source
        .split_once("const KEYS: ")
        .expect("it lists its keys");
    let list = list.split("];").next().unwrap_or_default();
    let words = list.split('"').skip(1).step_by(2);
    words.map(str::to_owned).collect()
}

#[test]
fn a_key_without_a_row_is_found() {
    let page = "| Key | x |\n|---|---|\n| `limits.a` | 1 |\n| `DAYFLY_DATA` | 2 |\n";
    assert_eq!(keys_in(page), BTreeSet::from(["limits.a".to_owned()]));
    let source = "const KEYS: [&str; 2] = [\n    \"build\",\n    \"image\",\n];";
    assert_eq!(top_keys(source).len(), 2);
}
