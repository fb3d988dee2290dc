//! The checksums of a tar's records: written along with an archive, and verified while it is read.

use std::{
    cell::RefCell,
    io::{self, Read, Write},
    mem,
};

use aws_lc_rs::digest::{Context, SHA256};

use super::{CHECKSUMS, reading::refusal};

/// Every record of a tar is made of blocks of this many bytes.
const BLOCK_BYTES: usize = 512;
/// A list of checksums is written after this many records.
const LIST_RECORDS: usize = 4096;
/// A list may be late by as many records as belong to one file: names, times, and the file.
const LATE_RECORDS_MAX: usize = 16;
/// The longest list: a line of hex for each record.
const LIST_BYTES_MAX: usize = (LIST_RECORDS + LATE_RECORDS_MAX) * 65;
/// How much of a record's name is kept for people.
const NAME_CHARS_MAX: usize = 200;

/// The part of a record that comes next.
enum Part {
    /// The header, which says how long the record is.
    Head,
    /// More about the holes of a file, each block saying whether another one follows.
    Holes { content_bytes: u64 },
    /// The content, with the padding of its last block.
    Content { left_bytes: u64 },
    /// Nothing more: the tar has ended.
    Over,
}

/// How far [`Records::take`] came.
#[derive(PartialEq, Eq)]
enum Reached {
    /// The middle of a record.
    Middle,
    /// The end of a header; the rest of its record follows.
    Head,
    /// The end of a record.
    End,
    /// The end of the tar: an empty header.
    Over,
}

/// Cuts a stream into the records of a tar.
struct Records {
    part: Part,
    /// The block read so far, where the whole block is needed.
    block: Vec<u8>,
    digest: Context,
    name: String,
    /// Whether it only says something about the record that follows.
    is_about_next: bool,
}

/// A complete record.
struct Record {
    /// In hex.
    sha256: String,
    name: String,
}

impl Records {
    fn new() -> Self {
        Self {
            part: Part::Head,
            block: Vec::with_capacity(BLOCK_BYTES),
            digest: Context::new(&SHA256),
            name: String::new(),
            is_about_next: false,
        }
    }

    /// Takes bytes up to the next boundary; returns their number and the boundary.
    fn take(&mut self, bytes: &[u8]) -> io::Result<(usize, Reached)> {
        match self.part {
            Part::Head | Part::Holes { .. } => {
                let length = bytes.len().min(BLOCK_BYTES - self.block.len());
                self.block.extend_from_slice(&bytes[..length]);
                if self.block.len() < BLOCK_BYTES {
                    return Ok((length, Reached::Middle));
                }
                let block = mem::replace(&mut self.block, Vec::with_capacity(BLOCK_BYTES));
                Ok((length, self.take_block(&block)?))
            }
            Part::Content { left_bytes } => {
                let most = usize::try_from(left_bytes).unwrap_or(usize::MAX);
                let length = bytes.len().min(most);
                self.digest.update(&bytes[..length]);
                Ok((length, self.content(left_bytes - length as u64)))
            }
            Part::Over => Ok((bytes.len(), Reached::Middle)),
        }
    }

    fn take_block(&mut self, block: &[u8]) -> io::Result<Reached> {
        if let Part::Holes { content_bytes } = self.part {
            self.digest.update(block);
            // In the GNU format a flag at the end of the block says whether another one follows.
            let more = block.get(504).is_some_and(|flag| *flag == 1);
            return Ok(match more {
                true => Reached::Middle,
                false => self.content(content_bytes),
            });
        }
        if block.iter().all(|byte| *byte == 0) {
            self.part = Part::Over;
            return Ok(Reached::Over);
        }
        self.digest = Context::new(&SHA256);
        self.digest.update(block);
        let mut header = tar::Header::new_old();
        header.as_mut_bytes().copy_from_slice(block);
        let size = header.entry_size()?;
        let filled = size.checked_next_multiple_of(BLOCK_BYTES as u64);
        let content_bytes =
            filled.ok_or_else(|| refusal("a record of the archive has an impossible size"))?;
        let kind = header.entry_type();
        self.is_about_next = matches!(kind.as_byte(), b'L' | b'K' | b'x' | b'g');
        let name = String::from_utf8_lossy(&header.path_bytes()).into_owned();
        self.name = name.chars().take(NAME_CHARS_MAX).collect();
        let has_more_holes =
            kind.is_gnu_sparse() && header.as_gnu().is_some_and(tar::GnuHeader::is_extended);
        self.part = match has_more_holes {
            true => Part::Holes { content_bytes },
            false => Part::Content {
                left_bytes: content_bytes,
            },
        };
        Ok(Reached::Head)
    }

    fn content(&mut self, left_bytes: u64) -> Reached {
        if left_bytes > 0 {
            self.part = Part::Content { left_bytes };
            return Reached::Middle;
        }
        self.part = Part::Head;
        Reached::End
    }

    /// Whether a record without content has just begun, and so ended.
    fn is_empty(&self) -> bool {
        matches!(self.part, Part::Content { left_bytes: 0 })
    }

    /// The record that has just ended.
    fn record(&mut self) -> Record {
        self.part = Part::Head;
        let digest = mem::replace(&mut self.digest, Context::new(&SHA256));
        Record {
            sha256: hex::encode(digest.finish()),
            name: mem::take(&mut self.name),
        }
    }
}

/// Writes a tar to `sink`, and inserts the checksums of all records. Bytes after the end of the tar
/// pass unchanged.
pub(super) struct Summed<W> {
    sink: W,
    records: Records,
    list: String,
    listed: usize,
    lists: usize,
}

impl<W: Write> Summed<W> {
    pub(super) fn new(sink: W) -> Self {
        Self {
            sink,
            records: Records::new(),
            list: String::new(),
            listed: 0,
            lists: 0,
        }
    }

    fn note_record(&mut self) -> io::Result<()> {
        let record = self.records.record();
        self.list.push_str(&record.sha256);
        self.list.push('\n');
        self.listed += 1;
        if self.listed >= LIST_RECORDS && !self.records.is_about_next {
            self.write_list()?;
        }
        Ok(())
    }

    fn write_list(&mut self) -> io::Result<()> {
        self.lists += 1;
        let list = mem::take(&mut self.list);
        self.listed = 0;
        let mut header = tar::Header::new_gnu();
        header.set_path(format!("{CHECKSUMS}/{:06}", self.lists))?;
        header.set_size(list.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(0);
        header.set_cksum();
        self.sink.write_all(header.as_bytes())?;
        self.sink.write_all(list.as_bytes())?;
        let fill = list.len().next_multiple_of(BLOCK_BYTES) - list.len();
        self.sink.write_all(&[0; BLOCK_BYTES][..fill])
    }
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let begun = self.records.block.clone();
            let (length, reached) = self.records.take(rest)?;
            let (taken, left) = rest.split_at(length);
            rest = left;
            // The last list comes before the end of the tar, so a header is only written once
            // complete.
            match reached {
                Reached::Middle if !self.records.block.is_empty() => continue,
                Reached::Over if self.listed > 0 => self.write_list()?,
                _ => {}
            }
            self.sink.write_all(&begun)?;
            self.sink.write_all(taken)?;
            if reached == Reached::End || (reached == Reached::Head && self.records.is_empty()) {
                self.note_record()?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// Verifies the records of an archive by its checksums. The reader and the check at the end share
/// it.
pub(super) struct Sums(RefCell<State>);

struct State {
    records: Records,
    /// Records whose checksums have not been read yet.
    pending: Vec<Record>,
    /// The list that is being read.
    list: Option<Vec<u8>>,
    is_over: bool,
    is_checked: bool,
}

impl Sums {
    pub(super) fn new() -> Self {
        Self(RefCell::new(State {
            records: Records::new(),
            pending: Vec::new(),
            list: None,
            is_over: false,
            is_checked: true,
        }))
    }

    /// The archive is of a format without checksums.
    pub(super) fn expect_none(&self) {
        let mut state = self.0.borrow_mut();
        state.is_checked = false;
        state.pending.clear();
    }

    /// Checks, at the end of an archive, that every record was verified.
    ///
    /// # Errors
    /// Where the checksum of a record is missing.
    pub(super) fn expect_all(&self) -> io::Result<()> {
        let state = self.0.borrow();
        match state.is_checked && (!state.pending.is_empty() || state.list.is_some()) {
            true => Err(missing()),
            false => Ok(()),
        }
    }
}

impl State {
    fn read(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while self.is_checked && !self.is_over && !bytes.is_empty() {
            let (length, reached) = self.records.take(bytes)?;
            let (taken, rest) = bytes.split_at(length);
            bytes = rest;
            if let Some(list) = &mut self.list
                && reached != Reached::Head
            {
                list.extend_from_slice(taken);
            }
            match reached {
                Reached::Middle => {}
                Reached::Over => self.is_over = true,
                Reached::Head => self.begin()?,
                Reached::End => self.end()?,
            }
        }
        Ok(())
    }

    fn begin(&mut self) -> io::Result<()> {
        let name = &self.records.name;
        if name.split('/').next() == Some(CHECKSUMS) {
            let fits = match self.records.part {
                Part::Content { left_bytes } => left_bytes <= LIST_BYTES_MAX as u64 + 512,
                _ => false,
            };
            if !fits {
                return Err(refusal("the checksums of the archive are malformed"));
            }
            self.list = Some(Vec::new());
        } else if self.pending.len() > LIST_RECORDS + LATE_RECORDS_MAX {
            return Err(missing());
        }
        match self.records.is_empty() {
            true => self.end(),
            false => Ok(()),
        }
    }

    fn end(&mut self) -> io::Result<()> {
        let record = self.records.record();
        let Some(list) = self.list.take() else {
            self.pending.push(record);
            return Ok(());
        };
        let text = String::from_utf8_lossy(&list);
        let mut lines = text.trim_end_matches('\0').lines();
        for record in self.pending.drain(..) {
            if lines.next() != Some(&record.sha256) {
                return Err(refusal(format!(
                    "the archive is damaged: wrong checksum of {}",
                    crate::text::plain(&record.name)
                )));
            }
        }
        match lines.next() {
            Some(_) => Err(refusal("the archive is damaged: a record is missing")),
            None => Ok(()),
        }
    }
}

fn missing() -> io::Error {
    refusal("the archive is damaged: checksums are missing")
}

/// Reads an archive and verifies its checksums.
pub(super) struct Held<'a, R> {
    archive: R,
    sums: &'a Sums,
}

impl<'a, R> Held<'a, R> {
    pub(super) fn new(archive: R, sums: &'a Sums) -> Self {
        Self { archive, sums }
    }
}

impl<R: Read> Read for Held<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.archive.read(into)?;
        self.sums.0.borrow_mut().read(&into[..length])?;
        Ok(length)
    }
}
