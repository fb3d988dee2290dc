//! Splits one statement into tokens, like MySQL and MariaDB.

use crate::dump::{
    lexer::is_word,
    tokens::{Kind, Statement, Token, enclosed, enclosed_length, push},
};

/// A statement that includes version-specific code (`/*!40101 … */`).
pub(super) fn statement(text: &[u8]) -> Statement<'_> {
    Statement::with_tokens(text, tokens(text))
}

/// A quoted name.
pub(super) fn quoted(name: &[u8]) -> Vec<u8> {
    enclosed(name, b'`')
}

fn tokens(text: &[u8]) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let start = at;
        let rest = &text[at..];
        if let Some(length) = between(rest) {
            at += length;
            continue;
        }
        let kind = match byte {
            b'\'' | b'"' | b'`' => {
                // Quoted text uses backslash escapes, except for names.
                at += enclosed_length(rest, byte, byte != b'`');
                match byte {
                    b'`' => Kind::Quoted,
                    _ => Kind::Literal,
                }
            }
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

/// The length of space, comments, and markers of version-specific code between tokens.
fn between(rest: &[u8]) -> Option<usize> {
    let dashes = || rest.get(2).is_none_or(|byte| byte.is_ascii_whitespace());
    match rest {
        [byte, ..] if byte.is_ascii_whitespace() => Some(1),
        [b'*', b'/', ..] => Some(2),
        [b'/', b'*', b'!', version @ ..] => Some(3 + digits(version)),
        [b'/', b'*', b'M', b'!', version @ ..] => Some(4 + digits(version)),
        [b'/', b'*', inner @ ..] => {
            let end = inner.windows(2).position(|window| window == b"*/");
            Some(end.map_or(rest.len(), |end| end + 4))
        }
        [b'#', ..] => Some(line(rest)),
        [b'-', b'-', ..] if dashes() => Some(line(rest)),
        _ => None,
    }
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

fn line(rest: &[u8]) -> usize {
    let end = rest.iter().position(|&byte| byte == b'\n');
    end.map_or(rest.len(), |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_for_some_servers_is_code_and_comments_are_none() {
        let text = b"/*!50003 CREATE*/ /*M!100 `a``b`*/ -- x\n# y\n/* z */ 'it''s \\' \"' 5--6";
        let statement = statement(text);
        let words: Vec<_> = (0..statement.tokens.len())
            .map(|at| String::from_utf8(statement.raw(at).to_vec()).unwrap())
            .collect();
        let wanted = ["CREATE", "`a``b`", "'it''s \\' \"'", "5", "-", "-", "6"];
        assert_eq!(words, wanted);
        assert_eq!(statement.exact(1), Some(b"a`b".to_vec()));
        assert_eq!(quoted(b"a`b"), b"`a``b`");
    }
}
