//! Every key of both configuration files stands in the page for users, and nothing else does.

use std::collections::BTreeSet;

use orchestrator::config;

use crate::workspace::{File, expect_none, files, text};

const PAGE: &str = "docs/configuration.md";

/// Where a checkout's file says which keys it reads: the file, its constant, and what the keys stand
/// below.
const READERS: [(&str, &str, &str); 5] = [
    (
        "deploy/src/blueprint/dayfly_toml/service.rs",
        "KEYS",
        "services.<name>",
    ),
    (
        "deploy/src/blueprint/dayfly_toml/service.rs",
        "BUILD_KEYS",
        "services.<name>.build",
    ),
    (
        "deploy/src/blueprint/dayfly_toml/database.rs",
        "KEYS",
        "databases.<name>",
    ),
    (
        "deploy/src/blueprint/dayfly_toml/run.rs",
        "KEYS",
        "databases.<name>.seed",
    ),
    (
        "deploy/src/blueprint/dayfly_toml/run.rs",
        "KEYS",
        "databases.<name>.migrate",
    ),
];

/// A key that is read only to say that it does not exist yet.
const NOT_THERE_YET: &str = "services.<name>.secrets";

#[test]
fn the_page_of_keys_has_every_key_of_both_files_and_no_other() {
    expect_none(&differences(&files()), &format!("change {PAGE}:"));
}

/// What only one of the page and the readers has.
fn differences(files: &[File]) -> Vec<String> {
    let (server, checkout) = text(files, PAGE)
        .split_once("## Keys of `dayfly.toml`")
        .expect("both tables have a heading");
    let known_to_server = config::KEYS.iter().map(|(key, _)| (*key).to_owned());
    let mut found = Vec::new();
    for (known, told) in [
        (known_to_server.collect(), keys_in(server)),
        (known_to_checkout(files), keys_in(checkout)),
    ] {
        let missing = known.difference(&told);
        found.extend(missing.map(|key| format!("no row for {key}")));
        let gone = told.difference(&known);
        found.extend(gone.map(|key| format!("a row for {key}, which does not exist")));
    }
    found
}

fn known_to_checkout(files: &[File]) -> BTreeSet<String> {
    let mut known: BTreeSet<String> = READERS
        .iter()
        .flat_map(|(path, constant, below)| {
            let keys = words_of(text(files, path), constant);
            keys.into_iter().map(move |key| format!("{below}.{key}"))
        })
        .collect();
    assert!(known.remove(NOT_THERE_YET), "{NOT_THERE_YET} exists by now");
    known
}

/// The keys in the first column of tables. Variables of the command line are in capitals.
fn keys_in(page: &str) -> BTreeSet<String> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let keys = rows.filter_map(|row| Some(row.split_once("` |")?.0.to_owned()));
    keys.filter(|key| !key.starts_with(|first: char| first.is_ascii_uppercase()))
        .collect()
}

/// The words of a constant of a reader.
fn words_of(source: &str, constant: &str) -> Vec<String> {
    let (_, list) = source
        .split_once(&format!("const {constant}: "))
        .unwrap_or_else(|| panic!("no list {constant}"));
    let list = list.split("];").next().unwrap_or_default();
    let words = list.split('"').skip(1).step_by(2);
    words.map(str::to_owned).collect()
}

#[test]
fn a_key_that_only_the_page_or_only_a_reader_has_is_found() {
    let files = files();
    let service = "deploy/src/blueprint/dayfly_toml/service.rs";
    for (path, taken, finding) in [
        (
            PAGE,
            "| `limits.image_mib_max` |",
            "no row for limits.image_mib_max",
        ),
        (
            PAGE,
            "| `services.<name>.health` |",
            "no row for services.<name>.health",
        ),
        (
            PAGE,
            "| `databases.<name>.seed.in` |",
            "no row for databases.<name>.seed.in",
        ),
        (
            service,
            "\"health\", ",
            "a row for services.<name>.health, which does not exist",
        ),
        (
            service,
            "\"target\", ",
            "a row for services.<name>.build.target, which does not exist",
        ),
    ] {
        assert_eq!(differences(&changed(&files, path, taken, "")), [finding]);
    }
    let row = "| `data` |";
    let more = changed(&files, PAGE, row, "| `limits.dreams` | |\n| `data` |");
    let finding = "a row for limits.dreams, which does not exist";
    assert_eq!(differences(&more), [finding]);
}

/// The files with one text of one of them changed.
fn changed(files: &[File], path: &str, before: &str, after: &str) -> Vec<File> {
    let text = text(files, path);
    assert!(text.contains(before), "{path} has {before} no more");
    let new = File::new(path, &text.replacen(before, after, 1));
    let others = files.iter().filter(|file| file.path != path);
    let others = others.map(|file| File::new(&file.path, &file.text));
    others.chain([new]).collect()
}
