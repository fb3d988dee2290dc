//! Splits one statement into tokens, and reads names like the server.

use std::ops::Range;

use super::lexer::is_word;

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword, a name without quotes, or a number.
    Word,
    /// A quoted name.
    Quoted,
    /// A literal, in quotes of any form.
    Literal,
    /// One byte of anything else.
    Sign(u8),
}

/// One token and its position.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Number of parentheses open around it.
    pub(super) depth: u32,
}

/// A statement, up to its semicolon.
#[derive(Debug)]
pub(super) struct Statement<'a> {
    pub(super) text: &'a [u8],
    pub(super) tokens: Vec<Token>,
}

impl<'a> Statement<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self::with_tokens(text, tokens(text))
    }

    /// A statement of another dialect, with its tokens.
    pub(super) fn with_tokens(text: &'a [u8], tokens: Vec<Token>) -> Self {
        Self { text, tokens }
    }

    /// The bytes of a token.
    pub(super) fn raw(&self, at: usize) -> &'a [u8] {
        self.tokens
            .get(at)
            .map_or(&[], |token| &self.text[token.start..token.end])
    }

    /// Whether the token is this lower-case word.
    pub(super) fn is(&self, at: usize, word: &str) -> bool {
        self.kind(at) == Some(Kind::Word) && self.raw(at).eq_ignore_ascii_case(word.as_bytes())
    }

    /// Whether the token is one of these words.
    pub(super) fn is_any(&self, at: usize, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(at, word))
    }

    /// Whether these words follow each other here.
    pub(super) fn are(&self, at: usize, words: &[&str]) -> bool {
        (at..).zip(words).all(|(at, word)| self.is(at, word))
    }

    /// The position of a word outside of parentheses, at or after `from`.
    pub(super) fn find(&self, from: usize, words: &[&str]) -> Option<usize> {
        (from..self.tokens.len()).find(|&at| self.tokens[at].depth == 0 && self.is_any(at, words))
    }

    pub(super) fn kind(&self, at: usize) -> Option<Kind> {
        self.tokens.get(at).map(|token| token.kind)
    }

    pub(super) fn is_sign(&self, at: usize, sign: u8) -> bool {
        self.kind(at) == Some(Kind::Sign(sign))
    }

    /// The start of a token, or the end of the text.
    pub(super) fn start(&self, at: usize) -> usize {
        self.tokens
            .get(at)
            .map_or(self.text.len(), |token| token.start)
    }

    /// The end of a token, or of the text.
    pub(super) fn end(&self, at: usize) -> usize {
        self.tokens
            .get(at)
            .map_or(self.text.len(), |token| token.end)
    }

    /// The token as a name, in its original case.
    pub(super) fn exact(&self, at: usize) -> Option<Vec<u8>> {
        let raw = self.raw(at);
        match self.kind(at)? {
            Kind::Word => Some(raw.to_vec()),
            Kind::Quoted => Some(unquoted(raw, *raw.first()?)),
            Kind::Literal | Kind::Sign(_) => None,
        }
    }

    /// The token as a name: lower case unless it is quoted.
    pub(super) fn name(&self, at: usize) -> Option<Vec<u8>> {
        match self.kind(at)? {
            Kind::Word => Some(self.raw(at).to_ascii_lowercase()),
            Kind::Quoted => Some(unquoted(self.raw(at), b'"')),
            Kind::Literal | Kind::Sign(_) => None,
        }
    }

    /// The text of a plain literal, of a word, or of a quoted name.
    pub(super) fn value(&self, at: usize) -> Option<Vec<u8>> {
        match self.kind(at)? {
            Kind::Literal if self.raw(at).starts_with(b"'") => Some(unquoted(self.raw(at), b'\'')),
            _ => self.name(at),
        }
    }

    /// The text with these tokens replaced.
    pub(super) fn replaced(&self, tokens: std::ops::Range<usize>, with: &[u8]) -> Vec<u8> {
        let from = self.start(tokens.start);
        let to = match tokens.end.checked_sub(1) {
            Some(last) if last >= tokens.start => self.tokens.get(last).map_or(from, |t| t.end),
            _ => from,
        };
        [&self.text[..from], with, &self.text[to..]].concat()
    }
}

fn unquoted(raw: &[u8], quote: u8) -> Vec<u8> {
    let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
    let mut bytes = Vec::with_capacity(inner.len());
    let mut inner = inner.iter().copied().peekable();
    while let Some(byte) = inner.next() {
        if byte == quote && inner.peek() == Some(&quote) {
            inner.next();
        }
        bytes.push(byte);
    }
    bytes
}

/// A quoted name.
pub(super) fn quoted(name: &[u8]) -> Vec<u8> {
    enclosed(name, b'"')
}

/// A quoted literal without backslash escapes.
pub(super) fn literal(text: &[u8]) -> Vec<u8> {
    enclosed(text, b'\'')
}

/// Text in quotes, with inner quotes doubled.
pub(super) fn enclosed(text: &[u8], quote: u8) -> Vec<u8> {
    let mut bytes = vec![quote];
    for &byte in text {
        bytes.push(byte);
        if byte == quote {
            bytes.push(byte);
        }
    }
    bytes.push(quote);
    bytes
}

fn tokens(text: &[u8]) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let start = at;
        let rest = &text[at..];
        let kind = match byte {
            byte if byte.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            b'-' if rest.starts_with(b"--") => {
                at += length_to(rest, b"\n");
                continue;
            }
            b'/' if rest.starts_with(b"/*") => {
                at += comment(rest);
                continue;
            }
            b'\'' => {
                at += enclosed_length(rest, b'\'', escapes(text, tokens.last(), at));
                Kind::Literal
            }
            b'"' => {
                at += enclosed_length(rest, b'"', false);
                Kind::Quoted
            }
            b'$' => match dollar(rest) {
                Some(length) => {
                    at += length;
                    Kind::Literal
                }
                None => {
                    at += 1;
                    Kind::Sign(byte)
                }
            },
            byte if is_word(byte) => {
                at += rest.iter().take_while(|&&byte| is_word(byte)).count();
                Kind::Word
            }
            byte => {
                at += 1;
                Kind::Sign(byte)
            }
        };
        push(&mut tokens, kind, start..at);
    }
    tokens
}

/// Adds a token; both parentheses of a pair have the depth of the text around them.
pub(super) fn push(tokens: &mut Vec<Token>, kind: Kind, place: Range<usize>) {
    let open = |last: &Token| last.depth + u32::from(last.kind == Kind::Sign(b'('));
    let depth = tokens.last().map_or(0, open);
    tokens.push(Token {
        kind,
        start: place.start,
        end: place.end,
        depth: depth.saturating_sub(u32::from(kind == Kind::Sign(b')'))),
    });
}

/// Whether a literal uses backslash escapes because of the E directly before it.
fn escapes(text: &[u8], before: Option<&Token>, at: usize) -> bool {
    before.is_some_and(|before| {
        before.end == at && text[before.start..before.end].eq_ignore_ascii_case(b"e")
    })
}

fn length_to(rest: &[u8], end: &[u8]) -> usize {
    let found = rest.windows(end.len()).position(|window| window == end);
    found.map_or(rest.len(), |found| found + end.len())
}

fn comment(rest: &[u8]) -> usize {
    let (mut at, mut depth) = (2, 1);
    while depth > 0 && at < rest.len() {
        match rest.get(at..at + 2) {
            Some(b"/*") => (at, depth) = (at + 2, depth + 1),
            Some(b"*/") => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
    }
    at
}

/// The length of a quoted text. A doubled quote is part of it.
pub(super) fn enclosed_length(rest: &[u8], quote: u8, escapes: bool) -> usize {
    let mut at = 1;
    while let Some(&byte) = rest.get(at) {
        at += 1;
        match byte {
            b'\\' if escapes => at += 1,
            byte if byte == quote && rest.get(at) == Some(&quote) => at += 1,
            byte if byte == quote => break,
            _ => {}
        }
    }
    at.min(rest.len())
}

fn dollar(rest: &[u8]) -> Option<usize> {
    let inner = rest[1..].iter().take_while(|&&b| b != b'$' && is_word(b));
    let tag = rest.get(..inner.count() + 2)?;
    if tag.last() != Some(&b'$') || tag.get(1).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    Some(tag.len() + length_to(&rest[tag.len()..], tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let statement = Statement::new(text.as_bytes());
        (0..statement.tokens.len())
            .map(|at| String::from_utf8(statement.raw(at).to_vec()).unwrap())
            .collect()
    }

    #[test]
    fn literals_names_and_comments_are_one_token_or_none() {
        assert_eq!(
            words("-- x\nALTER /* a /* b */ */ TABLE \"a \"\"b\".c ADD 'it''s' $x$ y $x$ E'\\'';"),
            [
                "ALTER",
                "TABLE",
                "\"a \"\"b\"",
                ".",
                "c",
                "ADD",
                "'it''s'",
                "$x$ y $x$",
                "E",
                "'\\''",
                ";"
            ]
        );
    }

    #[test]
    fn names_are_taken_as_the_server_takes_them() {
        let statement = Statement::new(b"GRANT Shop TO \"Read \"\"Only\"");
        assert_eq!(statement.name(1), Some(b"shop".to_vec()));
        assert_eq!(statement.name(3), Some(b"Read \"Only".to_vec()));
        assert_eq!(quoted(b"a\"b"), b"\"a\"\"b\"");
        assert_eq!(literal(b"it's"), b"'it''s'");
    }

    #[test]
    fn tokens_are_replaced_where_they_stand() {
        let statement = Statement::new(b"drop  table a ;");
        assert_eq!(
            statement.replaced(2..2, b"if exists "),
            b"drop  table if exists a ;"
        );
        assert_eq!(statement.replaced(1..3, b"view b"), b"drop  view b ;");
        assert_eq!(statement.find(0, &["a"]), Some(2));
    }
}
