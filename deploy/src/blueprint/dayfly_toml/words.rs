//! Splits a command line into words, without a shell.

/// Splits like compose: blanks separate, quotes and backslashes keep together. Replaces nothing,
/// and refuses shell operators instead of treating them as words.
pub(super) fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match c {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next() {
                        Some('\'') => break,
                        Some(c) => word.push(c),
                        None => return Err("a ' is not closed".to_owned()),
                    }
                }
            }
            '"' => quoted(&mut rest, word.get_or_insert_default())?,
            '\\' => {
                let escaped = rest.next().ok_or("it ends with a backslash")?;
                word.get_or_insert_default().push(escaped);
            }
            '|' | '&' | ';' | '<' | '>' | '`' => {
                let advice = "runs without a shell; to use one, write [\"sh\", \"-c\", \"...\"]";
                return Err(format!("`{c}` has no meaning here: the command {advice}"));
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    if words.first().is_none_or(String::is_empty) {
        return Err("it names no program".to_owned());
    }
    Ok(words)
}

fn quoted(rest: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), String> {
    loop {
        match rest.next() {
            Some('"') => return Ok(()),
            Some('\\') => match rest.next() {
                Some(c @ ('"' | '\\' | '$' | '`')) => word.push(c),
                Some(c) => word.extend(['\\', c]),
                None => break,
            },
            Some(c) => word.push(c),
            None => break,
        }
    }
    Err("a \" is not closed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_as_compose_does() {
        for (line, wanted) in [
            ("./server", &["./server"][..]),
            ("  npm  run start ", &["npm", "run", "start"]),
            ("echo 'a b' \"c d\" e\\ f", &["echo", "a b", "c d", "e f"]),
            ("a ''", &["a", ""]),
            ("a\"b c\"'d'", &["ab cd"]),
            ("echo \"\\\"x\\\" \\n\" '\\'", &["echo", "\"x\" \\n", "\\"]),
            ("sh -c 'a && b | c'", &["sh", "-c", "a && b | c"]),
            ("echo $HOME", &["echo", "$HOME"]),
        ] {
            assert_eq!(split(line).unwrap(), wanted, "{line}");
        }
    }

    #[test]
    fn a_line_that_needs_a_shell_or_is_not_finished_is_refused() {
        for line in [
            "", "  ", "a && b", "a | b", "a > b", "a; b", "'a", "\"a", "a\\", "`id`", "''",
        ] {
            assert!(split(line).is_err(), "{line}");
        }
    }
}
