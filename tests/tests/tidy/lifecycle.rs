//! The core of the lifecycle stays pure: the simulation can only vouch for what has no clock, no
//! randomness and no effect of its own.

use crate::sources::{code, has_path};
use crate::workspace::{File, expect_none, files};

const FOLDER: &str = "orchestrator/src/lifecycle/";

/// What would let the world in.
const IMPURE: [&str; 15] = [
    "async",
    "await",
    "tokio",
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "Zoned::now",
    "getrandom",
    "rand",
    "thread",
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "rusqlite",
];

#[test]
fn the_lifecycle_has_no_async_no_clock_and_no_effect() {
    let files: Vec<File> = files()
        .into_iter()
        .filter(|file| file.path.starts_with(FOLDER))
        .collect();
    assert!(
        files.iter().any(File::is_rust),
        "there is no Rust file in {FOLDER}"
    );
    expect_none(
        &impure(&files),
        "take it as an argument, or make it a step that `perform` carries out:",
    );
}

fn impure(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        for (number, line) in file.text.lines().enumerate() {
            for word in IMPURE.iter().filter(|word| has_path(code(line), word)) {
                found.push(format!("{}:{}: {word}", file.path, number + 1));
            }
        }
    }
    found
}

#[test]
fn an_impure_line_is_found_and_a_comment_is_not() {
    let text = "//! free of `async`\nasync fn a() {}\nlet now = jiff::Timestamp::now();\nlet asynchronous = 1; // tokio\n";
    let found = impure(&[File::new("orchestrator/src/lifecycle/a.rs", text)]);
    assert_eq!(
        found,
        [
            "orchestrator/src/lifecycle/a.rs:2: async",
            "orchestrator/src/lifecycle/a.rs:3: Timestamp::now"
        ]
    );
}
