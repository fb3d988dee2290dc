//! Reads the configuration: the value of each key, its place, and errors about it.

use std::{collections::BTreeMap, path::Path};

use deploy::blueprint::nearest;
use toml::de::{DeTable, DeValue};

use super::keys::{KEYS, OLD_NAMES, environment_name, names_of};

/// What is wrong with the configuration, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {file}: {why}")]
    Unreadable {
        /// The file.
        file: String,
        /// The error of the system.
        why: std::io::Error,
    },
    /// An error in a line of the file.
    #[error("{file}:{line}: {message}")]
    Line {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong and what to do.
        message: String,
    },
    /// An error about the value of a key, in a file or a variable.
    #[error("{place}: {message}")]
    Value {
        /// The file and the line, or the variable.
        place: String,
        /// What is wrong and what to do.
        message: String,
    },
}

/// A value with the place it came from.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) values: Vec<String>,
    pub(super) place: String,
    /// The whole text of a variable: for a key with one value, a comma is part of the value.
    text: Option<String>,
}

impl Given {
    /// The file that it comes from; none for a variable.
    pub(super) fn file(&self) -> Option<&Path> {
        let (file, line) = self.place.rsplit_once(':')?;
        line.parse::<usize>().ok().map(|_| Path::new(file))
    }

    fn from_variable(place: String, value: &str) -> Self {
        let values = value.split(',').map(|part| part.trim().to_owned());
        Self {
            values: values.collect(),
            place,
            text: Some(value.trim().to_owned()),
        }
    }

    /// Its value, if there is only one.
    pub(super) fn single(&self) -> Option<&String> {
        let listed = match self.values.as_slice() {
            [value] => Some(value),
            _ => None,
        };
        self.text.as_ref().or(listed)
    }
}

/// All given values, by key.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    given: BTreeMap<&'static str, Given>,
}

impl Keys {
    /// Reads the file, if there is one. The environment overrides it.
    pub(super) fn read(
        file: Option<&Path>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let mut keys = Self::default();
        if let Some(path) = file {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path).map_err(|why| ConfigError::Unreadable {
                file: name.clone(),
                why,
            })?;
            keys.take_file(&name, &text)?;
        }
        for (key, _) in KEYS {
            let mut values = names_of(key).map(environment_name).filter_map(|name| {
                let value = variable(&name)?;
                Some(Given::from_variable(name, &value))
            });
            if let Some(given) = values.next() {
                keys.given.insert(key, given);
            }
            if let Some(again) = values.next() {
                return Err(wrong(&again, given_twice(key)));
            }
        }
        Ok(keys)
    }

    fn take_file(&mut self, name: &str, text: &str) -> Result<(), ConfigError> {
        let at = |offset: usize| text.get(..offset).unwrap_or(text).matches('\n').count() + 1;
        let root = DeTable::parse(text).map_err(|error| ConfigError::Line {
            file: name.to_owned(),
            line: at(error.span().map_or(0, |span| span.start)),
            message: error.message().trim().replace('\n', ", "),
        })?;
        for (key, value) in root.get_ref() {
            let line = at(key.span().start);
            match value.get_ref() {
                DeValue::Table(section) => {
                    if section.is_empty() && !is_section(key.get_ref()) {
                        return Err(ConfigError::Line {
                            file: name.to_owned(),
                            line,
                            message: format!("unknown section [{}]", key.get_ref()),
                        });
                    }
                    for (inner, value) in section {
                        let line = at(inner.span().start);
                        let full = format!("{}.{}", key.get_ref(), inner.get_ref());
                        self.take_key(name, line, &full, value.get_ref())?;
                    }
                }
                value => self.take_key(name, line, key.get_ref(), value)?,
            }
        }
        Ok(())
    }

    fn take_key(
        &mut self,
        file: &str,
        line: usize,
        key: &str,
        value: &DeValue<'_>,
    ) -> Result<(), ConfigError> {
        let wrong = |message: String| ConfigError::Line {
            file: file.to_owned(),
            line,
            message,
        };
        let old = OLD_NAMES.iter().find(|(old, _)| *old == key);
        let key = old.map_or(key, |(_, today)| *today);
        let Some((known, _)) = KEYS.iter().find(|(known, _)| *known == key) else {
            return Err(wrong(unknown(key)));
        };
        let values = match value {
            DeValue::Array(items) => items.iter().map(|item| scalar(item.get_ref())).collect(),
            single => scalar(single).map(|text| vec![text]),
        };
        let values = values.ok_or_else(|| {
            wrong(format!(
                "{key} has to be text, a number, true, false, or a list of these"
            ))
        })?;
        let given = Given {
            values,
            place: format!("{file}:{line}"),
            text: None,
        };
        match self.given.insert(known, given) {
            Some(_) => Err(wrong(given_twice(known))),
            None => Ok(()),
        }
    }

    pub(super) fn get(&self, key: &'static str) -> Option<&Given> {
        debug_assert!(
            KEYS.iter().any(|(known, _)| *known == key),
            "{key} is not a key"
        );
        self.given.get(key)
    }

    /// Whether anything of a section was given.
    pub(super) fn has_section(&self, section: &str) -> bool {
        self.given.keys().any(|key| {
            key.strip_prefix(section)
                .is_some_and(|k| k.starts_with('.'))
        })
    }

    /// Every value of a key that takes a list; none where it was not given.
    pub(super) fn list<T: std::str::FromStr>(
        &self,
        key: &'static str,
        form: &str,
    ) -> Result<Vec<T>, ConfigError> {
        let Some(given) = self.get(key) else {
            return Ok(Vec::new());
        };
        let parsed = |value: &String| {
            let wrong = |_| wrong(given, format!("{key}: {value:?} has to be {form}"));
            value.parse().map_err(wrong)
        };
        given.values.iter().map(parsed).collect()
    }

    /// One value, parsed; `form` says what it has to look like.
    pub(super) fn parse<T: std::str::FromStr>(
        &self,
        key: &'static str,
        form: &str,
    ) -> Result<Option<T>, ConfigError> {
        let Some(given) = self.get(key) else {
            return Ok(None);
        };
        let Some(value) = given.single() else {
            return Err(wrong(given, format!("{key} takes one value")));
        };
        if value.is_empty() {
            return Err(wrong(given, format!("{key} is empty; it has to be {form}")));
        }
        match value.parse() {
            Ok(parsed) => Ok(Some(parsed)),
            Err(_) => Err(wrong(
                given,
                format!("{key} is {value:?}; it has to be {form}"),
            )),
        }
    }
}

/// Whether there are keys in a section of this name.
fn is_section(name: &str) -> bool {
    let inside = |known: &str| {
        known
            .split_once('.')
            .is_some_and(|(section, _)| section == name)
    };
    KEYS.iter().any(|(known, _)| inside(known))
}

/// The error about a key that does not exist, with the most likely key.
fn unknown(key: &str) -> String {
    if is_section(key) {
        return format!("{key} is a section: write [{key}], and its keys on the lines below");
    }
    let last = |key: &str| key.rsplit('.').next().map(str::to_owned);
    let elsewhere = KEYS.iter().find(|(known, _)| last(known) == last(key));
    if let Some((known, _)) = elsewhere {
        return match known.split_once('.') {
            Some((section, word)) => {
                format!("unknown key {key:?}; {word} belongs in the section [{section}]")
            }
            None => format!("unknown key {key:?}; {known} belongs above all sections"),
        };
    }
    let all: Vec<&str> = KEYS.iter().map(|(known, _)| *known).collect();
    let hint =
        nearest(key, &all).map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"));
    format!("unknown key {key:?}{hint}")
}

fn given_twice(key: &str) -> String {
    format!("{key} is given twice, by this name or an older one; remove one")
}

/// An error about a value, with its place.
pub(super) fn wrong(given: &Given, message: String) -> ConfigError {
    ConfigError::Value {
        place: given.place.clone(),
        message,
    }
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => {
            let number = i128::from_str_radix(&number.as_str().replace('_', ""), number.radix());
            number.ok().map(|number| number.to_string())
        }
        DeValue::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}
