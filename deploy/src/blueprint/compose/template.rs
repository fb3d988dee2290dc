//! Replaces `$NAME` and `${NAME...}` in a text, as Compose does.

use std::collections::BTreeSet;

/// Maximum depth of defaults in each other.
const DEPTH_MAX: usize = 20;
/// Maximum bytes of a text after the replacement.
const BYTES_MAX: usize = 1 << 20;

/// The variables that a file may use, and those it asked for in vain.
#[derive(Debug, Default)]
pub(super) struct Variables<F> {
    /// The value of a variable.
    pub(super) value: F,
    /// Names without a value that were used without a default, and so became empty.
    pub(super) unset: BTreeSet<String>,
}

impl<F: Fn(&str) -> Option<String>> Variables<F> {
    pub(super) fn new(value: F) -> Self {
        Self {
            value,
            unset: BTreeSet::new(),
        }
    }

    /// The text with its variables replaced.
    ///
    /// # Errors
    /// A sentence, if the text cannot be read or a required variable is missing.
    pub(super) fn replace(&mut self, text: &str) -> Result<String, String> {
        self.replace_inside(text, 0)
    }

    fn replace_inside(&mut self, text: &str, depth: usize) -> Result<String, String> {
        if depth > DEPTH_MAX {
            return Err(format!(
                "its defaults lie in each other more than {DEPTH_MAX} deep"
            ));
        }
        let mut done = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            done.push_str(&rest[..at]);
            let after = &rest[at + 1..];
            rest = match after.bytes().next() {
                Some(b'$') => {
                    done.push('$');
                    &after[1..]
                }
                Some(b'{') => {
                    let end = closing_brace(after).ok_or_else(|| invalid(text))?;
                    let value = self.braced(&after[1..end], text, depth)?;
                    done.push_str(&value);
                    &after[end + 1..]
                }
                Some(b) if b.is_ascii_alphabetic() || b == b'_' => {
                    let (name, after) = after.split_at(name_length(after));
                    done.push_str(&self.named(name));
                    after
                }
                _ => {
                    done.push('$');
                    after
                }
            };
            if done.len() > BYTES_MAX {
                return Err(format!("it is longer than {} KiB", BYTES_MAX >> 10));
            }
        }
        done.push_str(rest);
        Ok(done)
    }

    /// What stands in braces: a name, and possibly what to do without a value.
    fn braced(&mut self, inside: &str, whole: &str, depth: usize) -> Result<String, String> {
        let (name, rest) = inside.split_at(name_length(inside));
        if name.is_empty() {
            return Err(invalid(whole));
        }
        if rest.is_empty() {
            return Ok(self.named(name));
        }
        let (empty_counts, rest) = match rest.strip_prefix(':') {
            Some(rest) => (false, rest),
            None => (true, rest),
        };
        let value = (self.value)(name).filter(|value| empty_counts || !value.is_empty());
        let mut kind = rest.chars();
        let kind = (kind.next(), kind.as_str());
        match (kind, value) {
            ((Some('-' | '?'), _), Some(value)) => Ok(value),
            ((Some('-'), default), None) => self.replace_inside(default, depth + 1),
            ((Some('+'), other), Some(_)) => self.replace_inside(other, depth + 1),
            ((Some('+'), _), None) => Ok(String::new()),
            ((Some('?'), why), None) => {
                let why = self.replace_inside(why, depth + 1)?;
                let why = if why.is_empty() {
                    String::new()
                } else {
                    format!(": {why}")
                };
                Err(format!(
                    "the required variable {name} has no value{why}; set it in a .env of the repository"
                ))
            }
            _ => Err(invalid(whole)),
        }
    }

    fn named(&mut self, name: &str) -> String {
        (self.value)(name).unwrap_or_else(|| {
            self.unset.insert(name.to_owned());
            String::new()
        })
    }
}

fn invalid(text: &str) -> String {
    format!(
        "{text:?} does not name a variable as in $NAME or ${{NAME:-default}}; write `$$` for a plain $"
    )
}

/// Bytes of the name at the beginning.
fn name_length(text: &str) -> usize {
    let starts = |b: u8| b.is_ascii_alphabetic() || b == b'_';
    if !text.bytes().next().is_some_and(starts) {
        return 0;
    }
    text.bytes()
        .take_while(|b| b.is_ascii_alphanumeric() || *b == b'_')
        .count()
}

/// The brace that closes the one at the beginning. What follows an opening brace directly is passed
/// over; if no brace closes it that way, the last one does.
fn closing_brace(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'}' => {
                open = open.checked_sub(1)?;
                if open == 0 {
                    return Some(at);
                }
            }
            b'{' => {
                open += 1;
                bytes.next();
            }
            _ => {}
        }
    }
    text.rfind('}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replace(text: &str) -> (Result<String, String>, Vec<String>) {
        let value = |name: &str| match name {
            "V" => Some("v".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let mut variables = Variables::new(value);
        let replaced = variables.replace(text);
        (replaced, variables.unset.into_iter().collect())
    }

    #[test]
    fn texts_are_replaced_as_compose_does() {
        for (text, wanted) in [
            ("$V", "v"),
            ("${V}x", "vx"),
            ("$Vx-", "-"),
            ("$1", "$1"),
            ("a$", "a$"),
            ("$-", "$-"),
            ("$(x)", "$(x)"),
            ("$é", "$é"),
            ("$$V", "$V"),
            ("$$$V", "$v"),
            ("$$$$V", "$$V"),
            ("\\$V", "\\v"),
            ("${N:-d}", "d"),
            ("${N-d}", "d"),
            ("${EMPTY:-d}", "d"),
            ("${EMPTY-d}", ""),
            ("${V:+alt}", "alt"),
            ("${EMPTY:+alt}", ""),
            ("${EMPTY+alt}", "alt"),
            ("${N:-{\"a\":1}}", "{\"a\":1}"),
            ("${V:-a}}", "v}"),
            ("${N:-a}}", "a}"),
            ("${N:-${V}}", "v"),
            ("${N:-${M:-x}}", "x"),
            ("${N:-{}}", "{}"),
            ("${N:-{}", "{"),
            ("${N:-{}a}", "{}a"),
            ("${N:-{}} ${M:-d}}", "{}} d"),
            ("${N:-}", ""),
            ("${N:-a b}", "a b"),
        ] {
            assert_eq!(replace(text).0.as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn what_has_no_value_is_named() {
        assert_eq!(replace("$N ${M} ${N:-x}$V").1, ["M", "N"]);
        assert_eq!(replace("${N:+x}").1, Vec::<String>::new());
    }

    #[test]
    fn what_compose_does_not_know_is_refused() {
        for text in [
            "${1V}", "${ V }", "${V!}", "${V:0:1}", "${V/a/b}", "${}", "${", "${V",
        ] {
            assert!(replace(text).0.is_err(), "{text}");
        }
        let said = replace("${N:?say it}").0.unwrap_err();
        assert_eq!(
            said,
            "the required variable N has no value: say it; set it in a .env of the repository"
        );
        assert!(replace("${EMPTY?x}").0.is_ok());
    }
}
