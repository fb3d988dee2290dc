//! Rows between the statements of a script.

use std::io;

use super::{Mode, ScriptReader};
use crate::dump::source::LONG_COMMAND;

/// The end of rows, after the last of them.
const ROWS_END: &[u8] = b"\n\\.";

impl ScriptReader {
    pub(super) fn read_row(&mut self) -> io::Result<()> {
        let from = self.held.out.len();
        let mut out = std::mem::take(&mut self.held.out);
        let read = self.source()?.line(&mut out);
        self.held.out = out;
        let whole = read?;
        let row = self.held.out[from..].trim_ascii_end();
        let is_nothing = self.held.out.len() == from;
        let is_end = row == b"\\." && whole && !self.row_is_open;
        if !whole {
            self.row_is_open = true;
            return Ok(());
        }
        // A file that ends right after a part of its last row.
        if std::mem::take(&mut self.row_is_open) && is_nothing {
            self.held.out.push(b'\n');
            self.source()?.line += 1;
            self.held.lines += 1;
            return Ok(());
        }
        if self.source()?.is_rows {
            return self.row_of_file(from, is_end, is_nothing);
        }
        if is_nothing {
            let why = "it ends in the middle of rows: the file is cut off; dump it again";
            return Err(self.refuse(why.to_owned()));
        }
        if is_end {
            self.mode = Mode::Statements;
            if std::mem::take(&mut self.commits) {
                self.held.out.extend_from_slice(b"commit; ");
            }
        }
        self.source()?.line += 1;
        self.held.lines += 1;
        Ok(())
    }

    /// Reads a row of a file that contains only rows. They end with the file, and not with the row
    /// that ends rows in a script.
    pub(super) fn row_of_file(
        &mut self,
        from: usize,
        is_end: bool,
        is_nothing: bool,
    ) -> io::Result<()> {
        if is_end {
            return Err(
                self.refuse("it has a row \\., which ends the rows; remove that row".to_owned())
            );
        }
        if is_nothing {
            self.held.out.extend_from_slice(b"\\.\n");
            self.sources.pop();
            self.mode = Mode::Statements;
        } else if !self.held.out[from..].ends_with(b"\n") {
            self.held.out.push(b'\n');
        }
        self.held.lines += 1;
        match is_nothing {
            true => self.locate(),
            false => self.source()?.line += 1,
        }
        Ok(())
    }

    /// Whether the input read so far contains the end of the next rows.
    pub(super) fn has_few_rows(&self) -> bool {
        let Some(source) = self.sources.last() else {
            return true;
        };
        let mut ahead = source.bytes.buffer().windows(ROWS_END.len());
        ahead.any(|bytes| bytes == ROWS_END)
    }

    /// Handles the line end after a statement that reads rows.
    pub(super) fn rest_before_rows(&mut self) -> io::Result<()> {
        let mut rest = Vec::new();
        let source = self.source()?;
        if !source.line(&mut rest)? {
            return Err(self.refuse(LONG_COMMAND.to_owned()));
        }
        source.line += 1;
        let rest = rest.trim_ascii();
        if !rest.is_empty() && !rest.starts_with(b"--") {
            let why = "text follows COPY … FROM stdin on its line; put it after the rows";
            return Err(self.refuse(why.to_owned()));
        }
        self.held.out.push(b'\n');
        self.held.lines += 1;
        self.mode = Mode::Rows;
        Ok(())
    }

    /// Replaces the line with the rows of a file and the statement that reads them.
    pub(super) fn rows_of(&mut self, statement: &[u8], path: &str) -> io::Result<()> {
        if self.mentions.is_some() {
            self.mention(path, false, false);
            self.end_line(false);
            return Ok(());
        }
        let mut source = self.find(path, false)?;
        source.is_rows = true;
        self.source()?.line += 1;
        self.held.pending.extend_from_slice(statement);
        self.held.pending.push(b'\n');
        self.flush();
        self.lexer.reset();
        self.mode = Mode::Rows;
        self.enter(source)
    }
}
