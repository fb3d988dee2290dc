//! Finds the ends of statements in a script, like the client of MySQL and MariaDB.

/// The meaning of a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Part of a statement or of the text between statements.
    Inside,
    /// The last byte of the delimiter, which ends a statement.
    End,
    /// A backslash outside of literals and comments, which begins a client command.
    Command,
}

/// Scans a script byte by byte.
#[derive(Debug)]
pub(super) struct Lexer {
    state: State,
    /// The delimiter that ends a statement.
    delimiter: Vec<u8>,
    /// How many bytes of it have matched.
    matched: usize,
    /// Whether the statement has begun, that is, something other than space and comments was read.
    begun: bool,
    /// Number of the statement's bytes before the byte at which it was recognised.
    lead: usize,
    /// Whether literals use backslash escapes (no `NO_BACKSLASH_ESCAPES`).
    pub(super) backslashes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Plain,
    /// After `-`, and after two of them, which begin a comment if space follows.
    Dash,
    Dashes,
    /// After `/`, and after `/*`, which begins a comment or code for some servers (`/*!`, `/*M!`).
    Slash,
    Star,
    StarM,
    LineComment,
    Comment {
        last: u8,
    },
    /// Inside quotes of this kind.
    Quoted(u8),
    /// After a backslash inside quotes.
    Escaped(u8),
}

impl Default for Lexer {
    fn default() -> Self {
        Self {
            state: State::Plain,
            delimiter: b";".to_vec(),
            matched: 0,
            begun: false,
            lead: 0,
            backslashes: true,
        }
    }
}

impl Lexer {
    /// Scans the next byte.
    pub(super) fn step(&mut self, byte: u8) -> Seen {
        let lead = match self.state {
            State::Dash | State::Slash => 1,
            State::Dashes | State::Star => 2,
            State::StarM => 3,
            _ => 0,
        };
        let blank = !self.begun;
        let seen = self.follow(byte);
        if blank && self.begun {
            self.lead = lead;
        }
        seen
    }

    /// Number of the statement's bytes before the byte at which it was recognised.
    pub(super) fn lead(&self) -> usize {
        self.lead
    }

    fn follow(&mut self, byte: u8) -> Seen {
        let space = byte.is_ascii_whitespace() || byte.is_ascii_control();
        match self.state {
            State::Plain => return self.plain(byte),
            State::Dash if byte == b'-' => self.state = State::Dashes,
            State::Dashes if byte == b'\n' => self.state = State::Plain,
            State::Dashes if space => self.state = State::LineComment,
            State::Dashes if byte == b'-' => self.begun = true,
            State::Slash if byte == b'*' => {
                self.matched = 0;
                self.state = State::Star;
            }
            State::Dash | State::Dashes | State::Slash => {
                self.begun = true;
                return self.again(byte);
            }
            // Version-specific code is read as if its markers were absent.
            State::Star | State::StarM if byte == b'!' => {
                self.begun = true;
                self.state = State::Plain;
            }
            State::Star if byte == b'M' => self.state = State::StarM,
            State::Star | State::StarM => self.state = State::Comment { last: byte },
            State::LineComment if byte == b'\n' => self.state = State::Plain,
            State::LineComment => {}
            State::Comment { last: b'*' } if byte == b'/' => self.state = State::Plain,
            State::Comment { .. } => self.state = State::Comment { last: byte },
            State::Quoted(quote) if byte == b'\\' && quote != b'`' && self.backslashes => {
                self.state = State::Escaped(quote);
            }
            // A doubled quote ends the literal and begins it again at once.
            State::Quoted(quote) if byte == quote => self.state = State::Plain,
            State::Quoted(_) => {}
            State::Escaped(quote) => self.state = State::Quoted(quote),
        }
        Seen::Inside
    }

    /// Whether only space and comments were read since the last end.
    pub(super) fn is_blank(&self) -> bool {
        !self.begun
    }

    /// Whether the script may end here: not inside a comment, literal or name.
    pub(super) fn is_plain(&self) -> bool {
        use State::{Dash, Dashes, LineComment, Plain, Slash};
        matches!(self.state, Plain | Dash | Dashes | Slash | LineComment)
    }

    /// The delimiter that ends a statement.
    pub(super) fn delimiter(&self) -> &[u8] {
        &self.delimiter
    }

    /// Sets the delimiter for the following statements.
    pub(super) fn delimit(&mut self, delimiter: &[u8]) {
        self.delimiter = delimiter.to_vec();
    }

    /// Treats the rest of the line as a comment.
    pub(super) fn comment(&mut self) {
        self.begun = false;
        self.state = State::Comment { last: 0 };
    }

    /// Starts a new statement.
    pub(super) fn reset(&mut self) {
        self.state = State::Plain;
        self.matched = 0;
        self.begun = false;
    }

    /// The token is not what its first byte suggested; scans the byte again.
    fn again(&mut self, byte: u8) -> Seen {
        self.state = State::Plain;
        self.plain(byte)
    }

    fn plain(&mut self, byte: u8) -> Seen {
        self.matched = match self.delimiter.get(self.matched) == Some(&byte) {
            true => self.matched + 1,
            false => usize::from(self.delimiter.first() == Some(&byte)),
        };
        if self.matched == self.delimiter.len() {
            self.begun = true;
            return Seen::End;
        }
        match byte {
            b'-' => self.state = State::Dash,
            b'/' => self.state = State::Slash,
            b'#' => self.state = State::LineComment,
            b'\\' => return Seen::Command,
            byte if byte.is_ascii_whitespace() => {}
            byte => {
                self.begun = true;
                if matches!(byte, b'\'' | b'"' | b'`') {
                    self.state = State::Quoted(byte);
                }
            }
        }
        Seen::Inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Number of statements in a script.
    fn count(delimiter: &str, script: &str) -> usize {
        let mut lexer = Lexer::default();
        lexer.delimit(delimiter.as_bytes());
        let mut ends = 0;
        for byte in script.bytes() {
            if lexer.step(byte) == Seen::End {
                ends += 1;
                lexer.reset();
            }
        }
        assert!(lexer.is_plain(), "{script}");
        ends + usize::from(!lexer.is_blank())
    }

    #[test]
    fn a_delimiter_ends_a_statement_only_where_it_is_one() {
        for (delimiter, script, wanted) in [
            (";", "select 1; select 2;", 2),
            (";", "select ';', \";\", `;`; select 2", 2),
            (";", r"select 'it\';'; select 2", 2),
            (";", r"select 'it'';'; select 2", 2),
            (";", r"select `a\`; select 2", 2),
            (";", r"select '\\'; select 2", 2),
            (";", "-- it's; b\nselect 1; # it's;\n", 1),
            (";", "select 5--6; select 5 --6;", 2),
            (";", "select 1 --\n; select 2 --- it's;\n;", 2),
            (
                ";",
                "select 1 / 2 - 3; /* it's; */ select 2; /*+ it's; */ x",
                3,
            ),
            (";", "/*!50003 select 1; select 2 */;", 2),
            (";", "/*M!100000 select ';' */; /*!99 /* it's; */ x */;", 2),
            (";;", "/*!50003 begin; end */;; select 1;;", 2),
            ("$$", "begin a; end$$ select $1 $$", 2),
            ("//", "select 1 / 2 // /* // */ select 3//", 2),
        ] {
            assert_eq!(count(delimiter, script), wanted, "{script}");
        }
    }

    #[test]
    fn literals_take_no_backslashes_where_the_dump_says_so() {
        let mut lexer = Lexer {
            backslashes: false,
            ..Lexer::default()
        };
        let ends = r"select '\'; select 2;"
            .bytes()
            .filter(|&byte| lexer.step(byte) == Seen::End);
        assert_eq!(ends.count(), 2);
    }

    #[test]
    fn a_backslash_outside_of_everything_begins_a_command() {
        let commands = |script: &str| {
            let mut lexer = Lexer::default();
            let seen = script.bytes().filter(|&b| lexer.step(b) == Seen::Command);
            seen.count()
        };
        assert_eq!(commands("\\! id"), 1);
        assert_eq!(commands("select '\\'x', `\\`; -- \\!\n/* \\! */"), 0);
    }
}
