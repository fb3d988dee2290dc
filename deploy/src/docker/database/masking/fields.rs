//! Fields of a line from a server's client.

/// A field as text; `None` is null.
pub(super) fn field(text: &[u8]) -> Option<String> {
    let is_null = text == b"\\N";
    (!is_null).then(|| String::from_utf8_lossy(&unescaped(text)).into_owned())
}

/// A field without backslash escapes.
pub(super) fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            plain.push(byte);
            continue;
        }
        plain.push(match bytes.next() {
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'r') => b'\r',
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'v') => 11,
            Some(b'0') => 0,
            Some(other) => other,
            None => b'\\',
        });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_they_were() {
        assert_eq!(field(b"\\N"), None);
        assert_eq!(field(b"a\\tb\\\\n\\"), Some("a\tb\\n\\".to_owned()));
    }
}
