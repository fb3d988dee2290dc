//! Checks of a Dockerfile before a build. A Dockerfile can name a frontend image to parse it, and
//! the builder would run that image.

use std::collections::BTreeMap;

use crate::blueprint::instructions;

/// Allowed frontends; BuildKit's developers publish both.
const FRONTENDS: [&str; 2] = ["docker/dockerfile", "docker/dockerfile-upstream"];

/// The build argument that names a frontend, like the `# syntax=` directive.
const SYNTAX_ARGUMENT: &str = "BUILDKIT_SYNTAX";

/// Why the requested frontend is refused; `None` if it is allowed.
pub(crate) fn refused_frontend(content: &[u8], args: &BTreeMap<String, String>) -> Option<String> {
    if args.contains_key(SYNTAX_ARGUMENT) {
        return Some(format!(
            "the build argument {SYNTAX_ARGUMENT} is not allowed"
        ));
    }
    let text = String::from_utf8_lossy(content);
    let text = text.trim_start_matches('\u{feff}');
    // Builders skip a line that names an interpreter.
    let text = match text.strip_prefix("#!") {
        Some(rest) => rest.split_once('\n').map_or("", |(_, rest)| rest),
        None => text,
    };
    // A file that is a JSON object can name its frontend in a key.
    if text.trim_start().starts_with('{') {
        return Some("the Dockerfile begins with `{`, which no instruction does".to_owned());
    }
    // Builders disagree on which of several directives counts.
    let mut named = text.lines().map(str::trim).filter_map(directive);
    let frontend = named.find(|frontend| !is_allowed(frontend))?;
    let shown: String = frontend.chars().take(80).collect();
    Some(format!(
        "the Dockerfile asks for the frontend {shown:?}; allowed are {}",
        FRONTENDS.join(" and ")
    ))
}

/// Whether a Dockerfile names a frontend.
pub(crate) fn names_frontend(content: &[u8]) -> bool {
    let text = String::from_utf8_lossy(content);
    let mut lines = text.trim_start_matches('\u{feff}').lines();
    lines.any(|line| directive(line.trim()).is_some())
}

/// Why a Dockerfile is refused while builds are isolated. The engine itself fetches the sources of
/// `ADD`, from the host's network, so no rule for the build bridge applies. Builders disagree on
/// where an instruction starts, so this checks every line that may start one.
pub(crate) fn refused_fetch(content: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(content);
    let lines: Vec<&str> = text.trim_start_matches('\u{feff}').lines().collect();
    // A directive may change the escape character; builders disagree on where it may stand.
    let sure = !text.to_ascii_lowercase().contains("escape");
    let mut continued = false;
    let found = (0..lines.len()).find(|&at| {
        let begins = !continued;
        if !is_left_out(lines[at]) {
            continued = sure && surely_continues(lines[at]);
        }
        begins && may_fetch(&joined(&lines[at..]))
    })?;
    Some(format!(
        "line {}: `ADD` of a URL, or of a source with a variable or an escape, is not allowed \
         while builds are isolated (`engine.isolate_builds`): the engine itself would fetch it; \
         use `COPY` for files of the repository and `RUN` for downloads",
        found + 1
    ))
}

/// Maximum number of lines to check of one instruction.
const LINES_MAX: usize = 100;

fn is_left_out(line: &str) -> bool {
    line.trim().is_empty() || line.trim_start().starts_with('#')
}

/// Whether every builder continues this line with the next one.
fn surely_continues(line: &str) -> bool {
    let line = line.trim_end_matches([' ', '\t', '\r']);
    line.ends_with('\\') && !line.ends_with("\\\\")
}

/// The first line, joined with all lines that any builder may treat as its continuation.
fn joined(lines: &[&str]) -> String {
    let mut text = String::new();
    for line in lines.iter().take(LINES_MAX) {
        if !text.is_empty() && is_left_out(line) {
            continue;
        }
        let line = line.trim();
        let Some(continued) = line.strip_suffix(['\\', '`']) else {
            text.push_str(line);
            break;
        };
        text.push_str(continued);
    }
    text
}

/// Whether it is an `ADD` of a URL, or of a source that may expand to one.
fn may_fetch(instruction: &str) -> bool {
    let words = instruction.split_whitespace();
    let mut words = words.skip_while(|word| word.eq_ignore_ascii_case("onbuild"));
    if !words
        .next()
        .is_some_and(|word| word.eq_ignore_ascii_case("add"))
    {
        return false;
    }
    let words: Vec<&str> = words.collect();
    let sources: Vec<&str> = match words.split_last() {
        // The destination may contain a variable.
        Some((_, sources)) if !instruction.contains('[') => sources.to_vec(),
        _ => words.clone(),
    };
    let flag = |word: &&&str| word.starts_with("--");
    let unsure = sources.iter().filter(|word| !flag(word));
    let unsure = unsure.copied().any(|word| word.contains(['$', '\\', '`']));
    let plain = words.concat().to_ascii_lowercase().replace(['"', '\''], "");
    let of_a_host = plain
        .split_once('@')
        .is_some_and(|(_, rest)| rest.contains(':'));
    unsure
        || of_a_host
        || ["://", "github.com/"]
            .iter()
            .any(|sign| plain.contains(sign))
}

/// Our build arguments that the Dockerfile may read, that is, those whose names it contains. An
/// undeclared argument has no effect, so its change must not cause a new build.
pub(crate) fn named_facts<'a>(
    content: &[u8],
    facts: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let text = String::from_utf8_lossy(content).into_owned();
    // A name may continue on the next line.
    let mut joined = String::with_capacity(text.len());
    for line in text.lines() {
        match line.trim_end().strip_suffix(['\\', '`']) {
            Some(continued) => joined.push_str(continued),
            None => {
                joined.push_str(line);
                joined.push('\n');
            }
        }
    }
    facts
        .iter()
        .filter(move |(name, _)| text.contains(name.as_str()) || joined.contains(name.as_str()))
        .map(|(name, value)| (name.as_str(), value.as_str()))
}

/// The line of the instruction that a step runs, or of the instruction that names an image; `None`
/// if it is ambiguous.
pub(crate) fn line_of_step(content: &[u8], step: &str) -> Option<u32> {
    let text = String::from_utf8_lossy(content);
    let step = match step.split_once("] ") {
        Some((_, instruction)) if step.starts_with('[') => instruction,
        _ => step,
    };
    let words = |text: &str| {
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let wanted = words(step);
    // For an image in `--from=`, the step is a FROM that no Dockerfile contains.
    let image = ["load metadata for ", "FROM "]
        .iter()
        .find_map(|start| step.strip_prefix(start));
    let runs = |text: &str| match image {
        // The step has the full name, with the default registry and library.
        Some(image) => {
            let is_from = text
                .get(..5)
                .is_some_and(|word| word.eq_ignore_ascii_case("from "));
            let ends_with = |name: &str| {
                let before = image.strip_suffix(name);
                before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
            };
            let mut words = text.split_whitespace().skip(1);
            let mut flags = words
                .clone()
                .filter_map(|word| word.strip_prefix("--from="));
            flags.any(ends_with) || (is_from && words.any(ends_with))
        }
        None => {
            let mut words = words(text);
            if let Some(first) = words.first_mut() {
                first.make_ascii_uppercase();
            }
            words == wanted
        }
    };
    let mut all = instructions(&text)
        .into_iter()
        .filter(|one| runs(&one.text));
    let first = all.next()?;
    all.next().is_none().then_some(first.line)
}

/// The value of a `syntax` directive in any form that builders accept.
fn directive(line: &str) -> Option<&str> {
    let comment = line.strip_prefix('#').or_else(|| line.strip_prefix("//"))?;
    let (key, value) = comment.split_once('=')?;
    if key.trim().eq_ignore_ascii_case("syntax") {
        value.split_whitespace().next()
    } else {
        None
    }
}

fn is_allowed(frontend: &str) -> bool {
    let name = frontend.strip_prefix("docker.io/").unwrap_or(frontend);
    let name = name.split('@').next().unwrap_or(name);
    let name = name.split(':').next().unwrap_or(name);
    FRONTENDS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_fetched_from_outside_the_fence_is_refused_with_its_line() {
        let refused = |text: &str| refused_fetch(text.as_bytes());
        for (line, text) in [
            (2, "FROM base\nADD http://127.0.0.1:80/ /x"),
            (
                2,
                "FROM base\nadd --chown=1:1 a.txt git@example.test:x.git /x",
            ),
            (2, "FROM base\nADD [\"https://example.test/a\", \"/x\"]"),
            (3, "FROM base\nARG WHERE\nADD ${WHERE} /x"),
            (2, "FROM base\nONBUILD ADD http://10.0.0.1/ /x"),
            (2, "FROM base\nAD\\\nD http:\\\n//10.0.0.1/ /x"),
            (3, "FROM base\nRUN true <<EOF\nADD http://10.0.0.1/ /x"),
            (3, "FROM base\nRUN echo \\\\\nADD http://10.0.0.1/ /x"),
            (3, "FROM base\nRUN true \\\u{b}\nADD http://10.0.0.1/ /x"),
            (
                4,
                "# x y=z\n# escape=`\nFROM base\nADD ht`\ntp://10.0.0.1/ /x",
            ),
            (2, "FROM base\nADD \\\n# why\nhttp://10.0.0.1/ /x"),
            (2, "FROM base\nADD [\"http:\\/\\/10.0.0.1/x\", \"/x\"]"),
            (2, "FROM base\nADD http:\"//\"10.0.0.1/ /x"),
            (2, "FROM base\nADD root@10.0.0.1:x.git /x"),
        ] {
            let said = refused(text).unwrap();
            assert!(
                said.starts_with(&format!("line {line}: ")),
                "{text}: {said}"
            );
        }
        for text in [
            "FROM base\nADD app.tar.gz $HOME/",
            "FROM base\nRUN curl http://example.test/",
            "FROM base\nCOPY $WHAT /x\n# ADD http://x/ /",
            "FROM base\nENV ADD=http://x",
            "FROM base\nADD --chown=$USER app.tgz /x",
            "FROM base\nRUN apk \\\n  add $PACKAGES",
            "FROM base\nRUN <<EOF\nadd-apt-repository \"deb https://example.test/\"\nadduser --uid $UID x\nEOF",
        ] {
            assert_eq!(refused(text), None, "{text}");
        }
    }

    #[test]
    fn the_line_of_a_step_is_found_where_only_one_can_be_meant() {
        let text =
            b"# a comment\nFROM base:1\nrun make \\\n   all\nCOPY a b\nCOPY a b\nFROM r.example/x";
        for (step, line) in [
            ("[2/3] RUN make     all", Some(3)),
            ("[3/3] COPY a b", None),
            (
                "[internal] load metadata for docker.io/library/base:1",
                Some(2),
            ),
            ("[internal] load metadata for r.example/x", Some(7)),
            ("[internal] load build context", None),
        ] {
            assert_eq!(line_of_step(text, step), line, "{step}");
        }
    }

    #[test]
    fn a_fact_counts_where_the_dockerfile_names_it_however_it_is_written() {
        let facts = ["DAYFLY_COMMIT", "DAYFLY_PR"].map(|name| (name.to_owned(), "x".to_owned()));
        let facts = BTreeMap::from(facts);
        for (text, named) in [
            ("FROM x\nARG DAYFLY_COMMIT", vec!["DAYFLY_COMMIT"]),
            ("FROM x\nARG DAY\\\nFLY_PR", vec!["DAYFLY_PR"]),
            ("FROM x\nARG OTHER", vec![]),
        ] {
            let found: Vec<&str> = named_facts(text.as_bytes(), &facts)
                .map(|(name, _)| name)
                .collect();
            assert_eq!(found, named, "{text}");
        }
    }

    fn refused(text: &str) -> bool {
        refused_frontend(text.as_bytes(), &BTreeMap::new()).is_some()
    }

    #[test]
    fn the_builders_own_frontends_and_none_at_all_are_allowed() {
        for good in [
            "FROM scratch",
            "# syntax=docker/dockerfile:1\nFROM scratch",
            "#syntax = docker.io/docker/dockerfile:1.7-labs@sha256:00\nFROM scratch",
            "# a comment\nFROM scratch\nENV a=b",
        ] {
            assert!(!refused(good), "{good}");
        }
    }

    #[test]
    fn any_other_frontend_is_refused() {
        for evil in [
            "# syntax=evil/frontend\nFROM scratch",
            "#SYNTAX=evil.example/docker/dockerfile:1",
            "#!/bin/x\n# escape=`\n# syntax = evil/x",
            "// syntax=evil/x",
            "\u{feff}# syntax=evil/x",
            "{\"syntax\": \"evil/x\"}",
            "# syntax=docker/dockerfile-evil",
            "#!/bin/x\n{\"syntax\": \"evil/x\"}",
            "# syntax=docker/dockerfile:1\n# syntax=evil/x\nFROM scratch",
        ] {
            assert!(refused(evil), "{evil}");
        }
        let args = BTreeMap::from([(SYNTAX_ARGUMENT.to_owned(), "evil/x".to_owned())]);
        assert!(refused_frontend(b"FROM scratch", &args).is_some());
    }
}
