//! Scans the bytes of a visitor's HTTP/1 connection for the first that violates strict framing.
//!
//! The HTTP library is lenient where the standard allows it: it accepts a bare line feed, drops a
//! Content-Length beside a Transfer-Encoding, and folds equal lengths into one. That is harmless
//! here, since every request is framed again on its way upstream. But such input usually tries to
//! make two parsers disagree (request smuggling). So this scanner, which only knows framing, reads
//! along and rejects it.

/// Maximum bytes of one line of a head.
const HEAD_LINE_BYTES_MAX: usize = 64 * 1024;
/// Maximum bytes of a chunk's size line, including extensions.
const CHUNK_LINE_BYTES_MAX: usize = 1024;
/// Maximum bytes of all trailers of one request.
const TRAILERS_BYTES_MAX: usize = 16 * 1024;
/// Maximum hex digits of a chunk size; fifteen cannot overflow.
const CHUNK_SIZE_DIGITS_MAX: usize = 15;

/// The position of the connection within the HTTP exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Between two requests.
    Idle,
    /// Inside a head.
    Head,
    /// Inside a body.
    Body,
}

/// The scanner of one connection.
#[derive(Debug)]
pub(crate) struct Scanner {
    lines_max: usize,
    bytes_max: usize,
    /// Lines and bytes of the current head.
    lines: usize,
    bytes: usize,
    state: State,
    /// The start of a line whose end has not arrived yet.
    partial: Vec<u8>,
    head: Framing,
    trailers_bytes: usize,
    heads: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Before a request line; one empty line is allowed there.
    #[default]
    Start,
    /// After the one empty line.
    StartAfterBlank,
    Fields,
    Sized(u64),
    ChunkSize,
    ChunkData(u64),
    ChunkEnd,
    Trailers,
}

/// The body framing that the head declares.
#[derive(Clone, Copy, Debug, Default)]
struct Framing {
    old_version: bool,
    length: Option<u64>,
    chunked: bool,
}

/// Where the scan has to stop.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The byte at this index violates the framing and must not be passed on.
    Odd(usize),
    /// The head becomes too large at this index. The bytes passed on before, plus `end`, form a
    /// complete head.
    Large { at: usize, end: &'static [u8] },
}

/// A violation of strict framing.
#[derive(Debug, PartialEq, Eq)]
struct Odd;

impl Scanner {
    /// A scanner with these limits on the header lines and bytes of a head.
    pub(crate) fn new(lines_max: usize, bytes_max: usize) -> Self {
        Self {
            lines_max,
            bytes_max,
            lines: 0,
            bytes: 0,
            state: State::default(),
            partial: Vec::new(),
            head: Framing::default(),
            trailers_bytes: 0,
            heads: 0,
        }
    }

    /// Scans the next bytes.
    pub(crate) fn scan(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            if self.phase() != Phase::Body {
                self.fits(rest, at)?;
            }
            at += match self.state {
                State::Sized(left) => self.skip(left, rest.len(), State::Sized, State::Start),
                State::ChunkData(left) => {
                    self.skip(left, rest.len(), State::ChunkData, State::ChunkEnd)
                }
                _ => match rest.iter().position(|&b| b == b'\n') {
                    None => {
                        self.keep_bytes(rest).map_err(|Odd| Fault::Odd(at))?;
                        rest.len()
                    }
                    Some(end) => {
                        self.line(&rest[..end])
                            .map_err(|Odd| Fault::Odd(at + end))?;
                        end + 1
                    }
                },
            };
        }
        Ok(())
    }

    /// Counts the next line of a head, or the part of it that has arrived.
    fn fits(&mut self, rest: &[u8], at: usize) -> Result<(), Fault> {
        let line = rest
            .iter()
            .position(|&b| b == b'\n')
            .map_or(rest, |end| &rest[..=end]);
        let begins = self.partial.is_empty();
        let one_more = begins && self.state == State::Fields && !matches!(line, [b'\r', ..]);
        let room = match self.lines + usize::from(one_more) > self.lines_max {
            true => 0,
            false => self.bytes_max - self.bytes,
        };
        if line.len() <= room {
            self.lines += usize::from(one_more);
            self.bytes += line.len();
            return Ok(());
        }
        let last = line[..room].last().or(self.partial.last());
        let end: &[u8] = match (self.state, last) {
            (State::Fields, None) => b"\r\n",
            (State::Fields, Some(b'\r')) => b"\n\r\n",
            (State::Fields, Some(_)) => b":\r\n\r\n",
            _ => b" HTTP/1.1\r\n\r\n",
        };
        Err(Fault::Large { at: at + room, end })
    }

    /// The current position within the exchange.
    pub(crate) fn phase(&self) -> Phase {
        match self.state {
            State::Start if self.partial.is_empty() => Phase::Idle,
            State::Start | State::StartAfterBlank | State::Fields => Phase::Head,
            _ => Phase::Body,
        }
    }

    /// Number of complete heads so far.
    pub(crate) fn heads(&self) -> u64 {
        self.heads
    }

    /// Skips body bytes, which may be anything, and returns how many it skipped.
    fn skip(&mut self, left: u64, there: usize, more: fn(u64) -> State, done: State) -> usize {
        let there_wide = there as u64;
        if there_wide < left {
            self.state = more(left - there_wide);
            there
        } else {
            self.state = done;
            // At most `there`, so it fits.
            left as usize
        }
    }

    fn keep_bytes(&mut self, start: &[u8]) -> Result<(), Odd> {
        let max = match self.state {
            State::ChunkEnd => 1,
            State::ChunkSize => CHUNK_LINE_BYTES_MAX,
            State::Trailers => TRAILERS_BYTES_MAX,
            _ => HEAD_LINE_BYTES_MAX,
        };
        if self.partial.len() + start.len() > max {
            return Err(Odd);
        }
        self.partial.extend_from_slice(start);
        Ok(())
    }

    /// Handles a complete line; `end` is its last part without the line feed.
    fn line(&mut self, end: &[u8]) -> Result<(), Odd> {
        if self.partial.is_empty() {
            return self.whole_line(end);
        }
        self.keep_bytes(end)?;
        let mut line = std::mem::take(&mut self.partial);
        let done = self.whole_line(&line);
        line.clear();
        self.partial = line;
        done
    }

    fn whole_line(&mut self, line: &[u8]) -> Result<(), Odd> {
        let line = line.strip_suffix(b"\r").ok_or(Odd)?;
        if line.contains(&b'\r') {
            return Err(Odd);
        }
        self.state = match (self.state, line) {
            (State::Start, []) => State::StartAfterBlank,
            (State::StartAfterBlank, []) => return Err(Odd),
            (State::Start | State::StartAfterBlank, request) => {
                let old_version = request.ends_with(b"HTTP/1.0");
                self.lines = 0;
                self.head = Framing {
                    old_version,
                    ..Framing::default()
                };
                State::Fields
            }
            (State::Fields, []) => {
                self.heads += 1;
                self.bytes = 0;
                self.head.body()?
            }
            (State::Fields, field) => {
                self.head.field(field)?;
                State::Fields
            }
            (State::ChunkSize, size) => match chunk_size(size)? {
                0 => {
                    self.trailers_bytes = 0;
                    State::Trailers
                }
                size => State::ChunkData(size),
            },
            (State::ChunkEnd, []) => State::ChunkSize,
            (State::Trailers, []) => State::Start,
            (State::Trailers, trailer) => {
                self.trailers_bytes += trailer.len();
                if trailer[0].is_ascii_whitespace() || self.trailers_bytes > TRAILERS_BYTES_MAX {
                    return Err(Odd);
                }
                State::Trailers
            }
            (State::ChunkEnd | State::Sized(_) | State::ChunkData(_), _) => return Err(Odd),
        };
        Ok(())
    }
}

impl Framing {
    fn field(&mut self, line: &[u8]) -> Result<(), Odd> {
        match line[0] {
            // A folded line.
            b' ' | b'\t' => Err(Odd),
            b'c' | b'C' => match value_of(line, b"content-length") {
                None => Ok(()),
                Some(_) if self.length.is_some() => Err(Odd),
                Some(value) => {
                    self.length = Some(decimal(value)?);
                    Ok(())
                }
            },
            b't' | b'T' => match value_of(line, b"transfer-encoding") {
                None => Ok(()),
                Some(value) if value.eq_ignore_ascii_case(b"chunked") && !self.chunked => {
                    self.chunked = true;
                    Ok(())
                }
                Some(_) => Err(Odd),
            },
            _ => Ok(()),
        }
    }

    fn body(&self) -> Result<State, Odd> {
        match (self.chunked, self.length) {
            (true, Some(_)) => Err(Odd),
            (true, None) if self.old_version => Err(Odd),
            (true, None) => Ok(State::ChunkSize),
            (false, None | Some(0)) => Ok(State::Start),
            (false, Some(length)) => Ok(State::Sized(length)),
        }
    }
}

/// The value of a field, if its name is `name`. A name with a blank before the colon does not
/// match; the HTTP library rejects such a line.
fn value_of<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    let (found, value) = line.split_at_checked(name.len())?;
    let value = value.strip_prefix(b":")?;
    found.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

fn decimal(digits: &[u8]) -> Result<u64, Odd> {
    // Nineteen digits fit. The standard parser is not used because it accepts a leading plus.
    if digits.is_empty() || digits.len() > 19 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Odd);
    }
    digits
        .iter()
        .try_fold(0_u64, |sum, d| {
            sum.checked_mul(10)?.checked_add(u64::from(d - b'0'))
        })
        .ok_or(Odd)
}

fn chunk_size(line: &[u8]) -> Result<u64, Odd> {
    let digits = line.split(|&b| b == b';').next().unwrap_or_default();
    if digits.is_empty() || digits.len() > CHUNK_SIZE_DIGITS_MAX {
        return Err(Odd);
    }
    digits.iter().try_fold(0_u64, |sum, &d| {
        let digit = char::from(d).to_digit(16).ok_or(Odd)?;
        Ok(sum << 4 | u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::{Fault, Phase, Scanner};

    const LINES_MAX: usize = 3;
    const BYTES_MAX: usize = 120;

    fn whole(text: &str) -> Result<Phase, Fault> {
        let mut scanner = Scanner::new(LINES_MAX, BYTES_MAX);
        scanner.scan(text.as_bytes()).map(|()| scanner.phase())
    }

    /// The verdict is the same however the bytes are split into pieces.
    fn by_pieces(text: &str, piece: usize) -> Result<Phase, Fault> {
        let mut scanner = Scanner::new(LINES_MAX, BYTES_MAX);
        for part in text.as_bytes().chunks(piece) {
            scanner.scan(part)?;
        }
        Ok(scanner.phase())
    }

    #[test]
    fn plain_requests_pass_in_any_pieces() {
        for text in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n\n\r\n\0",
            "POST / HTTP/1.1\r\nTransfer-Encoding: CHUNKED\r\n\r\n4;a=b\r\n\n\n\n\n\r\n0\r\nT: x\r\n\r\n",
        ] {
            assert_eq!(whole(text), Ok(Phase::Idle), "{text:?}");
            for piece in 1..8 {
                assert_eq!(
                    by_pieces(text, piece),
                    Ok(Phase::Idle),
                    "{text:?} by {piece}"
                );
            }
        }
    }

    #[test]
    fn the_phase_follows_the_bytes() {
        assert_eq!(whole(""), Ok(Phase::Idle));
        assert_eq!(whole("G"), Ok(Phase::Head));
        assert_eq!(whole("\r\n"), Ok(Phase::Head));
        assert_eq!(
            whole("POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nabc"),
            Ok(Phase::Body)
        );
    }

    /// The bytes passed on of a head that arrives in pieces, ended where it becomes too large.
    fn passed_on(text: &str, piece: usize) -> Option<String> {
        let mut scanner = Scanner::new(LINES_MAX, BYTES_MAX);
        for (n, part) in text.as_bytes().chunks(piece).enumerate() {
            if let Err(fault) = scanner.scan(part) {
                let Fault::Large { at, end } = fault else {
                    return None;
                };
                let end = std::str::from_utf8(end).unwrap();
                return Some(format!("{}{end}", &text[..n * piece + at]));
            }
        }
        None
    }

    #[test]
    fn a_head_that_grows_too_large_is_closed_where_it_does() {
        let begin = "GET / HTTP/1.1\r\n";
        let many = format!("{begin}{}\r\n", "A: b\r\n".repeat(4));
        let wide = format!("{begin}A: {}\r\n\r\n", "b".repeat(200));
        let far = format!("GET /{} HTTP/1.1\r\n\r\n", "b".repeat(200));
        for text in [&many, &wide, &far] {
            for piece in (1..8).chain([text.len()]) {
                let passed = passed_on(text, piece).unwrap_or_else(|| panic!("{text} by {piece}"));
                assert!(passed.len() < BYTES_MAX + 16, "{passed}");
                let mut roomy = Scanner::new(2 * LINES_MAX, 2 * BYTES_MAX);
                assert_eq!(roomy.scan(passed.as_bytes()), Ok(()), "{passed:?}");
                assert_eq!(roomy.phase(), Phase::Idle, "{passed:?} by {piece}");
            }
        }
        let fits = format!("{begin}{}\r\n", "A: b\r\n".repeat(LINES_MAX));
        assert_eq!(whole(&fits.repeat(9)), Ok(Phase::Idle));
        let full = format!(
            "{begin}A: {}\r\n\r\n",
            "b".repeat(BYTES_MAX - begin.len() - 7)
        );
        assert_eq!(whole(&full.repeat(2)), Ok(Phase::Idle));
        assert!(whole(&full.replace("A:", "AA:")).is_err());
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        for text in [
            "GET / HTTP/1.1\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n",
            "\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "GET / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
            "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\n",
            "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
            "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\n",
            "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1000000000000000\r\n",
            "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
            "P / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\n",
        ] {
            let found = whole(text);
            assert!(found.is_err(), "{text:?}");
            for piece in 1..8 {
                assert!(by_pieces(text, piece).is_err(), "{text:?} by {piece}");
            }
        }
    }
}
