//! Sanitizes outside text for a terminal.

/// Maximum length of a line that is shown or kept, in characters.
const LINE_MAX: usize = 2_000;

/// One line without terminal control: it removes escape sequences, control characters, and
/// characters that change the writing direction.
pub fn plain(line: &str) -> String {
    clean(line, false, LINE_MAX)
}

/// Like [`plain`], but keeps colours.
pub fn coloured(line: &str) -> String {
    clean(line, true, LINE_MAX)
}

/// Like [`plain`], without a length limit.
pub(crate) fn bare(line: &str) -> String {
    clean(line, false, usize::MAX)
}

fn clean(line: &str, keep_colours: bool, chars_max: usize) -> String {
    let mut out = String::with_capacity(line.len().min(LINE_MAX));
    let mut rest = line.chars().peekable();
    let mut count = 0;
    while let Some(c) = rest.next() {
        if count >= chars_max {
            out.push('…');
            break;
        }
        if c == '\u{1b}' {
            let sequence = escape_sequence(&mut rest);
            if keep_colours && is_colour(&sequence) {
                out.push('\u{1b}');
                out.push_str(&sequence);
            }
        } else if c == '\t' || !(c.is_control() || turns_direction(c)) {
            out.push(c);
            count += 1;
        }
    }
    out
}

/// Consumes the rest of an escape sequence after the escape character.
fn escape_sequence(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut sequence = String::new();
    match rest.peek() {
        Some('[') => {
            for c in rest.by_ref() {
                sequence.push(c);
                if sequence.len() > 1 && ('\u{40}'..='\u{7e}').contains(&c) {
                    break;
                }
            }
        }
        Some(']' | 'P' | '_' | '^' | 'X') => {
            for c in rest.by_ref() {
                sequence.push(c);
                if c == '\u{7}' || c == '\\' {
                    break;
                }
            }
        }
        Some(_) => sequence.extend(rest.next()),
        None => {}
    }
    sequence
}

/// `[…m` with digits and semicolons only.
fn is_colour(sequence: &str) -> bool {
    sequence
        .strip_prefix('[')
        .and_then(|s| s.strip_suffix('m'))
        .is_some_and(|s| s.len() <= 32 && s.bytes().all(|b| b.is_ascii_digit() || b == b';'))
}

fn turns_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_has_nothing_to_obey() {
        assert_eq!(plain("a\u{1b}[31mb\u{1b}[0m"), "ab");
        assert_eq!(coloured("a\u{1b}[31mb\u{1b}[0m"), "a\u{1b}[31mb\u{1b}[0m");
        assert_eq!(coloured("a\u{1b}[2Jb\u{1b}]0;title\u{7}c"), "abc");
        assert_eq!(coloured("\u{1b}]8;;http://evil\u{1b}\\link"), "link");
        assert_eq!(plain("a\rb\u{8}c\u{202e}d\u{0}"), "abcd");
        assert!(plain(&"x".repeat(10_000)).chars().count() <= LINE_MAX + 1);
        assert_eq!(plain("\u{1b}"), "");
        assert_eq!(plain("\u{1b}["), "");
    }
}
