//! Input and output of a program in a server's container.

use std::io::{self, Read};

use bytes::{Buf as _, Bytes};

use super::script::Script;
use crate::{content::Content, docker::image_facts::variable};

/// The input of a program.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// These bytes.
    Bytes(Bytes),
    /// The content of a file.
    File(Content),
    /// The processed script.
    Script(Script),
}

impl Input {
    /// Reads it, on a thread that may block.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub(super) fn reader(self) -> io::Result<Box<dyn Read + Send>> {
        match self {
            Self::Bytes(bytes) => Ok(Box::new(bytes.reader())),
            Self::File(content) => content.reader(),
            Self::Script(script) => script.reader(),
        }
    }
}

/// One run of a program in a container.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    /// Program and arguments.
    pub(super) arguments: Vec<String>,
    /// Its variables in addition to the container's.
    pub(super) env: Vec<String>,
    /// Its user; `None` is the container's user.
    pub(super) user: Option<String>,
    /// Its input.
    pub(super) input: Option<Input>,
}

impl Run {
    /// A program with these arguments.
    pub(crate) fn new(words: &[&str]) -> Self {
        Self {
            arguments: words.iter().map(|&word| word.to_owned()).collect(),
            ..Self::default()
        }
    }

    /// Sets this text as its input.
    pub(super) fn reading(mut self, text: impl Into<Bytes>) -> Self {
        self.input = Some(Input::Bytes(text.into()));
        self
    }

    /// Sets a file's content as its input.
    pub(super) fn reading_file(mut self, content: Content) -> Self {
        self.input = Some(Input::File(content));
        self
    }

    /// Puts the server's programs first on the path; `env` are the variables of its container.
    pub(super) fn finding(self, programs: Option<&str>, env: &[String]) -> Self {
        match (programs, variable(env, "PATH")) {
            (Some(programs), Some(path)) => self.with("PATH", &format!("{programs}:{path}")),
            _ => self,
        }
    }

    /// Sets this variable.
    pub(super) fn with(mut self, key: &str, value: &str) -> Self {
        self.env.push(format!("{key}={value}"));
        self
    }
}

/// Why a program did not get all of its input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The input is invalid.
    Unfit(String),
    /// The input could not be read; a retry may work.
    Unread(String),
}

/// The result of a run.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) exit_code: i64,
    pub(super) output: String,
    pub(super) errors: String,
    /// Why it did not get all of its input.
    pub(super) broken_input: Option<Broken>,
}

impl Answer {
    pub(super) fn succeeded(&self) -> bool {
        self.exit_code == 0 && self.broken_input.is_none()
    }

    /// The last error line.
    pub(super) fn last_error(&self) -> String {
        let last = self
            .errors
            .lines()
            .chain(self.output.lines())
            .map(str::trim)
            .rfind(|line| !line.is_empty());
        last.map_or_else(|| format!("exit code {}", self.exit_code), str::to_owned)
    }
}
