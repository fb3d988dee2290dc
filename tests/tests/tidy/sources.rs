//! How the sources read, and what must not be in them.

use crate::workspace::{File, expect_none, files, root};

const LINES_MAX: usize = 400;

/// Lines of a function as a reader sees them, its comments included.
const FUNCTION_LINES_MAX: usize = 70;

/// Programs that would read a word of an outside world as a command.
const SHELLS: [&str; 10] = [
    "sh",
    "bash",
    "dash",
    "zsh",
    "ash",
    "/bin/sh",
    "/bin/bash",
    "/usr/bin/bash",
    "/usr/bin/env",
    "env",
];

/// The file that hands a line of a repository to the shell of its own container.
const HEALTH_CHECK: &str = "deploy/src/blueprint/compose/health.rs";

#[test]
fn no_file_has_more_production_lines_than_a_reader_can_hold() {
    expect_none(
        &too_long(&files()),
        &format!("more than {LINES_MAX} production lines hold a second noun; give it a file:"),
    );
}

#[test]
fn no_function_is_longer_than_a_screen() {
    expect_none(
        &long_functions(&files()),
        &format!("more than {FUNCTION_LINES_MAX} lines hold a second idea; give it a name:"),
    );
}

#[test]
fn the_product_never_runs_a_shell() {
    expect_none(
        &shells(&files()),
        "run the program itself, outside values after `--`:",
    );
}

#[test]
fn no_test_is_switched_off() {
    expect_none(
        &with_text(&rust(files()), concat!("#[", "ignore")),
        "repair the test or remove it:",
    );
}

#[test]
fn no_test_waits_by_sleeping() {
    let files: Vec<File> = files()
        .into_iter()
        .filter(|file| file.path.starts_with("tests/") && file.path.contains("/tests/"))
        .collect();
    expect_none(
        &sleeps(&rust(files)),
        "wait for a value with a deadline instead:",
    );
}

#[test]
fn no_file_names_a_machine_or_a_package_host() {
    let words = machine_words();
    // The lock file names the index of each package, which another rule looks at.
    let files: Vec<File> = files()
        .into_iter()
        .filter(|file| file.path != "Cargo.lock")
        .collect();
    let found: Vec<String> = words
        .iter()
        .flat_map(|word| with_text(&files, word))
        .collect();
    expect_none(
        &found,
        "what is true on one machine only does not belong into the project:",
    );
}

/// A line without its comment; an address in a string is not one.
pub(crate) fn code(line: &str) -> &str {
    let comment = line
        .match_indices("//")
        .find(|(at, _)| !line[..*at].ends_with(':'));
    comment.map_or(line, |(at, _)| &line[..at])
}

/// Whether a word or path is in a line, and not only as a part of a longer word.
pub(crate) fn has_path(line: &str, path: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(part_of_word);
        let after = line[at + path.len()..]
            .chars()
            .next()
            .is_some_and(part_of_word);
        !before && !after
    })
}

fn rust(files: Vec<File>) -> Vec<File> {
    files.into_iter().filter(File::is_rust).collect()
}

fn too_long(files: &[File]) -> Vec<String> {
    let sources = files
        .iter()
        .filter(|file| file.is_rust() && file.path.contains("/src/") && !file.is_only_tests());
    let counted = sources.map(|file| (&file.path, file.production().lines().count()));
    counted
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect()
}

/// Functions of the product that are too long. A formatted function ends with the first brace that
/// stands as far in as it began.
fn long_functions(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.is_product() && !file.is_only_tests())
    {
        let lines: Vec<&str> = file.production().lines().collect();
        for at in (0..lines.len()).filter(|at| begins_function(&lines[*at..])) {
            let inside = lines[at].trim_start();
            let end = format!("{}}}", &lines[at][..lines[at].len() - inside.len()]);
            let length = lines[at..].iter().take_while(|line| **line != end).count() + 1;
            if length > FUNCTION_LINES_MAX {
                found.push(format!("{}:{}: {length} lines", file.path, at + 1));
            }
        }
    }
    found
}

/// Whether a function with a body on lines of its own begins here.
fn begins_function(lines: &[&str]) -> bool {
    let line = lines[0].trim_start();
    let mut head = match line.strip_prefix("pub(") {
        Some(rest) => rest.split_once(") ").map_or("", |(_, head)| head),
        None => line.strip_prefix("pub ").unwrap_or(line),
    };
    for modifier in ["const ", "async "] {
        head = head.strip_prefix(modifier).unwrap_or(head);
    }
    let is_function = head.starts_with("fn ");
    let ends = |line: &&&str| line.ends_with(['{', ';', '}']);
    is_function
        && lines
            .iter()
            .find(ends)
            .is_some_and(|line| line.ends_with('{'))
}

/// Shells that are started, and shells that are handed a command line. The contract suites may do
/// the latter: it happens inside a container, with words of their own. So does a health check of a
/// compose file, with the words of the repository whose container it is.
fn shells(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.is_product() && !file.is_only_tests())
    {
        let text: String = file
            .production()
            .lines()
            .map(code)
            .flat_map(str::chars)
            .filter(|c| !c.is_whitespace())
            .collect();
        for shell in SHELLS {
            let started = text.contains(&format!("Command::new(\"{shell}\")"));
            let handed = text.contains(&format!("\"{shell}\",\"-c\""))
                || text.contains(&format!("\"{shell}\".to_owned(),\"-c\""));
            let inside = file.path.contains("/contract") || file.path == HEALTH_CHECK;
            if started || handed && !inside {
                found.push(format!("{}: {shell}", file.path));
            }
        }
    }
    found
}

fn sleeps(files: &[File]) -> Vec<String> {
    ["thread::sleep", "time::sleep", "sleep_until", "sleep_ms"]
        .into_iter()
        .flat_map(|word| {
            let call = format!("{word}(");
            with_text(files, &call)
        })
        .collect()
}

/// Where a text stands, by file and line.
fn with_text(files: &[File], text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        for (number, _) in file
            .text
            .lines()
            .enumerate()
            .filter(|(_, line)| line.contains(text))
        {
            found.push(format!("{}:{}: {text}", file.path, number + 1));
        }
    }
    found
}

/// Hosts that serve packages and images, and the places of this very checkout.
fn machine_words() -> Vec<String> {
    let hosts = [
        ["deb.debian", "org"],
        ["security.debian", "org"],
        ["snapshot.debian", "org"],
        ["index.crates", "io"],
        ["static.crates", "io"],
        ["registry.npmjs", "org"],
        ["pypi", "org"],
        ["registry-1.docker", "io"],
        ["index.docker", "io"],
        ["ghcr", "io"],
        ["quay", "io"],
        ["proxy.golang", "org"],
    ];
    let mut words: Vec<String> = hosts.iter().map(|parts| parts.join(".")).collect();
    let root = root();
    // A checkout right below the root of the file system has a name that may mean anything.
    if root.components().count() > 2 {
        words.push(root.display().to_string());
    }
    if let Ok(home) = std::env::var("HOME")
        && home.len() > 1
    {
        words.extend(
            ["cargo", "rustup", "config", "local"].map(|folder| format!("{home}/.{folder}")),
        );
    }
    words
}

#[test]
fn a_long_file_is_found_and_its_tests_do_not_count() {
    let lines = "x\n".repeat(LINES_MAX);
    let good = File::new(
        "a/src/good.rs",
        &format!("{lines}#[cfg(test)]\nmod tests {{\n{lines}}}\n"),
    );
    let bad = File::new("a/src/bad.rs", &format!("x\n{lines}"));
    assert_eq!(too_long(&[good, bad]), ["a/src/bad.rs: 401 lines"]);
}

#[test]
fn a_shell_is_found_however_it_is_written() {
    for text in [
        "Command::new(\"sh\")",
        "Command::new(\n  \"bash\"\n)",
        "vec![\"/bin/sh\", \"-c\", line]",
    ] {
        assert_eq!(
            shells(&[File::new("deploy/src/a.rs", text)]).len(),
            1,
            "{text}"
        );
    }
    let fine = "// Command::new(\"sh\") is never used\nCommand::new(\"git\")\n#[cfg(test)]\nmod tests {\nCommand::new(\"sh\")\n}";
    assert!(shells(&[File::new("deploy/src/a.rs", fine)]).is_empty());
}

#[test]
fn a_function_that_is_too_long_is_found_and_a_declaration_is_not() {
    let body = "        step();\n".repeat(FUNCTION_LINES_MAX - 1);
    let text = format!(
        "trait A {{\n    fn a(&self);\n}}\nimpl B {{\n    pub(super) async fn long(\n        &self,\n    ) {{\n{body}    }}\n}}\n"
    );
    let found = long_functions(&[File::new("proxy/src/a.rs", &text)]);
    assert_eq!(found, ["proxy/src/a.rs:5: 73 lines"]);
}

#[test]
fn a_sleep_and_a_text_are_found() {
    let text = format!(
        "tokio::{}(second).await;\nstd::{}(second);",
        "time::sleep", "thread::sleep"
    );
    assert_eq!(sleeps(&[File::new("tests/tests/a.rs", &text)]).len(), 2);
    let words = machine_words();
    let file = File::new("a.md", &format!("fine\nfrom {}\n", words[0]));
    assert_eq!(
        with_text(&[file], &words[0]),
        [format!("a.md:2: {}", words[0])]
    );
}

#[test]
fn a_word_is_not_a_part_of_a_longer_one() {
    assert!(has_path("use tokio::time;", "tokio") && !has_path("use tokios;", "tokio"));
    assert_eq!(
        code("let a = \"http://b\"; // tokio"),
        "let a = \"http://b\"; "
    );
}
