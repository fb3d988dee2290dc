//! Quotes names and literals for SQL.

/// A quoted name.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The connection string of a database, with backslash escapes ("libpq: Connection Strings").
pub(crate) fn connection(database: &[u8]) -> Vec<u8> {
    let mut text = b"dbname='".to_vec();
    for &byte in database {
        if matches!(byte, b'\'' | b'\\') {
            text.push(b'\\');
        }
        text.push(byte);
    }
    text.push(b'\'');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_are_names() {
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(connection(b"it's"), b"dbname='it\\'s'");
    }
}
