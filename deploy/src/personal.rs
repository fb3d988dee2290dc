//! Imported data that looks personal, and its state after a mask.
//!
//! Everything here is names and numbers. It contains no value of the data.

use serde::{Deserialize, Serialize};

use crate::{databases::SeedFile, terminal};

/// Maximum number of lines that name unmasked data.
const LEFT_SHOWN: usize = 60;

/// A script that replaces personal data, and the exceptions that its author accepts.
#[derive(Clone, Debug)]
pub struct Mask {
    /// Run after the seed.
    pub script: SeedFile,
    /// Data that it may leave unchanged, named as in [`Found::accept`].
    pub accepted: Vec<String>,
    /// Whether the import fails if the mask leaves other personal data unchanged.
    pub judged: bool,
}

/// The kind of place that holds the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// A column of a table, a partition, or a materialised view.
    Column,
    /// A column of a foreign table.
    ForeignColumn,
    /// A key of the objects in a JSON column.
    Key,
    /// The large objects of a database.
    LargeObjects,
    /// A foreign table, whose rows are stored elsewhere.
    ForeignTable,
    /// A database other than the application's.
    Database,
    /// A role that had a password.
    Role,
}

/// The known state of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It exists; no mask ran.
    There,
    /// The values before and after the mask were compared, except empty ones and null.
    Compared {
        /// How many of them existed before the mask.
        unchanged: u64,
        /// Number of values after the mask.
        of: u64,
        /// Whether these are a sample of the distinct values, each counted once.
        sampled: bool,
    },
    /// Fewer than half of the values after the mask can be unchanged, since there were too many
    /// distinct ones before. The sample holds too few of them for a count.
    MostlyNew,
    /// Not all values could be read, or the sample holds too few of them.
    Unread,
    /// The mask cannot reach it, or does not connect to it.
    Unreached,
    /// A query returns no rows from it.
    Silent,
    /// It was left out when the data was loaded.
    LeftOut,
}

impl State {
    /// Whether more than half is known or feared to be unchanged.
    pub(crate) fn is_left(self) -> bool {
        match self {
            Self::Compared { unchanged, of, .. } => unchanged.saturating_mul(2) > of,
            Self::Unread | Self::Unreached => true,
            Self::There | Self::MostlyNew | Self::Silent | Self::LeftOut => false,
        }
    }
}

/// The verdict on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing needs to be done.
    Fine,
    /// The mask leaves it unchanged, and the user accepted that.
    Accepted,
    /// The mask leaves it unchanged.
    Left,
}

/// Data that looks personal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Its name, such as `public.users.email`. A database other than the application's comes first;
    /// a JSON key comes last, after a colon. One line of plain text.
    pub name: String,
    /// Its kind.
    pub place: Place,
    /// The known state of its values.
    pub state: State,
    /// The verdict on it.
    pub verdict: Verdict,
    /// The name to accept it by: its own, or the name of its table or database.
    pub accept: String,
}

impl Found {
    /// A name of which nothing more is known yet.
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

    /// Sets the state and the resulting verdict. It is accepted if any of `words` is accepted.
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

    /// Its name with its known state, for users.
    pub fn describe(&self) -> String {
        let what = match (self.place, self.state) {
            (_, State::There) => return self.name.clone(),
            (Place::LargeObjects, State::Compared { unchanged, of, .. }) => {
                format!("{unchanged} of {of} pages are unchanged")
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
                    "sampled distinct values"
                } else {
                    "values"
                };
                format!("{} {values} are unchanged", share(unchanged, of))
            }
            (_, State::LeftOut) => "its password is removed".to_owned(),
            (_, State::MostlyNew) => "fewer than half of its values are unchanged".to_owned(),
            (Place::Database, State::Unread) => {
                "it accepts no connections, so its values cannot be compared".to_owned()
            }
            (_, State::Unread) => "its values cannot be compared".to_owned(),
            (Place::Database, _) => "the mask never connects to it (\\connect)".to_owned(),
            (Place::ForeignTable, State::Unreached) => {
                "its rows are stored elsewhere but can be read through it".to_owned()
            }
            (_, State::Unreached) => "the mask cannot reach it".to_owned(),
            (_, State::Silent) => {
                "its rows are stored elsewhere and cannot be read here".to_owned()
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

/// Why masked data is refused: the unmasked data, and the flags that accept it.
pub(crate) fn refusal(mask: &str, found: &[Found]) -> String {
    let left: Vec<_> = found
        .iter()
        .filter(|found| found.verdict == Verdict::Left)
        .collect();
    let mut lines = vec![format!("{mask} leaves personal data unchanged:")];
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
    lines.push("Change the mask to replace these values. To keep them on purpose, add:".to_owned());
    lines.push(format!(" {flags}"));
    if !left_out.is_empty() {
        lines.push("Dayfly itself removed:".to_owned());
        lines.extend(left_out);
    }
    lines.join("\n")
}

/// A word quoted for a shell.
fn argument(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
    match word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// An untrusted name as one printable line.
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
            "the mask leaves personal data unchanged:\n  \
             public.users.phone: 100 % of 2000 values are unchanged\n  \
             public.users.odd name: its values cannot be compared\n\
             Change the mask to replace these values. To keep them on purpose, add:\n  \
             --accept public.users.phone --accept 'public.users.odd name'"
        );
    }

    #[test]
    fn a_name_that_somebody_chose_is_one_harmless_line() {
        let odd = found("public.a\nb\u{1b}[31m.c", compared(1, 1000), &[]);
        assert_eq!(
            odd.describe(),
            "public.a b.c: less than 1 % of 1000 values are unchanged"
        );
    }
}
