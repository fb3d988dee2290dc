//! A table of `dayfly.toml` with line numbers for errors.

use std::{borrow::Cow, collections::BTreeMap, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::words;
use crate::blueprint::{
    BlueprintError, Command,
    draft::{Place, Placed},
    nearest::nearest,
};

/// The file that is read.
pub(super) struct Source<'a> {
    pub(super) file: &'a str,
    pub(super) text: &'a str,
}

impl Source<'_> {
    /// The line of a position.
    pub(super) fn place(&self, at: &Range<usize>) -> Place {
        let before = self
            .text
            .get(..at.start.min(self.text.len()))
            .unwrap_or(self.text);
        Place {
            file: self.file.into(),
            line: before.matches('\n').count() + 1,
        }
    }
}

/// A value with its position.
pub(super) type At<T> = (T, Range<usize>);

/// A name and its table.
pub(super) type Named<'a> = (&'a str, Section<'a>);

/// A key and its value.
pub(super) type Pair<'a> = (&'a Spanned<Cow<'a, str>>, &'a Spanned<DeValue<'a>>);

/// One table.
#[derive(Clone)]
pub(super) struct Section<'a> {
    pub(super) source: &'a Source<'a>,
    /// Its header as written, such as `[services.web]`.
    pub(super) name: String,
    pub(super) at: Range<usize>,
    pub(super) table: &'a DeTable<'a>,
}

impl<'a> Section<'a> {
    /// The table that is the value of `key`, at the position `at`.
    pub(super) fn inner(&self, key: &str, table: &'a DeTable<'a>, at: &Range<usize>) -> Self {
        Section {
            source: self.source,
            name: format!("{}.{key}]", self.name.trim_end_matches(']')),
            at: at.clone(),
            table,
        }
    }

    /// The line of the table's header.
    pub(super) fn place(&self) -> Place {
        self.source.place(&self.at)
    }

    /// A value with its line.
    pub(super) fn placed<T>(&self, (value, at): At<T>) -> Placed<T> {
        (value, self.source.place(&at))
    }

    /// An error at the header of the table.
    pub(super) fn error(&self, message: impl Into<String>) -> BlueprintError {
        self.place().error(message)
    }

    /// An error at a position of the file.
    pub(super) fn error_at(&self, at: &Range<usize>, message: impl Into<String>) -> BlueprintError {
        self.source.place(at).error(message)
    }

    /// Refuses keys that are not in `known`; keys in `later` get a message of their own.
    pub(super) fn expect(&self, known: &[&str], later: &[&str]) -> Result<(), BlueprintError> {
        for (key, _) in self.entries() {
            let (word, at) = (key.get_ref().as_ref(), key.span());
            if known.contains(&word) {
                continue;
            }
            if later.contains(&word) {
                return Err(self.error_at(&at, format!("`{word}` is not supported yet")));
            }
            let place = if self.name.is_empty() {
                String::new()
            } else {
                format!(" in {}", self.name)
            };
            let all: Vec<&str> = known.iter().chain(later).copied().collect();
            let hint = nearest(word, &all).map_or_else(
                || format!("known keys are {}", known.join(", ")),
                |near| format!("did you mean \"{near}\"?"),
            );
            return Err(self.error_at(&at, format!("unknown key {word:?}{place}; {hint}")));
        }
        Ok(())
    }

    /// The entries in file order.
    pub(super) fn entries(&self) -> Vec<Pair<'a>> {
        let mut entries: Vec<_> = self.table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        entries
    }

    /// The entries, each of which must be a table, with their names.
    pub(super) fn sections(&self) -> Result<Vec<Named<'a>>, BlueprintError> {
        let inside = |name: &str| match self.name.trim_matches(['[', ']']) {
            "" => format!("[{name}]"),
            outer => format!("[{outer}.{name}]"),
        };
        self.entries()
            .into_iter()
            .map(|(key, value)| {
                let name = inside(key.get_ref());
                let DeValue::Table(table) = value.get_ref() else {
                    return Err(self.wrong(&key.span(), key.get_ref(), "a table", value));
                };
                let section = Section {
                    source: self.source,
                    name,
                    at: key.span(),
                    table,
                };
                Ok((key.get_ref().as_ref(), section))
            })
            .collect()
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.get(key)
    }

    /// A non-empty string.
    pub(super) fn text(&self, key: &str) -> Result<Option<At<&'a str>>, BlueprintError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        match value.get_ref().as_str() {
            Some("") => Err(self.error_at(&value.span(), format!("`{key}` is empty"))),
            Some(text) if text.contains('\0') => {
                Err(self.error_at(&value.span(), format!("`{key}` contains a NUL")))
            }
            Some(text) => Ok(Some((text, value.span()))),
            None => Err(self.wrong(&value.span(), key, "a string", value)),
        }
    }

    pub(super) fn flag(&self, key: &str) -> Result<Option<At<bool>>, BlueprintError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let flag = value.get_ref().as_bool();
        let flag = flag.ok_or_else(|| self.wrong(&value.span(), key, "true or false", value))?;
        Ok(Some((flag, value.span())))
    }

    pub(super) fn integer(&self, key: &str) -> Result<Option<At<i64>>, BlueprintError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let wrong = || self.wrong(&value.span(), key, "a whole number", value);
        let integer = value.get_ref().as_integer().ok_or_else(wrong)?;
        let integer =
            i64::from_str_radix(integer.as_str(), integer.radix()).map_err(|_| wrong())?;
        Ok(Some((integer, value.span())))
    }

    pub(super) fn number(&self, key: &str) -> Result<Option<At<f64>>, BlueprintError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        if let Some(float) = value.get_ref().as_float() {
            let number = float.as_str().parse();
            let number = number.map_err(|_| self.wrong(&value.span(), key, "a number", value))?;
            return Ok(Some((number, value.span())));
        }
        let Some(integer) = value.get_ref().as_integer() else {
            return Err(self.wrong(&value.span(), key, "a number", value));
        };
        let number = i32::from_str_radix(integer.as_str(), integer.radix());
        let number = number.map_err(|_| self.wrong(&value.span(), key, "a number", value))?;
        Ok(Some((number.into(), value.span())))
    }

    /// A command: a string is split, an array is used unchanged.
    pub(super) fn command(&self, key: &str) -> Result<Option<At<Command>>, BlueprintError> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let at = value.span();
        if let Some(line) = value.get_ref().as_str() {
            let words = words::split(line);
            let words = words.map_err(|why| self.error_at(&at, format!("`{key}`: {why}")))?;
            return Ok(Some((Command(words), at)));
        }
        let wrong = || self.wrong(&at, key, "a string, or an array of strings", value);
        let array = value.get_ref().as_array().ok_or_else(wrong)?;
        let words: Option<Vec<String>> = array
            .iter()
            .map(|word| word.get_ref().as_str().map(str::to_owned))
            .collect();
        let words = words.ok_or_else(wrong)?;
        if words.first().is_none_or(String::is_empty) {
            return Err(self.error_at(&at, format!("`{key}` names no program")));
        }
        if words.iter().any(|word| word.contains('\0')) {
            return Err(self.error_at(&at, format!("`{key}` contains a NUL")));
        }
        Ok(Some((Command(words), at)))
    }

    /// A list of non-empty strings.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<At<String>>, BlueprintError> {
        let Some(value) = self.get(key) else {
            return Ok(Vec::new());
        };
        let wrong = |value: &Spanned<DeValue<'_>>| {
            self.wrong(&value.span(), key, "an array of strings", value)
        };
        let array = value.get_ref().as_array().ok_or_else(|| wrong(value))?;
        let text = |item: &Spanned<DeValue<'_>>| match item.get_ref().as_str() {
            Some(text) if !text.is_empty() => Ok((text.to_owned(), item.span())),
            _ => Err(wrong(item)),
        };
        array.iter().map(text).collect()
    }

    /// A table of strings.
    pub(super) fn strings(
        &self,
        key: &str,
    ) -> Result<BTreeMap<String, At<String>>, BlueprintError> {
        let Some(value) = self.get(key) else {
            return Ok(BTreeMap::new());
        };
        let Some(table) = value.get_ref().as_table() else {
            return Err(self.wrong(&value.span(), key, "a table of strings", value));
        };
        let mut strings = BTreeMap::new();
        for (name, value) in table {
            let Some(text) = value.get_ref().as_str() else {
                let name = format!("{key}.{}", name.get_ref());
                return Err(self.wrong(&value.span(), &name, "a string in quotes", value));
            };
            strings.insert(name.get_ref().to_string(), (text.to_owned(), name.span()));
        }
        Ok(strings)
    }

    /// The error for a value of the wrong type.
    pub(super) fn wrong(
        &self,
        at: &Range<usize>,
        key: &str,
        wanted: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> BlueprintError {
        let found = value.get_ref().type_str();
        self.error_at(
            at,
            format!("`{key}` must be {wanted}, but is of type {found}"),
        )
    }
}
