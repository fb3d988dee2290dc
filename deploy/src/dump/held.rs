//! What a reader holds of a script, and what it hands on.

/// What was read and not yet judged, and what can be taken.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// What was read since the last end.
    pub(super) pending: Vec<u8>,
    /// Where in it the statement begins, where one does.
    pub(super) begins: Option<usize>,
    /// What is taken next, from `taken` on.
    pub(super) out: Vec<u8>,
    taken: usize,
    /// Lines that were handed on.
    pub(super) lines: u64,
}

impl Held {
    /// How much of what is pending comes before the statement.
    pub(super) fn before(&self) -> usize {
        self.begins.unwrap_or(self.pending.len())
    }

    /// Puts text in place of the statement; its lines are kept by empty ones.
    pub(super) fn replace(&mut self, begins: usize, text: &[u8]) {
        let gone = count_lines(&self.pending[begins..]).saturating_sub(count_lines(text));
        self.pending.truncate(begins);
        self.pending.extend_from_slice(text);
        let length = self.pending.len() + usize::try_from(gone).unwrap_or(0);
        self.pending.resize(length, b'\n');
    }

    /// Hands on what is pending.
    pub(super) fn flush(&mut self) {
        self.lines += count_lines(&self.pending);
        self.out.append(&mut self.pending);
        self.begins = None;
    }

    /// Hands on text that was never pending.
    pub(super) fn push(&mut self, text: &[u8]) {
        self.out.extend_from_slice(text);
        self.lines += count_lines(text);
    }

    /// Whether everything that was handed on was taken.
    pub(super) fn is_taken(&mut self) -> bool {
        let taken = self.taken == self.out.len();
        if taken {
            self.out.clear();
            self.taken = 0;
        }
        taken
    }

    /// Gives as much as fits; answers how much.
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
