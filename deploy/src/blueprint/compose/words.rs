//! Splits the text of `command` and `entrypoint` into words, as Compose does (the rules of Go's
//! shellwords, without its variables and backticks).

/// The words of a command line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) words: Vec<String>,
    /// The operator at which Compose stopped reading: what follows it is lost.
    pub(super) cut_at: Option<char>,
}

/// Splits a line. `None` if Compose refuses it.
pub(super) fn split(line: &str) -> Option<Line> {
    let mut words = Vec::new();
    let mut word = String::new();
    // Whether there is a word, even an empty one in quotes.
    let mut begun = false;
    let (mut escaped, mut single, mut double, mut backtick) = (false, false, false, false);
    let mut dollar = false;
    let mut cut_at = None;
    for c in line.chars() {
        if escaped {
            word.push(c);
            (escaped, begun) = (false, true);
            continue;
        }
        match c {
            '\\' if !single => {
                escaped = true;
                continue;
            }
            ' ' | '\t' | '\r' | '\n' if !(single || double || backtick || dollar) => {
                if begun {
                    words.push(std::mem::take(&mut word));
                    begun = false;
                }
                continue;
            }
            '`' if !(single || double || dollar) => backtick = !backtick,
            ')' if !(single || double || backtick) => dollar = !dollar,
            '(' if !(single || double || backtick) => {
                if dollar || !word.ends_with('$') {
                    return None;
                }
                dollar = true;
            }
            '"' if !(single || dollar || backtick) => {
                double = !double;
                begun = true;
                continue;
            }
            '\'' if !(double || dollar || backtick) => {
                single = !single;
                begun = true;
                continue;
            }
            ';' | '&' | '|' | '<' | '>' if !(escaped || single || double || backtick || dollar) => {
                // A word that begins with a digit is taken for the number of a stream.
                if c == '>' && word.starts_with(|c: char| c.is_ascii_digit()) {
                    begun = false;
                }
                cut_at = Some(c);
                break;
            }
            _ => {}
        }
        begun = true;
        word.push(c);
    }
    if begun {
        words.push(word);
    }
    let open = escaped || single || double || backtick || dollar;
    (!open).then_some(Line { words, cut_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Option<Vec<String>> {
        split(line).map(|line| line.words)
    }

    #[test]
    fn a_line_is_split_as_compose_does() {
        for (line, wanted) in [
            ("migrate && serve", &["migrate"][..]),
            ("a; b", &["a"]),
            ("a | b", &["a"]),
            ("a > b", &["a"]),
            ("a 2> b", &["a"]),
            ("a &", &["a"]),
            ("sh -c \"a && b\"", &["sh", "-c", "a && b"]),
            ("a `b c`", &["a", "`b c`"]),
            ("a $(b c)", &["a", "$(b c)"]),
            ("a # b", &["a", "#", "b"]),
            ("a \"\" b", &["a", "", "b"]),
            ("a\\tb", &["atb"]),
            ("a b\nc d\n", &["a", "b", "c", "d"]),
            ("FOO=1 run ~/x *.txt", &["FOO=1", "run", "~/x", "*.txt"]),
            ("a 'b c' d\\ e", &["a", "b c", "d e"]),
            ("", &[]),
        ] {
            let wanted: Vec<String> = wanted.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(words(line), Some(wanted), "{line}");
        }
        assert_eq!(split("a && b").unwrap().cut_at, Some('&'));
    }

    #[test]
    fn what_compose_refuses_is_refused() {
        for line in ["(a b)", "a 'b", "a \"b", "a `b", "a\\", "a $(b", "a )"] {
            assert_eq!(words(line), None, "{line}");
        }
    }
}
