//! Redacts quoted values in a server's error about a failed mask.

/// Words that precede the quoted name of a schema object.
const NAMED: [&str; 12] = [
    "relation",
    "column",
    "table",
    "function",
    "constraint",
    "index",
    "type",
    "schema",
    "sequence",
    "view",
    "trigger",
    "extension",
];

/// The first line of a server's message, without quotes except names of schema objects.
pub(super) fn without_values(message: &str) -> String {
    let mut rest = message.lines().next().unwrap_or_default();
    let mut shown = String::new();
    while let Some((at, quote)) = opening(rest, shown.chars().next_back()) {
        shown.push_str(&rest[..at]);
        let quoted = &rest[at + 1..];
        shown.push(quote);
        // Servers do not escape quotes in values: a value may continue to the last quote that could
        // end it. A value that ends in another line has no closing quote here.
        let (text, end) = match name(&shown, quoted, quote) {
            Some(name) => (name, name.len()),
            None => ("…", closing(quoted, quote).unwrap_or(quoted.len())),
        };
        shown.push_str(text);
        shown.push(quote);
        rest = quoted.get(end + 1..).unwrap_or_default();
    }
    shown.push_str(rest);
    shown
}

/// The start and the mark of the next quotation. The apostrophe in `doesn't` starts none.
fn opening(rest: &str, before: Option<char>) -> Option<(usize, char)> {
    let mut last = before;
    for (at, c) in rest.char_indices() {
        let is_inside = last.is_some_and(char::is_alphanumeric);
        if c == '"' || (c == '\'' && !is_inside) {
            return Some((at, c));
        }
        last = Some(c);
    }
    None
}

/// The last possible end of a quotation.
fn closing(quoted: &str, quote: char) -> Option<usize> {
    let mut ends = quoted.rmatch_indices(quote).map(|(at, _)| at);
    ends.find(|at| {
        let next = quoted[at + 1..].chars().next();
        !next.is_some_and(char::is_alphanumeric)
    })
}

/// The quoted text, if it is a name and cannot be a value. `shown` ends with the quote.
fn name<'a>(shown: &str, quoted: &'a str, quote: char) -> Option<&'a str> {
    let word = shown.split_whitespace().nth_back(1)?;
    let (name, _) = quoted.split_once(quote)?;
    let is_letter = |c: char| c.is_ascii_alphanumeric() || "_.$".contains(c);
    let is_word = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(is_letter);
    let is_named = NAMED.iter().any(|known| known.eq_ignore_ascii_case(word));
    (is_named && is_word).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_blanked_and_names_stay() {
        for (said, shown) in [
            (
                "invalid input syntax for type integer: \"+49 171 5550000\"",
                "invalid input syntax for type integer: \"…\"",
            ),
            (
                "Duplicate entry 'ada@real.example' for key 'email'",
                "Duplicate entry '…'",
            ),
            (
                "column \"phoen\" of relation \"users\" does not exist",
                "column \"phoen\" of relation \"users\" does not exist",
            ),
            (
                "Table 'app.nobody' doesn't exist",
                "Table 'app.nobody' doesn't exist",
            ),
            (
                "Unknown column 'phoen' in 'field list'",
                "Unknown column 'phoen' in '…'",
            ),
            ("can't find \"ada\"", "can't find \"…\""),
        ] {
            assert_eq!(without_values(said), shown);
        }
    }

    #[test]
    fn a_value_with_quotes_or_more_lines_is_blanked_as_a_whole() {
        for (said, shown) in [
            (
                "Duplicate entry 'Ada O'Brien' for key 'name'",
                "Duplicate entry '…'",
            ),
            (
                "malformed array literal: \"a \"b\" c\"",
                "malformed array literal: \"…\"",
            ),
            (
                "invalid input syntax for type date: \"ada\nlovelace\"",
                "invalid input syntax for type date: \"…\"",
            ),
            (
                "relation \"ada@real.example\" does not exist\nDETAIL: ada",
                "relation \"…\" does not exist",
            ),
        ] {
            assert_eq!(without_values(said), shown);
        }
    }
}
