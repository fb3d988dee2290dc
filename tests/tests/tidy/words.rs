//! The words that users read: ordinary ones, with an actor and a noun.

use crate::{
    sources::{code, has_path},
    workspace::{File, expect_none, files},
};

/// Words and phrases that a reader stumbles over, and what to say instead.
const STUMBLES: [(&str, &str); 19] = [
    ("anew", "again"),
    ("by itself", "automatically"),
    ("cannot be had", "cannot pull"),
    ("ended by itself", "exited"),
    ("goes forth", "redo"),
    ("is told", "name the actor"),
    ("is waited for", "waits for"),
    ("its time was over", "it expired"),
    ("looks again", "refreshes"),
    ("made ready", "prepared"),
    ("mend", "fix"),
    ("mends", "fixes"),
    ("mended", "fixed"),
    ("nobody", "no one"),
    ("somebody", "someone"),
    ("taken away", "removed"),
    ("takes away", "removes"),
    ("whoever", "name the actor"),
    ("whom", "name the actor"),
];

/// A user of the host, and not a person.
const USER_NOBODY: &str = "\"nobody\"";

#[test]
fn people_read_ordinary_words() {
    expect_none(
        &stumbles(&files()),
        "say it in ordinary words, with an actor and a noun:",
    );
}

/// What users read in a file: code without comments, help texts of commands, pages and documents.
fn is_read(file: &File) -> bool {
    let documents = file.path.ends_with(".md") && !file.path.contains("/stored/");
    let pages = file.path.starts_with("orchestrator/templates/");
    let speaks = file.is_product()
        && !file.is_only_tests()
        && !file.path.ends_with("_tests.rs")
        && !["/fake/", "/model/", "/contract/"]
            .iter()
            .any(|beside| file.path.contains(beside));
    documents || pages || speaks
}

fn stumbles(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| is_read(file)) {
        let is_help = file.path.starts_with("orchestrator/src/cli/");
        for (number, line) in file.production().lines().enumerate() {
            let shown = match file.is_rust() && !(is_help && line.trim_start().starts_with("///")) {
                true => code(line),
                false => line,
            };
            let shown = shown.replace(USER_NOBODY, "").replace("`nobody`", "");
            let lower = shown.to_lowercase();
            for (word, better) in STUMBLES.iter().filter(|(word, _)| has_path(&lower, word)) {
                let at = number + 1;
                found.push(format!("{}:{at}: {word} (say: {better})", file.path));
            }
        }
    }
    found
}

#[test]
fn a_word_is_found_in_a_sentence_and_not_in_a_comment() {
    let sentence = File::new("proxy/src/a.rs", "// whoever\nlet a = \"whoever asks\";\n");
    assert_eq!(
        stumbles(&[sentence]),
        ["proxy/src/a.rs:2: whoever (say: name the actor)"]
    );
    let help = File::new("orchestrator/src/cli/a.rs", "/// Mend it\nstruct A;\n");
    assert_eq!(stumbles(&[help]).len(), 1);
    let user = File::new("proxy/src/a.rs", "let a = \"nobody\";\n");
    assert!(stumbles(&[user]).is_empty());
}
