//! A minimal client of PostgreSQL's protocol: statements and text answers, no passwords, no
//! parameters. ("Frontend/Backend Protocol" in PostgreSQL's documentation, version 3.0.)
//!
//! The server may be a hostile program: this module limits the length of each answer, and the
//! caller limits the time.

use std::io;

use bytes::{Buf as _, Bytes};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};

/// Version 3.0 of the protocol.
const VERSION: u32 = 3 << 16;

/// The error code for a starting server ("PostgreSQL Error Codes").
const STARTING: &[u8] = b"57P03";

/// Maximum length of a server's own message, in characters.
const SENTENCE_MAX: usize = 1_000;

/// The longest answer to one statement, in bytes.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum WireError {
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Lost(#[from] io::Error),
    /// The server wants a password, and Dayfly has none.
    #[error("the server asks for a password")]
    Password,
    /// The server does not accept clients yet; its own message.
    #[error("{0}")]
    NotYet(String),
    /// The server refused the statement; its own message.
    #[error("{0}")]
    Refused(String),
    /// The answer breaks the protocol, or is too long.
    #[error("invalid answer from the server: {0}")]
    Strange(&'static str),
}

/// A connection to a server that accepts clients.
pub(crate) struct Wire<S> {
    stream: BufReader<S>,
}

/// The first message of a client, with the names of its role and database.
pub(crate) fn hello(user: &str, database: &str) -> Vec<u8> {
    let words = format!("user\0{user}\0database\0{database}\0\0");
    let words = [&VERSION.to_be_bytes(), words.as_bytes()].concat();
    framed(&words)
}

/// Whether the answer to the first message is that the server is still recovering.
pub(crate) fn is_starting(answer: &[u8]) -> bool {
    let said = [b"C", STARTING, b"\0"].concat();
    answer.starts_with(b"E") && answer.windows(said.len()).any(|field| field == said)
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// Sends the first message and waits until the server is ready.
    pub(crate) async fn begin(stream: S, user: &str, database: &str) -> Result<Self, WireError> {
        let stream = BufReader::new(stream);
        let mut wire = Self { stream };
        wire.stream.write_all(&hello(user, database)).await?;
        wire.answer().await?;
        Ok(wire)
    }

    /// Sends one statement and returns its rows: one line each, columns separated by `|`, like
    /// the undecorated output of the server's own client.
    pub(crate) async fn query(&mut self, statement: &str) -> Result<String, WireError> {
        let text = framed(&[statement.as_bytes(), b"\0"].concat());
        self.stream.write_all(&[b"Q", &text[..]].concat()).await?;
        self.answer().await
    }

    /// Reads until the server waits for the next statement.
    async fn answer(&mut self) -> Result<String, WireError> {
        let mut rows = String::new();
        let mut refusal = None;
        let mut left = ANSWER_BYTES_MAX;
        loop {
            let kind = self.stream.read_u8().await?;
            let length = self.stream.read_u32().await? as usize;
            let length = length
                .checked_sub(size_of::<u32>())
                .ok_or(WireError::Strange("a message without a length"))?;
            left = left
                .checked_sub(length + 1)
                .ok_or(WireError::Strange("too long"))?;
            let mut body = vec![0; length];
            self.stream.read_exact(&mut body).await?;
            let body = Bytes::from(body);
            match kind {
                b'Z' => return refusal.map_or(Ok(rows), |why| Err(WireError::Refused(why))),
                // Only an OK is acceptable; anything else asks for authentication.
                b'R' if body[..] != [0; 4] => return Err(WireError::Password),
                b'D' => {
                    row(body, &mut rows).ok_or(WireError::Strange("a truncated row"))?;
                }
                b'E' if field(&body, b'C') == Some(STARTING) => {
                    return Err(WireError::NotYet(sentence(&body)));
                }
                b'E' => {
                    let why = sentence(&body);
                    // After a fatal error the server hangs up; after others it waits for a
                    // statement.
                    if is_final(&body) {
                        return Err(WireError::Refused(why));
                    }
                    refusal = Some(why);
                }
                // The server waits for data.
                b'G' | b'W' => return Err(WireError::Strange("it waits for input")),
                // Column names, notices, settings.
                _ => {}
            }
        }
    }
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len() + size_of::<u32>()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), message].concat()
}

/// Appends a row. A null column becomes an empty one.
fn row(mut body: Bytes, rows: &mut String) -> Option<()> {
    let columns = body.try_get_u16().ok()?;
    for column in 0..columns {
        if column > 0 {
            rows.push('|');
        }
        let length = body.try_get_i32().ok()?;
        if let Ok(length) = usize::try_from(length) {
            let value = (length <= body.len()).then(|| body.split_to(length))?;
            rows.push_str(&String::from_utf8_lossy(&value));
        }
    }
    rows.push('\n');
    Some(())
}

/// A field of an error: each is a letter and a text.
fn field(body: &[u8], letter: u8) -> Option<&[u8]> {
    let mut fields = body.split(|&byte| byte == 0);
    fields.find_map(|field| field.strip_prefix(&[letter]))
}

fn sentence(body: &[u8]) -> String {
    let Some(message) = field(body, b'M') else {
        return "an error without a message".to_owned();
    };
    let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
    let message = String::from_utf8_lossy(message);
    message.chars().take(SENTENCE_MAX).map(plain).collect()
}

/// Whether the connection ends with this error. Field `V` is never translated; servers before 9.6
/// do not send it.
fn is_final(body: &[u8]) -> bool {
    field(body, b'V').is_none_or(|word| word != b"ERROR")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result of a statement if a connected server sends these bytes.
    async fn answer_to(said: &[u8]) -> Result<String, WireError> {
        let (ours, mut theirs) = tokio::io::duplex(2 * ANSWER_BYTES_MAX);
        theirs.write_all(&message(b'R', &[0; 4])).await.unwrap();
        theirs.write_all(&message(b'Z', b"I")).await.unwrap();
        theirs.write_all(said).await.unwrap();
        theirs.shutdown().await.unwrap();
        Wire::begin(ours, "app", "app")
            .await?
            .query("select 1")
            .await
    }

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind], &framed(body)[..]].concat()
    }

    #[tokio::test]
    async fn rows_are_lines_and_columns_are_divided() {
        let mut said = message(b'T', b"names");
        said.extend(message(b'N', b"VNOTICE\0Mwell\0\0"));
        said.extend(message(b'D', b"\0\x02\0\0\0\x01a\0\0\0\x02bc"));
        said.extend(message(b'D', b"\0\x02\xff\xff\xff\xff\0\0\0\0"));
        said.extend(message(b'C', b"SELECT 2\0"));
        said.extend(message(b'Z', b"I"));
        assert_eq!(answer_to(&said).await.unwrap(), "a|bc\n|\n");
    }

    #[tokio::test]
    async fn the_servers_own_sentence_is_told() {
        let mut said = message(b'E', b"SFEHLER\0VERROR\0C42P01\0Mno such table\0\0");
        said.extend(message(b'Z', b"I"));
        assert_eq!(
            answer_to(&said).await.unwrap_err().to_string(),
            "no such table"
        );
        let said = message(b'E', b"SFATAL\0VFATAL\0C57P01\0Mgoing down\0\0");
        assert_eq!(
            answer_to(&said).await.unwrap_err().to_string(),
            "going down"
        );
    }

    #[tokio::test]
    async fn a_server_that_lets_nobody_in_yet_is_none_that_refuses() {
        let said = message(b'E', b"SFATAL\0VFATAL\0C57P03\0Mstarting\nup\0\0");
        let answer = answer_to(&said).await;
        assert!(
            matches!(&answer, Err(WireError::NotYet(why)) if why == "starting up"),
            "{answer:?}"
        );
    }

    #[tokio::test]
    async fn what_a_hostile_server_says_ends() {
        let endless = message(b'N', &[0; 1024]).repeat(ANSWER_BYTES_MAX / 1024);
        let hostile: [&[u8]; 6] = [
            b"D\x7f\xff\xff\xff",
            b"Z\0\0\0\0",
            &message(b'D', b"\0\x01\0\0\0\x09short"),
            &message(b'D', b"\xff\xff"),
            &message(b'G', b"\0\0\0"),
            &endless,
        ];
        for said in hostile {
            let answer = answer_to(said).await;
            assert!(matches!(answer, Err(WireError::Strange(_))), "{answer:?}");
        }
        assert!(matches!(answer_to(b"D").await, Err(WireError::Lost(_))));
    }

    #[tokio::test]
    async fn a_password_is_never_given() {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        theirs
            .write_all(&message(b'R', &[0, 0, 0, 3]))
            .await
            .unwrap();
        let begun = Wire::begin(ours, "app", "app").await;
        assert!(matches!(begun, Err(WireError::Password)));
    }
}
