//! What looks personal in data that somebody brings, and what a mask left of it.
//!
//! Everything here is names and numbers. No value of the data is in it.

use serde::{Deserialize, Serialize};

use crate::{databases::SeedFile, terminal};

/// How many lines name what a mask left.
const LEFT_SHOWN: usize = 60;

/// A script that replaces what is personal, and what its author knows that it leaves.
#[derive(Clone, Debug)]
pub struct Mask {
    /// Run after the seed.
    pub script: SeedFile,
    /// What it may leave as it was, in the words of [`Found::accept`].
    pub accepted: Vec<String>,
    /// Whether the import is refused where the mask leaves something else.
    pub judged: bool,
}

/// What kind of place it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// A column of a table, a partition, or a materialised view.
    Column,
    /// A column of a foreign table.
    ForeignColumn,
    /// A key of the objects in a column of JSON.
    Key,
    /// The large objects of a database.
    LargeObjects,
    /// A foreign table, whose rows are elsewhere.
    ForeignTable,
    /// A database beside the application's.
    Database,
    /// A role that had a password.
    Role,
}

/// What is known of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is there; no mask ran.
    There,
    /// The values before and after the mask were compared. Empty ones and null do not count.
    Compared {
        /// How many of them are as some value of before.
        unchanged: u64,
        /// How many there are after the mask.
        of: u64,
        /// Whether these are a sample of the different values, each counted once.
        sampled: bool,
    },
    /// Fewer than half of the values after the mask can be as before, since there were too many different
    /// ones. Too few of them are in a sample to be counted.
    MostlyNew,
    /// The values could not be read, or not all of them, or too few of them are in a sample to tell.
    Unread,
    /// The mask cannot reach it, or does not go there.
    Unreached,
    /// It gives no rows to whoever asks, as the data are.
    Silent,
    /// It was left out when the data were loaded.
    LeftOut,
}

impl State {
    /// Whether more than half is as it was, as far as that is known.
    pub(crate) fn is_left(self) -> bool {
        match self {
            Self::Compared { unchanged, of, .. } => unchanged.saturating_mul(2) > of,
            Self::Unread | Self::Unreached => true,
            Self::There | Self::MostlyNew | Self::Silent | Self::LeftOut => false,
        }
    }
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing is to be done.
    Fine,
    /// The mask leaves it, and that was said to be right.
    Accepted,
    /// The mask leaves it.
    Left,
}

/// Something that looks personal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its name: `public.users.email`, with the database in front where that is not the application's; a key
    /// of JSON after a colon. One line of plain text.
    pub name: String,
    /// What it is.
    pub place: Place,
    /// What is known of its values.
    pub state: State,
    /// What becomes of it.
    pub verdict: Verdict,
    /// What has to be accepted for it: its own name, or that of what it belongs to.
    pub accept: String,
}

impl Found {
    /// Something with a name, of which nothing more is known yet.
    pub(crate) fn new(name: &str, place: Place) -> Self {
        let name = one_line(name);
        Self {
            accept: name.clone(),
            name,
            place,
            state: State::There,
            verdict: Verdict::Fine,
        }
    }

    /// A role whose password was left out.
    pub(crate) fn role(name: &str) -> Self {
        Self {
            state: State::LeftOut,
            ..Self::new(&format!("role:{name}"), Place::Role)
        }
    }

    /// Gives it what was found out, and the verdict that follows. Of `words`, any that is accepted will do.
    pub(crate) fn judge(&mut self, state: State, words: &[&str], accepted: &[String]) {
        self.state = state;
        let is_accepted = words.iter().any(|word| {
            let word = one_line(word);
            accepted.contains(&word)
        });
        let is_left = match (self.place, state) {
            (Place::LargeObjects, State::Compared { unchanged, .. }) => unchanged > 0,
            (Place::LargeObjects, State::MostlyNew) => true,
            _ => state.is_left(),
        };
        self.verdict = match (is_left, is_accepted) {
            (false, _) => Verdict::Fine,
            (true, true) => Verdict::Accepted,
            (true, false) => Verdict::Left,
        };
    }

    /// What is known of it, for people: nothing where only its name is.
    pub fn describe(&self) -> String {
        let what = match (self.place, self.state) {
            (_, State::There) => return self.name.clone(),
            (Place::LargeObjects, State::Compared { unchanged, of, .. }) => {
                format!("{unchanged} of {of} pages are as before")
            }
            (_, State::Compared { of: 0, .. }) => "no values".to_owned(),
            (
                _,
                State::Compared {
                    unchanged,
                    of,
                    sampled,
                },
            ) => {
                let values = if sampled {
                    "different values, a sample,"
                } else {
                    "values"
                };
                format!("{} {values} are as before", share(unchanged, of))
            }
            (_, State::LeftOut) => "its password is left out".to_owned(),
            (_, State::MostlyNew) => "fewer than half of its values are as before".to_owned(),
            (_, State::Unread) => "its values could not be compared".to_owned(),
            (Place::Database, _) => "the mask does not go there (\\connect)".to_owned(),
            (Place::ForeignTable, State::Unreached) => {
                "its rows are not in the database, and can be read through it".to_owned()
            }
            (_, State::Unreached) => "out of the mask's reach".to_owned(),
            (_, State::Silent) => {
                "its rows are not in the database, and cannot be read here".to_owned()
            }
        };
        let accepted = match self.verdict {
            Verdict::Accepted => ", accepted",
            Verdict::Fine | Verdict::Left => "",
        };
        format!("{}: {what}{accepted}", self.name)
    }
}

/// `12 % of 2000`.
fn share(unchanged: u64, of: u64) -> String {
    let percent = u128::from(unchanged) * 100 / u128::from(of.max(1));
    match (percent, unchanged) {
        (0, 1..) => format!("less than 1 % of {of}"),
        _ => format!("{percent} % of {of}"),
    }
}

/// Why data are not kept as masked: what the mask left, and what could be said of it.
pub(crate) fn refusal(mask: &str, found: &[Found]) -> String {
    let left: Vec<_> = found
        .iter()
        .filter(|found| found.verdict == Verdict::Left)
        .collect();
    let mut lines = vec![format!("{mask} leaves data of people as they were:")];
    let shown = left.iter().take(LEFT_SHOWN);
    lines.extend(shown.map(|found| format!("  {}", found.describe())));
    let more = left.len().saturating_sub(LEFT_SHOWN);
    if more > 0 {
        lines.push(format!("  and {more} more"));
    }
    let left_out = found.iter().filter(|found| found.state == State::LeftOut);
    let left_out: Vec<_> = left_out
        .map(|found| format!("  {}", found.describe()))
        .collect();
    let mut words: Vec<&str> = Vec::new();
    for found in &left {
        if !words.contains(&found.accept.as_str()) {
            words.push(&found.accept);
        }
    }
    let flags = words
        .iter()
        .map(|word| format!(" --accept {}", argument(word)));
    let flags: String = flags.take(LEFT_SHOWN).collect();
    lines.push("Have the mask replace them. What may stay is told with:".to_owned());
    lines.push(format!(" {flags}"));
    if !left_out.is_empty() {
        lines.push("Dayfly itself dropped:".to_owned());
        lines.extend(left_out);
    }
    lines.join("\n")
}

/// A word as a shell takes it.
fn argument(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
    match word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// A name that somebody chose, in one line that can be printed.
pub(crate) fn one_line(name: &str) -> String {
    terminal::bare(&name.replace(['\n', '\r', '\t'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, state: State, accepted: &[&str]) -> Found {
        let accepted: Vec<String> = accepted.iter().map(|&word| word.to_owned()).collect();
        let mut found = Found::new(name, Place::Column);
        found.judge(state, &[name], &accepted);
        found
    }

    fn compared(unchanged: u64, of: u64) -> State {
        State::Compared {
            unchanged,
            of,
            sampled: false,
        }
    }

    #[test]
    fn more_than_half_is_left_and_can_be_accepted() {
        let verdict = |state, accepted: &[&str]| found("t.email", state, accepted).verdict;
        assert_eq!(verdict(compared(1, 2), &[]), Verdict::Fine);
        assert_eq!(verdict(compared(0, 0), &[]), Verdict::Fine);
        assert_eq!(verdict(compared(2, 3), &[]), Verdict::Left);
        assert_eq!(verdict(State::Unread, &["t.phone"]), Verdict::Left);
        assert_eq!(verdict(compared(3, 3), &["t.email"]), Verdict::Accepted);
        assert_eq!(verdict(State::Silent, &[]), Verdict::Fine);
        assert_eq!(verdict(State::MostlyNew, &[]), Verdict::Fine);
    }

    #[test]
    fn a_refusal_names_what_is_left_and_the_words_that_accept_it() {
        let all = [
            found("public.users.email", compared(0, 9), &[]),
            found("public.users.phone", compared(2000, 2000), &[]),
            found("public.users.odd name", State::Unread, &[]),
            found("public.users.city", compared(9, 9), &["public.users.city"]),
        ];
        let said = refusal("the mask", &all);
        assert_eq!(
            said,
            "the mask leaves data of people as they were:\n  \
             public.users.phone: 100 % of 2000 values are as before\n  \
             public.users.odd name: its values could not be compared\n\
             Have the mask replace them. What may stay is told with:\n  \
             --accept public.users.phone --accept 'public.users.odd name'"
        );
    }

    #[test]
    fn a_name_that_somebody_chose_is_one_harmless_line() {
        let odd = found("public.a\nb\u{1b}[31m.c", compared(1, 1000), &[]);
        assert_eq!(
            odd.describe(),
            "public.a b.c: less than 1 % of 1000 values are as before"
        );
    }
}
