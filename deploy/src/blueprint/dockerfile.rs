//! Reads the exposed ports of a Dockerfile.
//!
//! This parses instructions but does not interpret them; the builder judges everything else.

use std::collections::{BTreeSet, HashMap};

/// The Dockerfile does not have this stage.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoStage;

/// The TCP ports that the stage and its base stages expose; the last stage if none is named.
pub(super) fn exposed(text: &str, target: Option<&str>) -> Result<BTreeSet<u16>, NoStage> {
    let stages = stages(text);
    let mut at = match target {
        None => stages.len().checked_sub(1),
        Some(target) => Some(find(&stages, target).ok_or(NoStage)?),
    };
    let mut ports = BTreeSet::new();
    while let Some(stage) = at.and_then(|at| stages.get(at)) {
        ports.extend(&stage.ports);
        // A stage can only be based on an earlier one, so this ends.
        at = at.and_then(|at| find_by_name(&stages[..at], &stage.from));
    }
    Ok(ports)
}

#[derive(Default)]
struct Stage {
    name: Option<String>,
    from: String,
    ports: BTreeSet<u16>,
    variables: HashMap<String, String>,
}

fn find(stages: &[Stage], target: &str) -> Option<usize> {
    let by_number = || target.parse().ok().filter(|at| *at < stages.len());
    find_by_name(stages, target).or_else(by_number)
}

fn find_by_name(stages: &[Stage], name: &str) -> Option<usize> {
    stages.iter().rposition(|s| {
        s.name
            .as_ref()
            .is_some_and(|own| own.eq_ignore_ascii_case(name))
    })
}

fn stages(text: &str) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::new();
    let mut global = HashMap::new();
    for instruction in instructions(text) {
        let instruction = instruction.text.as_str();
        let (word, rest) = instruction
            .split_once(char::is_whitespace)
            .unwrap_or((instruction, ""));
        let rest = rest.trim();
        match word.to_ascii_uppercase().as_str() {
            "FROM" => stages.push(from(rest, &global)),
            "EXPOSE" => {
                if let Some(stage) = stages.last_mut() {
                    let known = &stage.variables;
                    let ports = rest
                        .split_whitespace()
                        .flat_map(|port| range(&replace(port, known)));
                    let ports: Vec<u16> = ports.collect();
                    stage.ports.extend(ports);
                }
            }
            kind @ ("ARG" | "ENV") => {
                let (known, inherited) = match stages.last_mut() {
                    Some(stage) => (&mut stage.variables, Some(&global)),
                    None => (&mut global, None),
                };
                let declared = assignments(rest, kind == "ENV");
                for (name, value) in declared {
                    let value = value.map(|value| replace(&value, known));
                    let value = value.or_else(|| inherited.and_then(|all| all.get(&name).cloned()));
                    known.extend(value.map(|value| (name, value)));
                }
            }
            _ => {}
        }
    }
    stages
}

/// `[--platform=x] image [AS name]`.
fn from(rest: &str, global: &HashMap<String, String>) -> Stage {
    let mut words = rest
        .split_whitespace()
        .filter(|word| !word.starts_with("--"));
    let from = replace(words.next().unwrap_or_default(), global);
    let name = match (words.next(), words.next()) {
        (Some(word), Some(name)) if word.eq_ignore_ascii_case("as") => Some(name.to_owned()),
        _ => None,
    };
    Stage {
        name,
        from,
        ..Stage::default()
    }
}

/// `8080`, `8080/tcp`, `8000-8002`. Other protocols have no URL.
fn range(word: &str) -> Vec<u16> {
    let word = word.trim_matches(['"', '\'']);
    let (ports, protocol) = word.split_once('/').unwrap_or((word, "tcp"));
    if !protocol.eq_ignore_ascii_case("tcp") {
        return Vec::new();
    }
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    match (first.parse::<u16>(), last.parse::<u16>()) {
        (Ok(first), Ok(last)) if first > 0 => (first..=last).collect(),
        _ => Vec::new(),
    }
}

/// `A=1 B="2"`, a single name, or for `ENV` the old form `A 1`.
fn assignments(rest: &str, is_env: bool) -> Vec<(String, Option<String>)> {
    let first = rest.split_whitespace().next().unwrap_or_default();
    if is_env && !first.contains('=') {
        let value = rest[first.len()..].trim().to_owned();
        return vec![(first.to_owned(), Some(value))];
    }
    let pair = |word: &str| match word.split_once('=') {
        Some((name, value)) => (
            name.to_owned(),
            Some(value.trim_matches(['"', '\'']).to_owned()),
        ),
        None => (word.to_owned(), None),
    };
    rest.split_whitespace().map(pair).collect()
}

/// `$NAME`, `${NAME}` and `${NAME:-default}`.
fn replace(word: &str, known: &HashMap<String, String>) -> String {
    let mut text = String::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('$') {
        text.push_str(before);
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if let Some((inner, behind)) = after.strip_prefix('{').and_then(|a| a.split_once('}')) {
            let (name, default) = inner.split_once(":-").unwrap_or((inner, ""));
            text.push_str(known.get(name).map_or(default, String::as_str));
            rest = behind;
        } else {
            let end = after.find(|c| !is_name(c)).unwrap_or(after.len());
            text.push_str(known.get(&after[..end]).map_or("", String::as_str));
            rest = &after[end..];
        }
    }
    text + rest
}

/// One instruction of a Dockerfile.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Instruction {
    /// The line where it begins, counted from 1.
    pub(crate) line: u32,
    /// Its text, with continued lines joined.
    pub(crate) text: String,
}

/// Splits a Dockerfile into instructions: joins continued lines, drops comments and here-documents.
pub(crate) fn instructions(text: &str) -> Vec<Instruction> {
    let escape = escape(text);
    let mut all = Vec::new();
    let (mut current, mut began) = (String::new(), 0);
    let mut documents: Vec<(String, bool)> = Vec::new();
    let lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines();
    for (number, line) in (1..).zip(lines) {
        if let Some((end, tabs)) = documents.first() {
            if end
                == if *tabs {
                    line.trim_start_matches('\t')
                } else {
                    line
                }
            {
                documents.remove(0);
            }
            continue;
        }
        let trimmed = line.trim();
        if trimmed.starts_with('#') || trimmed.is_empty() {
            continue;
        }
        if current.is_empty() {
            began = number;
        }
        if let Some(continued) = trimmed.strip_suffix(escape) {
            current.push_str(continued);
            current.push(' ');
            continue;
        }
        current.push_str(trimmed);
        documents = here_documents(&current);
        all.push(instruction(began, &std::mem::take(&mut current)));
    }
    if !current.trim().is_empty() {
        all.push(instruction(began, &current));
    }
    all
}

fn instruction(line: u32, text: &str) -> Instruction {
    Instruction {
        line,
        text: text.trim().to_owned(),
    }
}

/// The character that continues a line, which a directive at the top may change.
fn escape(text: &str) -> char {
    for line in text.lines() {
        let Some(directive) = line.trim().strip_prefix('#') else {
            break;
        };
        let Some((name, value)) = directive.split_once('=') else {
            break;
        };
        if name.trim().eq_ignore_ascii_case("escape") {
            return if value.trim() == "`" { '`' } else { '\\' };
        }
    }
    '\\'
}

/// The end markers of an instruction's here-documents, and whether tabs before them are allowed.
fn here_documents(instruction: &str) -> Vec<(String, bool)> {
    let word = instruction.split_whitespace().next().unwrap_or_default();
    if !["RUN", "COPY", "ADD"]
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known))
    {
        return Vec::new();
    }
    let open = |word: &str| {
        let after = word
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .strip_prefix("<<")?;
        let (tabs, name) = after
            .strip_prefix('-')
            .map_or((false, after), |name| (true, name));
        let name = name.trim_matches(['"', '\'']);
        let fits = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        fits.then(|| (name.to_owned(), tabs))
    };
    instruction.split_whitespace().filter_map(open).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(text: &str, target: Option<&str>) -> Vec<u16> {
        exposed(text, target).unwrap().into_iter().collect()
    }

    #[test]
    fn ports_are_read_as_the_builder_would() {
        for (text, wanted) in [
            ("FROM a\nEXPOSE 8080", &[8080][..]),
            ("from a\nexpose 80/tcp 53/udp", &[80]),
            (
                "FROM a\nEXPOSE \\\n # why\n\n 3000 \\\n 3001",
                &[3000, 3001],
            ),
            ("# escape=`\nFROM a\nEXPOSE `\n 3000", &[3000]),
            ("FROM a\nEXPOSE 8000-8002", &[8000, 8001, 8002]),
            ("FROM a\nENV PORT=4000\nEXPOSE $PORT", &[4000]),
            ("FROM a\nENV PORT 4000\nEXPOSE ${PORT}/tcp", &[4000]),
            ("ARG P=9\nFROM a\nARG P\nEXPOSE ${P}", &[9]),
            ("FROM a\nEXPOSE ${PORT:-5000}", &[5000]),
            ("FROM a\nEXPOSE $NOBODY 0 70000 x", &[]),
            ("FROM a\n# EXPOSE 1\nRUN echo \\\nEXPOSE 2\n", &[]),
            ("FROM a\nRUN <<EOF\nEXPOSE 1\nEOF\nEXPOSE 2", &[2]),
            ("FROM a\nCOPY <<-'E' /x\nEXPOSE 1\n\tE\nEXPOSE 2", &[2]),
            ("FROM a\r\nEXPOSE 8080\r\n", &[8080]),
            ("", &[]),
            ("EXPOSE 1", &[]),
        ] {
            assert_eq!(ports(text, None), wanted, "{text}");
        }
    }

    #[test]
    fn only_the_stage_and_its_ancestors_count() {
        let text = "FROM a AS base\nEXPOSE 1\nFROM b AS tools\nEXPOSE 2\n\
                    FROM --platform=linux/amd64 BASE as dev\nEXPOSE 3\nFROM base\nCOPY --from=tools x y\nEXPOSE 4";
        assert_eq!(ports(text, None), [1, 4]);
        assert_eq!(ports(text, Some("Dev")), [1, 3]);
        assert_eq!(ports(text, Some("tools")), [2]);
        assert_eq!(ports(text, Some("0")), [1]);
        assert_eq!(exposed(text, Some("prod")), Err(NoStage));
    }

    #[test]
    fn a_stage_named_like_its_image_is_not_its_own_ancestor() {
        assert_eq!(
            ports(
                "FROM node AS node\nEXPOSE 1\nFROM node AS node\nEXPOSE 2",
                None
            ),
            [1, 2]
        );
    }
}
