//! The handlers of the API hold no rules of their own: each calls an action, which serves all callers.

use crate::sources::code;
use crate::workspace::{File, expect_none, files};

const FOLDER: &str = "orchestrator/src/api/";

/// Files of the folder that refuse invalid HTTP, or read refusals.
const EDGES: [&str; 3] = ["client.rs", "extract.rs", "problem.rs"];

/// Methods of the store that only read.
const READS: [&str; 5] = [
    "deliveries(",
    "events_of_life(",
    "instance(",
    "named_snapshots(",
    "previews(",
];

#[test]
fn no_handler_writes_to_the_store_reads_a_limit_or_refuses() {
    let files = files();
    assert!(
        handlers(&files).count() > 10,
        "there are few handlers in {FOLDER}"
    );
    expect_none(&rules(&files), "move it to orchestrator/src/actions:");
}

fn handlers(files: &[File]) -> impl Iterator<Item = &File> {
    files.iter().filter(|file| {
        let name = file.path.strip_prefix(FOLDER).unwrap_or("test");
        !name.contains("test") && !EDGES.contains(&name)
    })
}

fn rules(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in handlers(files) {
        let text: String = file.production().lines().map(code).collect();
        let text: String = text.split_whitespace().collect();
        let mut add = |what: &str| found.push(format!("{}: {what}", file.path));
        for word in ["Problem::", "Refused", ".limits"] {
            if text.contains(word) {
                add(word);
            }
        }
        for call in text.split(".store.").skip(1) {
            if !READS.iter().any(|read| call.starts_with(read)) {
                add(call.split('(').next().unwrap_or_default());
            }
        }
    }
    found
}

#[test]
fn a_rule_in_a_handler_is_found() {
    let text = "ports\n    .store\n    .forget_snapshot(&name).await?;\nports.store.previews().await?;\n\
                let most = settings.limits.forks_max;\nErr(Problem::new(409, \"no\"))\n";
    let found = rules(&[
        File::new("orchestrator/src/api/take.rs", text),
        File::new("orchestrator/src/api/problem.rs", text),
        File::new("orchestrator/src/actions/take.rs", text),
    ]);
    let wanted = ["Problem::", ".limits", "forget_snapshot"];
    assert_eq!(
        found,
        wanted.map(|what| format!("orchestrator/src/api/take.rs: {what}"))
    );
}
