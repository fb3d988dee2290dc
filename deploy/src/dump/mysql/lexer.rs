//! Where statements of a script for the client of MySQL and MariaDB end, as that client reads it.

/// What a byte turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// A part of what goes on.
    Inside,
    /// The last byte of the delimiter, which ends a statement.
    End,
    /// A backslash outside of everything, with which a command of the client begins.
    Command,
}

/// Follows a script byte by byte.
#[derive(Debug)]
pub(super) struct Lexer {
    state: State,
    /// What ends a statement.
    delimiter: Vec<u8>,
    /// How much of it has been seen.
    matched: usize,
    /// Whether there is anything but space and comments since the last end.
    begun: bool,
    /// With how many bytes before the one that showed it.
    lead: usize,
    /// Whether literals take backslashes (no `NO_BACKSLASH_ESCAPES`).
    pub(super) backslashes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Plain,
    /// After `-`, and after two of them, which begin a comment where space follows.
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
    /// In quotes of this kind.
    Quoted(u8),
    /// After a backslash in them.
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
    /// Takes the next byte.
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

    /// How many bytes before the one with which a statement was seen to begin are a part of it.
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
            // Code for some servers is read as if nothing stood around it.
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
            // A quote that is written twice ends, and begins again at once.
            State::Quoted(quote) if byte == quote => self.state = State::Plain,
            State::Quoted(_) => {}
            State::Escaped(quote) => self.state = State::Quoted(quote),
        }
        Seen::Inside
    }

    /// Whether there is nothing but space and comments since the last end.
    pub(super) fn is_blank(&self) -> bool {
        !self.begun
    }

    /// Whether the script may end here: in no comment, literal or name.
    pub(super) fn is_plain(&self) -> bool {
        use State::{Dash, Dashes, LineComment, Plain, Slash};
        matches!(self.state, Plain | Dash | Dashes | Slash | LineComment)
    }

    /// What ends a statement.
    pub(super) fn delimiter(&self) -> &[u8] {
        &self.delimiter
    }

    /// From here on something else ends a statement.
    pub(super) fn delimit(&mut self, delimiter: &[u8]) {
        self.delimiter = delimiter.to_vec();
    }

    /// What was begun is a comment, whatever it looked like.
    pub(super) fn comment(&mut self) {
        self.begun = false;
        self.state = State::Comment { last: 0 };
    }

    /// Begins a statement.
    pub(super) fn reset(&mut self) {
        self.state = State::Plain;
        self.matched = 0;
        self.begun = false;
    }

    /// What was begun is not what it looked like.
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

    /// How many statements a script has.
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
