//! Implements `.dockerignore` as Docker reads it.
//!
//! The rules match Docker's own matcher, including its quirks. Patterns are cleaned as paths. `**`
//! matches any number of folders. A pattern also matches everything below its match. `!` includes a
//! path again, and the last matching pattern wins.

use std::collections::HashMap;

use super::{SourceError, paths};

/// Maximum patterns of one file.
const PATTERNS_MAX: usize = 1000;
/// Maximum comparisons of a character with a part of a pattern, for all paths of a context.
const STEPS_MAX: u64 = 2_000_000_000;

/// The patterns of an ignore file. Without patterns, nothing is ignored.
#[derive(Clone, Debug, Default)]
pub struct IgnoreRules {
    patterns: Vec<Pattern>,
}

/// An invalid line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct IgnoreError {
    /// The line number, from 1.
    pub line: usize,
    /// Why it is invalid.
    pub why: &'static str,
}

#[derive(Clone, Debug)]
struct Pattern {
    brings_back: bool,
    tokens: Vec<Token>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// This character.
    Is(char),
    /// `?`: any character but a slash.
    Any,
    /// `*`: any number of characters but slashes.
    Star,
    /// `**` at the end: any rest.
    Rest,
    /// `**` elsewhere: nothing, or the [`Token::Folders`] that always follows it.
    Deep,
    /// Any text that ends with a slash.
    Folders,
    /// `**` at the start of an otherwise plain pattern: any beginning.
    Head,
    /// `[a-z]`.
    OneOf(bool, Vec<(char, char)>),
}

impl IgnoreRules {
    /// Parses an ignore file.
    pub fn parse(text: &str) -> Result<Self, IgnoreError> {
        let mut patterns = Vec::new();
        for (at, line) in text
            .strip_prefix('\u{feff}')
            .unwrap_or(text)
            .lines()
            .enumerate()
        {
            let wrong = |why| IgnoreError { line: at + 1, why };
            if line.starts_with('#') {
                continue;
            }
            let line = line.trim();
            let (brings_back, pattern) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            if pattern.is_empty() {
                if brings_back {
                    return Err(wrong("`!` needs a pattern after it"));
                }
                continue;
            }
            let cleaned = clean(pattern);
            let cleaned = cleaned
                .strip_prefix('/')
                .filter(|rest| !rest.is_empty())
                .unwrap_or(&cleaned);
            patterns.push(Pattern {
                brings_back,
                tokens: tokens(cleaned).map_err(wrong)?,
            });
            if patterns.len() > PATTERNS_MAX {
                return Err(wrong("more than 1000 patterns"));
            }
        }
        Ok(Self { patterns })
    }

    /// Whether the path is ignored. For many paths, use one `Matcher`.
    pub fn ignores(&self, path: &str) -> Result<bool, SourceError> {
        Matcher::new(self).ignores(path)
    }
}

/// Checks many paths and caches the results of their folders.
pub(crate) struct Matcher<'a> {
    rules: &'a IgnoreRules,
    /// For each folder: the patterns that match it or a folder above it.
    folders: HashMap<String, Vec<bool>>,
    steps: u64,
}

impl<'a> Matcher<'a> {
    pub(crate) fn new(rules: &'a IgnoreRules) -> Self {
        Self {
            rules,
            folders: HashMap::new(),
            steps: 0,
        }
    }

    /// Whether the path is ignored.
    pub(crate) fn ignores(&mut self, path: &str) -> Result<bool, SourceError> {
        if self.rules.patterns.is_empty() {
            return Ok(false);
        }
        self.matched(path).map(|(ignored, _)| ignored)
    }

    /// Whether the path is ignored, and which patterns match it or a folder above it. A pattern is
    /// only checked if it could change the result of the patterns before it.
    fn matched(&mut self, path: &str) -> Result<(bool, Vec<bool>), SourceError> {
        let above = match paths::folder(path) {
            "" => vec![false; self.rules.patterns.len()],
            folder => match self.folders.get(folder) {
                Some(known) => known.clone(),
                None => {
                    let (_, above) = self.matched(folder)?;
                    self.folders.insert(folder.to_owned(), above.clone());
                    above
                }
            },
        };
        let (mut ignored, mut matched) = (false, above);
        for (pattern, matched) in self.rules.patterns.iter().zip(&mut matched) {
            let counts = pattern.brings_back == ignored;
            *matched = *matched || (counts && pattern.matches(path, &mut self.steps));
            if *matched {
                ignored = !pattern.brings_back;
            }
        }
        if self.steps > STEPS_MAX {
            let why = "matching its patterns on so many files takes too long; use fewer `*`";
            return Err(SourceError::unfit(".dockerignore", why));
        }
        Ok((ignored, matched))
    }
}

impl Pattern {
    /// Follows all alternatives of the pattern at once, so that no pattern takes exponential time.
    fn matches(&self, path: &str, steps: &mut u64) -> bool {
        let tokens = &self.tokens;
        let mut here = vec![false; tokens.len() + 1];
        here[0] = true;
        skip_empty(tokens, &mut here);
        for c in path.chars() {
            let mut next = vec![false; tokens.len() + 1];
            let mut alive = false;
            for (at, token) in tokens.iter().enumerate().filter(|(at, _)| here[*at]) {
                *steps += 1;
                let (stays, goes) = token.takes(c);
                next[at] |= stays;
                next[at + 1] |= goes;
                alive |= stays || goes;
            }
            if !alive {
                return false;
            }
            skip_empty(tokens, &mut next);
            here = next;
        }
        here[tokens.len()]
    }
}

/// From every place before a part that may be empty, the place after it is reachable too.
fn skip_empty(tokens: &[Token], places: &mut [bool]) {
    for (at, token) in tokens.iter().enumerate() {
        if !places[at] {
            continue;
        }
        match token {
            Token::Star | Token::Rest | Token::Head => places[at + 1] = true,
            Token::Deep => {
                places[at + 1] = true;
                places[at + 2] = true;
            }
            _ => {}
        }
    }
}

impl Token {
    /// Whether the part accepts the character and repeats, and whether it accepts it and is done.
    fn takes(&self, c: char) -> (bool, bool) {
        match self {
            Self::Is(own) => (false, *own == c),
            Self::Any => (false, c != '/'),
            Self::Star => (c != '/', false),
            Self::Rest | Self::Head => (true, false),
            Self::Deep => (false, false),
            Self::Folders => (true, c == '/'),
            Self::OneOf(not, ranges) => {
                let inside = ranges.iter().any(|(from, to)| (*from..=*to).contains(&c));
                (false, inside != *not)
            }
        }
    }
}

fn tokens(pattern: &str) -> Result<Vec<Token>, &'static str> {
    let mut tokens = Vec::new();
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.next_if_eq(&'*').is_some() => {
                let slash = rest.next_if_eq(&'/').is_some();
                if rest.peek().is_none() {
                    tokens.push(Token::Rest);
                } else if tokens.is_empty() && !slash && is_plain(rest.clone()) {
                    tokens.push(Token::Head);
                } else {
                    tokens.extend([Token::Deep, Token::Folders]);
                }
            }
            '*' => tokens.push(Token::Star),
            '?' => tokens.push(Token::Any),
            '\\' => tokens.push(Token::Is(
                rest.next().ok_or("a `\\` needs a character after it")?,
            )),
            '[' => tokens.push(class(&mut rest)?),
            c => tokens.push(Token::Is(c)),
        }
    }
    Ok(tokens)
}

/// If the text after a `**` is plain, Docker compares it with the end of the path. So `**x` matches
/// `ax`, but `**x*` does not.
fn is_plain(mut rest: impl Iterator<Item = char>) -> bool {
    !rest.any(|c| matches!(c, '*' | '?' | '\\' | '[' | ']'))
}

fn class(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Token, &'static str> {
    const UNFINISHED: &str = "a `[` has no `]`, or is empty";
    let not = rest.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        let from = match rest.next().ok_or(UNFINISHED)? {
            ']' if !ranges.is_empty() => return Ok(Token::OneOf(not, ranges)),
            ']' | '-' => return Err(UNFINISHED),
            '\\' => rest.next().ok_or(UNFINISHED)?,
            c => c,
        };
        let mut to = from;
        if rest.next_if_eq(&'-').is_some() {
            to = match rest.next().ok_or(UNFINISHED)? {
                ']' | '-' => return Err(UNFINISHED),
                '\\' => rest.next().ok_or(UNFINISHED)?,
                c => c,
            };
        }
        ranges.push((from, to));
    }
}

/// The shortest equivalent path: no empty components, no `.`, and `..` only at the start.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    for component in path.split('/') {
        match component {
            "" | "." => {}
            ".." => match kept.last() {
                Some(&last) if last != ".." => {
                    kept.pop();
                }
                _ if rooted => {}
                _ => kept.push(".."),
            },
            name => kept.push(name),
        }
    }
    let joined = kept.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ignored(rules: &str, path: &str) -> bool {
        IgnoreRules::parse(rules).unwrap().ignores(path).unwrap()
    }

    #[test]
    fn one_pattern_matches_as_docker_does() {
        for (pattern, path, wanted) in [
            ("**", "file", true),
            ("**", "dir/file", true),
            ("**/", "file", true),
            ("**/", "dir/file", true),
            ("**/**", "dir/file", true),
            ("dir/**", "dir/file", true),
            ("dir/**", "dir/dir2/file", true),
            ("dir/**", "dir", false),
            ("**/dir", "dir", true),
            ("**/dir", "dir/file", true),
            ("**/dir2/*", "dir/dir2/file", true),
            ("**/dir2/*", "dir/dir2/dir2/file", true),
            ("**file", "file", true),
            ("**file", "dir/file", true),
            ("**file", "afile", true),
            ("**/file", "dir/file", true),
            ("**/file", "dir/dir/file", true),
            ("**/file", "afile", false),
            ("**/file*", "dir/file.txt", true),
            ("**/file*", "dir/dir/file", true),
            ("**/file*txt", "dir/dir/file.txt", true),
            ("**/file*.txt*", "dir/dir/file.txt.bak", true),
            ("**/**/*.txt", "dir/dir/file.txt", true),
            ("**/**/*.txt2", "dir/dir/file.txt", false),
            ("**/*.txt", "file.txt", true),
            ("**/**/*.txt", "file.txt", true),
            ("a**/*.txt", "a/file.txt", true),
            ("a**/*.txt", "a/dir/file.txt", true),
            ("a**/*.txt", "a/dir/dir/file.txt", true),
            ("a/*.txt", "a/dir/file.txt", false),
            ("a/*.txt", "a/file.txt", true),
            ("a/*.txt**", "a/file.txt", true),
            ("a[b-d]e", "ae", false),
            ("a[b-d]e", "ace", true),
            ("a[b-d]e", "aae", false),
            ("a[^b-d]e", "aze", true),
            (".*", ".foo", true),
            (".*", "foo", false),
            ("abc.def", "abcdef", false),
            ("abc.def", "abc.def", true),
            ("abc.def", "abcZdef", false),
            ("abc?def", "abcZdef", true),
            ("abc?def", "abcdef", false),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("a\\\\", "a\\", true),
            ("**/foo/bar", "foo/bar", true),
            ("**/foo/bar", "dir/foo/bar", true),
            ("abc/**", "abc/def/ghi", true),
            ("**/.foo", ".foo", true),
            ("**/.foo", "bar.foo", false),
            ("a(b)c/def", "a(b)c/def", true),
            ("a(b)c/def", "a(b)c/xyz", false),
            ("a.|)$(}+{bc", "a.|)$(}+{bc", true),
            ("*", "dir/file", true),
            ("*/temp*", "a/temporary.txt", true),
            ("*/temp*", "a/b/temporary.txt", false),
            ("temp?", "tempa", true),
            (
                "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl",
                "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl",
                true,
            ),
            ("/foo", "foo", true),
            ("/foo", "a/foo", false),
            ("./foo/", "foo/bar", true),
            ("foo/../bar", "bar", true),
            ("../foo", "foo", false),
            (".", "foo", false),
            ("/", "foo", false),
            ("  foo  ", "foo", true),
            ("é?", "éü", true),
            ("a**b", "ab", true),
            ("a**b", "ax/b", true),
            ("a**b", "axb", false),
            ("foo**", "foobar/x", true),
            ("**/node_modules", "a/b/node_modules/c", true),
        ] {
            assert_eq!(ignored(pattern, path), wanted, "{pattern:?} on {path:?}");
        }
    }

    #[test]
    fn the_last_pattern_that_matches_wins() {
        for (rules, path, wanted) in [
            ("*.md\n!README.md", "README.md", false),
            ("*.md\n!README.md", "NEWS.md", true),
            ("!README.md\n*.md", "README.md", true),
            (
                "*.md\n!README*.md\nREADME-secret.md",
                "README-secret.md",
                true,
            ),
            (
                "*.md\nREADME-secret.md\n!README*.md",
                "README-secret.md",
                false,
            ),
            ("docs\n!docs/README.md", "docs/README.md", false),
            ("docs\n!docs/README.md", "docs/other.md", true),
            ("docs\n! /docs/README.md", "docs/README.md", false),
            ("*\n!src", "src/deep/file", false),
            ("*\n!src\nsrc/deep", "src/deep/file", true),
            ("**\n!util/docker/*", "util/docker/Dockerfile", false),
            ("docs/api\n!docs", "docs/api/x.md", true),
            ("# a comment\n#foo\n\n   \nbar", "foo", false),
            (" #foo", "#foo", true),
            ("\u{feff}foo", "foo", true),
            ("foo\r\nbar\r\n", "foo", true),
            ("", "foo", false),
        ] {
            assert_eq!(ignored(rules, path), wanted, "{rules:?} on {path:?}");
        }
    }

    #[test]
    fn a_line_that_is_no_pattern_is_named() {
        for (rules, line) in [
            ("a\n[", 2),
            ("!", 1),
            ("a\\", 1),
            ("\n\n[]", 3),
            ("[a-]", 1),
        ] {
            assert_eq!(
                IgnoreRules::parse(rules).unwrap_err().line,
                line,
                "{rules:?}"
            );
        }
    }

    #[test]
    fn a_pattern_made_to_be_slow_is_not() {
        let rules = format!("{}b", "*a".repeat(200));
        assert!(!ignored(&rules, &"a".repeat(250)));
    }

    proptest! {
        #[test]
        fn a_plain_name_ignores_itself_and_all_below(
            name in "[a-z.]{1,6}", below in "[a-z/]{0,8}", other in "[a-z.]{1,7}",
        ) {
            prop_assume!(clean(&name) == name && name != "." && name != "..");
            let path = format!("{name}/{below}x").replace("//", "/");
            prop_assert!(ignored(&name, &name));
            prop_assert!(ignored(&name, &path));
            prop_assert_eq!(ignored(&name, &other), name == other);
            let restored = format!("{name}\n!{name}");
            prop_assert!(!ignored(&restored, &path));
        }

        #[test]
        fn no_text_breaks_the_reader(rules in "[a*?!#/\\\\\\[\\]^.\n -]{0,30}", path in "[a/.*]{1,10}") {
            if let Ok(rules) = IgnoreRules::parse(&rules) {
                rules.ignores(&path).unwrap();
            }
        }
    }
}
