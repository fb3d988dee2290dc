//! Reads `.env` and the files of `env_file`, as Compose does.

use super::template::Variables;
use crate::blueprint::{BlueprintError, draft::Place};

/// Maximum variables of one file.
const VARIABLES_MAX: usize = 1_000;
/// Maximum bytes of all values of one file.
const VALUE_BYTES_MAX: usize = 1 << 20;

/// A line that cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// Counted from 1.
    pub(super) line: usize,
    pub(super) why: String,
}

impl Wrong {
    /// The error, for the file that was read.
    pub(super) fn of(self, file: &str) -> BlueprintError {
        let place = Place {
            line: self.line,
            ..Place::top(file)
        };
        place.error(self.why)
    }
}

/// The variables of a file in its order; a later value of a name replaces the earlier one.
pub(super) type Values = Vec<(String, String)>;

/// The variables that a file may use beside its own.
pub(super) struct Lookup<'a> {
    /// Those that come before the file's own.
    pub(super) first: &'a dyn Fn(&str) -> Option<String>,
    /// Those that come after the file's own.
    pub(super) last: &'a dyn Fn(&str) -> Option<String>,
}

/// Reads a file. A variable may use those above it.
pub(super) fn read(text: &str, lookup: &Lookup<'_>) -> Result<Values, Wrong> {
    let text = text
        .strip_prefix('\u{feff}')
        .unwrap_or(text)
        .replace("\r\n", "\n");
    let mut values = Values::new();
    let mut bytes = 0;
    let mut rest = Cursor {
        text: &text,
        line: 1,
    };
    while rest.skip_to_statement() {
        let line = rest.line;
        let wrong = |why: String| Wrong { line, why };
        let (name, inherited) = rest.name().map_err(wrong)?;
        if inherited && rest.text.is_empty() {
            // Without a line feed after it, Compose takes a name alone for a value without a name.
            set(&mut values, String::new(), name);
            continue;
        }
        if inherited {
            if let Some(value) = (lookup.first)(&name) {
                set(&mut values, name, value);
            }
            continue;
        }
        let value = rest.value(&values, lookup).map_err(wrong)?;
        bytes += value.len();
        if bytes > VALUE_BYTES_MAX {
            return Err(wrong(format!(
                "the values have more than {} KiB",
                VALUE_BYTES_MAX >> 10
            )));
        }
        set(&mut values, name, value);
        if values.len() > VARIABLES_MAX {
            return Err(wrong(format!(
                "there are more than {VARIABLES_MAX} variables"
            )));
        }
    }
    Ok(values)
}

/// Reads a file of `format: raw`: everything after the first `=` is the value.
pub(super) fn read_raw(text: &str) -> Result<Values, Wrong> {
    let mut values = Values::new();
    for (at, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        if let Some((name, value)) = line.split_once('=') {
            set(&mut values, name.trim().to_owned(), value.to_owned());
        }
        if values.len() > VARIABLES_MAX {
            let why = format!("there are more than {VARIABLES_MAX} variables");
            return Err(Wrong { line: at + 1, why });
        }
    }
    Ok(values)
}

fn set(values: &mut Values, name: String, value: String) {
    match values.iter_mut().find(|(known, _)| *known == name) {
        Some(known) => known.1 = value,
        None => values.push((name, value)),
    }
}

struct Cursor<'a> {
    text: &'a str,
    line: usize,
}

impl Cursor<'_> {
    fn advance(&mut self, bytes: usize) {
        let (passed, rest) = self.text.split_at(bytes);
        self.line += passed.matches('\n').count();
        self.text = rest;
    }

    /// Passes over blanks and comments; whether anything is left.
    fn skip_to_statement(&mut self) -> bool {
        loop {
            let blank = self.text.len() - self.text.trim_start().len();
            self.advance(blank);
            if !self.text.starts_with('#') {
                return !self.text.is_empty();
            }
            self.advance(self.text.find('\n').unwrap_or(self.text.len()));
        }
    }

    /// The name and its `=` or `:`; the flag is whether there is none, so that the value is
    /// inherited.
    fn name(&mut self) -> Result<(String, bool), String> {
        if let Some(rest) = self.text.strip_prefix("export")
            && rest.starts_with([' ', '\t'])
        {
            let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
            self.advance("export".len() + blanks);
        }
        let allowed = |c: char| c.is_alphanumeric() || "_.-[]".contains(c);
        let mut end = None;
        for (at, c) in self.text.char_indices() {
            match c {
                '=' | ':' => {
                    end = Some((at, false));
                    break;
                }
                '\n' => {
                    end = Some((at, true));
                    break;
                }
                c if c.is_whitespace() => {}
                c if allowed(c) => {}
                c => {
                    let line = self.text.lines().next().unwrap_or_default();
                    return Err(format!(
                        "unexpected character {c:?} in the variable name {line:?}"
                    ));
                }
            }
        }
        let (end, inherited) = end.unwrap_or((self.text.len(), true));
        let name = self.text[..end].trim_end().to_owned();
        if name.contains([' ', '\t']) {
            return Err(format!("the variable name {name:?} contains a blank"));
        }
        self.advance(if inherited { end } else { end + 1 });
        Ok((name, inherited))
    }

    fn value(&mut self, values: &Values, lookup: &Lookup<'_>) -> Result<String, String> {
        let blanks = self.text.len() - self.text.trim_start_matches([' ', '\t']).len();
        self.advance(blanks);
        let quote = self.text.chars().next().filter(|c| matches!(c, '\'' | '"'));
        let Some(quote) = quote else {
            let line = self.text.lines().next().unwrap_or_default().to_owned();
            self.advance(line.len());
            // A `#` begins a comment only after a blank that follows a value.
            let mut end = line.len();
            for (at, _) in line.match_indices('#') {
                if at > 0 && line[..at].ends_with([' ', '\t']) {
                    end = at;
                    break;
                }
            }
            return expanded(line[..end].trim(), values, lookup);
        };
        let body = &self.text[1..];
        let Some(end) = closing_quote(body, quote) else {
            let first = body.lines().next().unwrap_or_default();
            return Err(format!(
                "the quoted value {quote}{first} has no closing quote"
            ));
        };
        let raw = body[..end].to_owned();
        // What follows on the line is the next statement.
        self.advance(end + 2);
        match quote {
            '\'' => Ok(raw.replace("\\'", "'")),
            _ => expanded(&unescaped(&raw), values, lookup),
        }
    }
}

fn closing_quote(body: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return Some(at);
        }
    }
    None
}

/// A text in double quotes with its escapes read; `\$` becomes `$$`, which is replaced later.
fn unescaped(raw: &str) -> String {
    let mut done = String::with_capacity(raw.len());
    let mut rest = raw.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            done.push(c);
            continue;
        }
        match rest.next() {
            Some('n') => done.push('\n'),
            Some('r') => done.push('\r'),
            Some('t') => done.push('\t'),
            Some('a') => done.push('\u{7}'),
            Some('b') => done.push('\u{8}'),
            Some('f') => done.push('\u{c}'),
            Some('v') => done.push('\u{b}'),
            Some('$') => done.push_str("$$"),
            Some(c @ ('"' | '\\')) => done.push(c),
            Some(c) => done.extend(['\\', c]),
            None => done.push('\\'),
        }
    }
    done
}

fn expanded(text: &str, values: &Values, lookup: &Lookup<'_>) -> Result<String, String> {
    let value = |name: &str| {
        let own = || {
            let mut known = values.iter();
            let known = known.find(|(known, _)| known == name);
            known.map(|(_, value)| value.clone())
        };
        (lookup.first)(name)
            .or_else(own)
            .or_else(|| (lookup.last)(name))
    };
    Variables::new(value).replace(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Option<Values> {
        let outside = |name: &str| match name {
            "G" => Some("gshell".to_owned()),
            "HOME" => Some("/h".to_owned()),
            _ => None,
        };
        let lookup = Lookup {
            first: &outside,
            last: &|name| (name == "LAST").then(|| "last".to_owned()),
        };
        read(text, &lookup).ok()
    }

    #[test]
    fn a_value_is_read_as_compose_reads_it() {
        for (line, wanted) in [
            ("A='x $HOME'", "x $HOME"),
            ("A=\"x ${UNSET:-d}\\n\"", "x d\n"),
            ("A=a #b", "a"),
            ("A=a#b", "a#b"),
            ("export A=1", "1"),
            ("A = 2", "2"),
            ("A=\"multi\nline\"", "multi\nline"),
            ("A=$$x", "$x"),
            ("A=", ""),
            ("A: 5", "5"),
            ("A=it's fine", "it's fine"),
            ("A=http://u:p@h:80/x?a=b&c=d", "http://u:p@h:80/x?a=b&c=d"),
            ("A=\"p #ss\"", "p #ss"),
            ("A=C:\\dir\\new", "C:\\dir\\new"),
            ("A=a\\nb", "a\\nb"),
            ("A=\"a\\nb\"", "a\nb"),
            ("A='a\\nb'", "a\\nb"),
            ("A=\"a$HOME\"", "a/h"),
            ("A=$G", "gshell"),
            ("A=$1$2", "$1$2"),
            ("A=\"a\\$HOME\"", "a$HOME"),
            ("A=a\\$HOME", "a\\/h"),
            ("A=pa$sw0rd", "pa"),
            ("A=a=b=c==", "a=b=c=="),
            ("A=\"say \\\"hi\\\"\"", "say \"hi\""),
            ("A=  lead", "lead"),
            ("A=trail   ", "trail"),
            ("A='x' # c", "x"),
            ("A=\"x\"#c", "x"),
            ("A=`id`", "`id`"),
            (
                "A={\"k\": \"v\", \"n\": [1, 2]}",
                "{\"k\": \"v\", \"n\": [1, 2]}",
            ),
            ("A=\\\\", "\\\\"),
            ("A=\"a\\\\nb\"", "a\\nb"),
            ("A=\"a\\\\$G\"", "a\\gshell"),
            ("A=${N:-${G}}", "gshell"),
            ("A=\"bell\\ax\"", "bell\u{7}x"),
            ("A='it\\'s'", "it's"),
            ("A=\"\\u00e9\"", "\\u00e9"),
            ("A=#x", "#x"),
            ("A= #x", "#x"),
            ("A:=1", "=1"),
            ("A=;x", ";x"),
            ("A=\"line\\\ncont\"", "line\\\ncont"),
            ("A=x'y'z", "x'y'z"),
            ("A=1 B=2", "1 B=2"),
            ("A=%Y-%m", "%Y-%m"),
            ("A=$LAST", "last"),
            ("A=$G.x", "gshell.x"),
            ("\u{feff}A=1", "1"),
        ] {
            let read = values(&format!("{line}\n")).unwrap_or_default();
            assert_eq!(read, [("A".to_owned(), wanted.to_owned())], "{line}");
        }
    }

    #[test]
    fn several_lines_are_read_as_compose_reads_them() {
        let pairs = |pairs: &[(&str, &str)]| {
            let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            pairs.iter().map(own).collect::<Values>()
        };
        for (text, wanted) in [
            ("A=1\r\nB=\"2\"\r\n", pairs(&[("A", "1"), ("B", "2")])),
            ("A=1\nA=2\n", pairs(&[("A", "2")])),
            ("A=1\nB=$A\n", pairs(&[("A", "1"), ("B", "1")])),
            ("B=${A}\nA=1\n", pairs(&[("B", ""), ("A", "1")])),
            ("# c\n  # d\nC=2\n", pairs(&[("C", "2")])),
            ("G\nexport N\nA=1\n", pairs(&[("G", "gshell"), ("A", "1")])),
            (
                "A-B=1\nA.B=2\n1A=3\n=x\n",
                pairs(&[("A-B", "1"), ("A.B", "2"), ("1A", "3"), ("", "x")]),
            ),
            ("A=x \\\n y\n", pairs(&[("A", "x \\")])),
            ("A=\"\" B=\"2\"\n", pairs(&[("A", ""), ("B", "2")])),
            ("A=\"x\" y\n", pairs(&[("A", "x")])),
            ("A=1\nG", pairs(&[("A", "1"), ("", "G")])),
            ("[s]\nA=1\n", pairs(&[("A", "1")])),
        ] {
            assert_eq!(values(text), Some(wanted), "{text}");
        }
    }

    #[test]
    fn what_compose_refuses_is_refused() {
        for text in [
            "J='it''s'\n",
            "A B=1\n",
            "just text\n",
            "A=\"unterminated\nB=2\n",
            "A=\"x\"\"y\"\n",
            "A=\"a\" \"b\"\n",
            "A=${N:?no}\n",
            "A=${\n",
            "A=${G\n",
            "A+=1\n",
            "A?=1\n",
            "; c\nA=1\n",
            "// c\nA=1\n",
            "EXPORT A=1\n",
        ] {
            assert_eq!(values(text), None, "{text}");
        }
        let lookup = Lookup {
            first: &|_| None,
            last: &|_| None,
        };
        assert_eq!(read("A=1\nB=\"x\n", &lookup).unwrap_err().line, 2);
    }
}
