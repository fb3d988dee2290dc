//! Outside text made harmless for the place where it is shown.
//!
//! Build output, log lines, branch names and titles are attackers' text. Nothing of it reaches a
//! terminal, a page or a comment without passing one of these.

/// The longest line that is shown or kept, in characters.
const LINE_MAX: usize = 2_000;

/// One line without anything a terminal would obey: escape sequences go whole, other control
/// characters and those that turn the direction of writing go alone.
pub fn plain(line: &str) -> String {
    clean(line, false)
}

/// Like [`plain`], but colours stay.
pub fn coloured(line: &str) -> String {
    clean(line, true)
}

fn clean(line: &str, keep_colours: bool) -> String {
    let mut out = String::with_capacity(line.len().min(LINE_MAX));
    let mut rest = line.chars().peekable();
    let mut count = 0;
    while let Some(c) = rest.next() {
        if count >= LINE_MAX {
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

/// Takes what follows an escape character and belongs to it.
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

/// Outside text as a Markdown code span: nothing in it is markup, mentions nobody, links nothing.
pub fn code_span(text: &str) -> String {
    let shown: String = plain(text).chars().take(120).collect();
    let longest = shown.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    if shown.starts_with('`') || shown.ends_with('`') || shown.trim().is_empty() {
        format!("{fence} {shown} {fence}")
    } else {
        format!("{fence}{shown}{fence}")
    }
}

/// Outside lines as a Markdown code block.
pub fn code_block(lines: &[String]) -> String {
    let cleaned: Vec<String> = lines.iter().map(|line| plain(line)).collect();
    let longest = cleaned
        .iter()
        .flat_map(|line| line.split(|c| c != '`').map(str::len))
        .max()
        .unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    format!("{fence}text\n{}\n{fence}", cleaned.join("\n"))
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

    #[test]
    fn a_code_span_cannot_be_left() {
        assert_eq!(code_span("main"), "`main`");
        assert_eq!(code_span("a`@all`b"), "``a`@all`b``");
        assert_eq!(code_span("`"), "`` ` ``");
        let block = code_block(&["```".into(), "@everyone".into()]);
        assert!(block.starts_with("````text\n") && block.ends_with("\n````"));
    }
}
