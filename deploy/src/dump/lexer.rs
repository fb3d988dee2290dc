//! Finds the ends of statements in a psql script ("psql: SQL, as `psqlscan.l` reads it").

/// The meaning of a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Part of a statement or of the text between statements.
    Inside,
    /// The end of a statement.
    End,
    /// The backslash of a psql command. It belongs to no statement.
    Command,
}

/// Scans a script byte by byte.
#[derive(Debug, Default)]
pub(super) struct Lexer {
    state: State,
    parens: u32,
    /// Number of open BEGIN and CASE blocks in a function's body, where semicolons end nothing.
    blocks: u32,
    word: Word,
    /// The first words of the statement, as long as they match "create or replace function".
    head: Head,
    /// Whether the statement has begun, that is, something other than space and comments was read.
    begun: bool,
    /// Whether plain literals use backslash escapes (`standard_conforming_strings = off`).
    pub(super) backslashes: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Plain,
    /// After `-`, which may begin a comment.
    Dash,
    /// After `/`, which may begin a comment.
    Slash,
    LineComment,
    Comment {
        depth: u32,
        last: u8,
    },
    Literal {
        escapes: bool,
    },
    /// After the backslash in a literal with escapes.
    Escaped,
    /// After a quote, which ends the literal unless another quote follows.
    LiteralEnd {
        escapes: bool,
    },
    /// In the space after a literal with escapes, which continues if another literal follows on a
    /// later line.
    LiteralGap {
        newline: bool,
    },
    Quoted,
    /// In a possible tag of a dollar quote.
    Tag(Vec<u8>),
    Dollar {
        tag: Vec<u8>,
        matched: usize,
    },
}

/// The word that is being read, as far as it matters.
#[derive(Debug, Default)]
struct Word {
    text: [u8; 12],
    length: usize,
}

/// How much of the statement's start matches that of a function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Head {
    #[default]
    Start,
    Create,
    Or,
    Replace,
    Function,
    Other,
}

impl Lexer {
    /// Scans the next byte.
    pub(super) fn step(&mut self, byte: u8) -> Seen {
        match &mut self.state {
            State::Plain => return self.plain(byte),
            State::Dash if byte == b'-' => self.state = State::LineComment,
            State::Slash if byte == b'*' => self.state = State::Comment { depth: 1, last: 0 },
            State::Dash | State::Slash => {
                self.begun = true;
                return self.again(byte);
            }
            State::LineComment if byte == b'\n' => self.state = State::Plain,
            State::LineComment => {}
            State::Comment { depth, last } => {
                let pair = (*last, byte);
                *last = byte;
                match pair {
                    (b'/', b'*') => {
                        *depth += 1;
                        *last = 0;
                    }
                    (b'*', b'/') if *depth == 1 => self.state = State::Plain,
                    (b'*', b'/') => {
                        *depth -= 1;
                        *last = 0;
                    }
                    _ => {}
                }
            }
            State::Literal { escapes: true } if byte == b'\\' => self.state = State::Escaped,
            State::Literal { escapes } if byte == b'\'' => {
                self.state = State::LiteralEnd { escapes: *escapes };
            }
            State::Escaped => self.state = State::Literal { escapes: true },
            State::LiteralEnd { escapes } if byte == b'\'' => {
                self.state = State::Literal { escapes: *escapes };
            }
            State::LiteralEnd { escapes: true } if byte.is_ascii_whitespace() => {
                let newline = byte == b'\n';
                self.state = State::LiteralGap { newline };
            }
            State::LiteralGap { newline } if byte.is_ascii_whitespace() => {
                *newline |= byte == b'\n';
            }
            State::LiteralGap { newline: true } if byte == b'\'' => {
                self.state = State::Literal { escapes: true };
            }
            State::LiteralEnd { .. } | State::LiteralGap { .. } => return self.again(byte),
            // A quote in a quoted name is doubled: the name ends, and begins again at once.
            State::Quoted if byte == b'"' => self.state = State::Plain,
            State::Literal { .. } | State::Quoted => {}
            State::Tag(tag) if byte == b'$' => {
                tag.push(byte);
                let tag = std::mem::take(tag);
                self.state = State::Dollar { tag, matched: 0 };
            }
            State::Tag(tag) if is_tag(byte, tag.len()) => tag.push(byte),
            State::Tag(_) => return self.again(byte),
            State::Dollar { tag, matched } => {
                *matched = match tag.get(*matched) == Some(&byte) {
                    true => *matched + 1,
                    // Between its dollars a tag has none.
                    false => usize::from(byte == b'$'),
                };
                if *matched == tag.len() {
                    self.state = State::Plain;
                }
            }
        }
        Seen::Inside
    }

    /// Whether only space and comments were read since the last end.
    pub(super) fn is_blank(&self) -> bool {
        !self.begun
    }

    /// Whether the script may end here: not inside a comment, literal or name.
    pub(super) fn is_plain(&self) -> bool {
        use State::{Dash, LineComment, LiteralEnd, LiteralGap, Plain, Slash, Tag};
        matches!(
            self.state,
            Plain | Dash | Slash | LineComment | LiteralEnd { .. } | LiteralGap { .. } | Tag(_)
        )
    }

    /// Starts a new statement.
    pub(super) fn reset(&mut self) {
        let backslashes = self.backslashes;
        *self = Self {
            backslashes,
            ..Self::default()
        };
    }

    /// The token is not what its first byte suggested; scans the byte again.
    fn again(&mut self, byte: u8) -> Seen {
        self.state = State::Plain;
        self.plain(byte)
    }

    fn plain(&mut self, byte: u8) -> Seen {
        if is_word(byte) {
            self.begun = true;
            if byte == b'$' && self.word.length == 0 {
                self.state = State::Tag(vec![byte]);
                return Seen::Inside;
            }
            self.word.push(byte);
            return Seen::Inside;
        }
        let escapes = self.word.is(b"e") || self.backslashes;
        self.end_word();
        match byte {
            b'-' => self.state = State::Dash,
            b'/' => self.state = State::Slash,
            b'\\' => return Seen::Command,
            b';' if self.parens == 0 && self.blocks == 0 => return Seen::End,
            byte if byte.is_ascii_whitespace() => {}
            byte => {
                self.begun = true;
                match byte {
                    b'\'' => self.state = State::Literal { escapes },
                    b'"' => self.state = State::Quoted,
                    b'(' => self.parens += 1,
                    b')' => self.parens = self.parens.saturating_sub(1),
                    _ => {}
                }
            }
        }
        Seen::Inside
    }

    fn end_word(&mut self) {
        let word = std::mem::take(&mut self.word);
        if word.length == 0 || self.parens > 0 {
            return;
        }
        use Head::{Create, Function, Or, Other, Replace, Start};
        self.head = match self.head {
            Start if word.is(b"create") => Create,
            Create if word.is(b"or") => Or,
            Or if word.is(b"replace") => Replace,
            Create | Replace if word.is(b"function") || word.is(b"procedure") => Function,
            Function => {
                match () {
                    () if word.is(b"begin") => self.blocks += 1,
                    () if word.is(b"case") && self.blocks > 0 => self.blocks += 1,
                    () if word.is(b"end") => self.blocks = self.blocks.saturating_sub(1),
                    () => {}
                }
                Function
            }
            _ => Other,
        };
    }
}

impl Word {
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.text.get_mut(self.length) {
            *place = byte.to_ascii_lowercase();
        }
        self.length += 1;
    }

    fn is(&self, word: &[u8]) -> bool {
        self.text.get(..self.length) == Some(word)
    }
}

/// Whether a byte can be part of a name, after the first byte. In every supported encoding, letters
/// of other scripts consist of bytes above ASCII.
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// `length` counts the dollar at the start of the tag.
fn is_tag(byte: u8, length: usize) -> bool {
    byte != b'$' && is_word(byte) && !(length == 1 && byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The statements of a script; each command becomes `\`.
    fn split(script: &str) -> Vec<String> {
        let mut lexer = Lexer::default();
        let mut found = vec![String::new()];
        for byte in script.bytes() {
            let seen = lexer.step(byte);
            found.last_mut().unwrap().push(char::from(byte));
            if seen != Seen::Inside {
                found.push(String::new());
                lexer.reset();
            }
        }
        assert!(lexer.is_plain(), "{script}");
        found.retain(|piece| !piece.trim().is_empty());
        found
    }

    #[test]
    fn a_semicolon_ends_a_statement_only_where_it_is_one() {
        for (script, count) in [
            ("select 1; select 2;", 2),
            ("select ';' ; select 2", 2),
            ("select 'it''s;' ; select 2", 2),
            (r"select E'\';' ; select 2", 2),
            (r"select E'a'';\';' ; select 2", 2),
            (r"select '\' ; select 2", 2),
            ("select E'a\n'\n  'it\\'s; b'; select 2", 2),
            ("select E'a' ; select 'b\\'; select 3", 3),
            ("select \"a;b\"\"c;\" ; select 2", 2),
            ("-- a; b\nselect 1; -- c;\n", 2),
            ("/* a; /* b; */ c; */ select 1;", 1),
            ("select 1 - 2 / 3; select 2;", 2),
            ("do $$ a; b; $$; select 2;", 2),
            ("do $x$ a; $$; $x; $x$; select 2;", 2),
            ("select $1; select a$b; select 3;", 3),
            (
                "create rule r as on insert to t do (select 1; select 2); x;",
                2,
            ),
            (
                "create function f() begin atomic select 1; select case when a then b end; end; x;",
                2,
            ),
            ("CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC a; END; x;", 2),
            ("begin; select 1; end; x;", 4),
        ] {
            assert_eq!(split(script).len(), count, "{script}: {:?}", split(script));
        }
    }

    #[test]
    fn a_backslash_outside_of_everything_begins_a_command() {
        assert_eq!(split("\\restrict").first().unwrap(), "\\");
        assert_eq!(split("select '\\x';").len(), 1);
        assert_eq!(split("do $$ \\ $$;").len(), 1);
    }

    #[test]
    fn literals_of_old_dumps_take_backslashes_where_the_dump_says_so() {
        let mut lexer = Lexer {
            backslashes: true,
            ..Lexer::default()
        };
        let ends = r"select '\';';"
            .bytes()
            .filter(|&b| lexer.step(b) == Seen::End);
        assert_eq!(ends.count(), 1);
    }

    #[test]
    fn what_is_cut_off_in_a_literal_is_seen() {
        let cut = |script: &str| {
            let mut lexer = Lexer::default();
            script.bytes().for_each(|byte| {
                lexer.step(byte);
            });
            (lexer.is_plain(), lexer.is_blank())
        };
        assert_eq!(cut("select 'a"), (false, false));
        assert_eq!(cut("do $$ a"), (false, false));
        assert_eq!(cut("/* a"), (false, true));
        assert_eq!(cut("-- a"), (true, true));
        assert_eq!(cut("select 'a'"), (true, false));
    }
}
