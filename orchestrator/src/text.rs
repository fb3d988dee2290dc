//! Makes outside text safe for the place where it is shown.
//!
//! Attackers can control build output, log lines, branch names and titles. All such text passes
//! through one of these functions before it reaches a terminal, a page or a comment.

pub use deploy::terminal::{coloured, plain};

/// Maximum characters of user input echoed in an error.
const ASKED_CHARS_MAX: usize = 80;

/// User input, made safe and shortened for an error.
pub fn asked(text: &str) -> String {
    plain(text).chars().take(ASKED_CHARS_MAX).collect()
}

/// Outside text as a Markdown code span, so that it cannot add markup, mentions or links.
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
    fn a_code_span_cannot_be_left() {
        assert_eq!(code_span("main"), "`main`");
        assert_eq!(code_span("a`@all`b"), "``a`@all`b``");
        assert_eq!(code_span("`"), "`` ` ``");
        let block = code_block(&["```".into(), "@everyone".into()]);
        assert!(block.starts_with("````text\n") && block.ends_with("\n````"));
    }
}
