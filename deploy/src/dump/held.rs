//! Buffers the part of a script that is not judged yet, and the output that is not taken yet.

/// Input that is not judged yet, and output that can be taken.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Input since the last end of a statement.
    pub(super) pending: Vec<u8>,
    /// Index in `pending` where the statement begins, if one does.
    pub(super) begins: Option<usize>,
    /// Output, to be taken from `taken` on.
    pub(super) out: Vec<u8>,
    taken: usize,
    /// Number of lines that were handed on.
    pub(super) lines: u64,
}

impl Held {
    /// Length of the pending input before the statement.
    pub(super) fn before(&self) -> usize {
        self.begins.unwrap_or(self.pending.len())
    }

    /// Replaces the statement with `text`; empty lines keep the line count.
    pub(super) fn replace(&mut self, begins: usize, text: &[u8]) {
        let gone = count_lines(&self.pending[begins..]).saturating_sub(count_lines(text));
        self.pending.truncate(begins);
        self.pending.extend_from_slice(text);
        let length = self.pending.len() + usize::try_from(gone).unwrap_or(0);
        self.pending.resize(length, b'\n');
    }

    /// Hands on the pending input.
    pub(super) fn flush(&mut self) {
        self.lines += count_lines(&self.pending);
        self.out.append(&mut self.pending);
        self.begins = None;
    }

    /// Hands on additional text.
    pub(super) fn push(&mut self, text: &[u8]) {
        self.out.extend_from_slice(text);
        self.lines += count_lines(text);
    }

    /// Whether all output was taken.
    pub(super) fn is_taken(&mut self) -> bool {
        let taken = self.taken == self.out.len();
        if taken {
            self.out.clear();
            self.taken = 0;
        }
        taken
    }

    /// Fills the buffer as far as possible; returns the number of bytes.
    pub(super) fn take(&mut self, buffer: &mut [u8]) -> usize {
        let waiting = &self.out[self.taken..];
        let length = waiting.len().min(buffer.len());
        buffer[..length].copy_from_slice(&waiting[..length]);
        self.taken += length;
        length
    }
}

fn count_lines(text: &[u8]) -> u64 {
    text.iter().map(|&byte| u64::from(byte == b'\n')).sum()
}
