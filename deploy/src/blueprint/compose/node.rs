//! A YAML value with the line on which it was written.

use crate::blueprint::draft::Place;

/// One value of a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub(super) value: Value,
    /// The line of the value; for a value of a mapping, the line of its key.
    pub(super) at: Place,
    /// What a later file does with this value.
    pub(super) merge: Merge,
}

/// The types that Compose distinguishes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// Fits into 64 bits, signed or unsigned.
    Integer(i128),
    Float(f64),
    /// A date or a time, which Compose refuses almost everywhere.
    Time(String),
    Text(String),
    List(Vec<Node>),
    /// In the order of the file; every key occurs once.
    Map(Vec<(String, Node)>),
}

/// The tags with which a file takes back what an earlier one says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Merge {
    /// It is merged by the rules of its key.
    #[default]
    ByKey,
    /// `!override`: it replaces the earlier value.
    Override,
    /// `!reset`: it removes the earlier value.
    Reset,
}

impl Node {
    /// The value of a key, if this is a mapping that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        let entries = self.map()?;
        entries
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, node)| node)
    }

    /// The value of a key, if it is there and is not nothing.
    pub(super) fn given(&self, key: &str) -> Option<&Node> {
        self.get(key).filter(|node| !node.is_null())
    }

    /// The entries of the mapping at a key; none if there is no mapping.
    pub(super) fn entries(&self, key: &str) -> &[(String, Node)] {
        self.get(key).and_then(Node::map).unwrap_or_default()
    }

    pub(super) fn map(&self) -> Option<&[(String, Node)]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    pub(super) fn list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether both have the same value, wherever it was written and in whatever order.
    pub(super) fn says_the_same(&self, other: &Node) -> bool {
        match (&self.value, &other.value) {
            (Value::Map(own), Value::Map(others)) => {
                let same = |(key, node): &(String, Node)| {
                    other
                        .get(key)
                        .is_some_and(|other| node.says_the_same(other))
                };
                own.len() == others.len() && own.iter().all(same)
            }
            (Value::List(own), Value::List(others)) => {
                let mut pairs = own.iter().zip(others);
                own.len() == others.len() && pairs.all(|(one, other)| one.says_the_same(other))
            }
            (own, others) => own == others,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        self.value == Value::Null
    }
}

impl Value {
    /// The type in words for users.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Time(_) => "a date",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }

    /// A scalar as Compose prints it: numbers are printed anew, so that `0x10` is `16`. `None` for
    /// what it refuses as text: nothing, dates, lists and mappings.
    pub(super) fn printed(&self) -> Option<String> {
        match self {
            Self::Bool(flag) => Some(flag.to_string()),
            Self::Integer(number) => Some(number.to_string()),
            Self::Float(number) => Some(printed_float(*number)),
            Self::Text(text) => Some(text.clone()),
            Self::Null | Self::Time(_) | Self::List(_) | Self::Map(_) => None,
        }
    }
}

/// The shortest digits that give the same number, with an exponent below -4 and from 6 on, as Go's
/// `%v` does.
fn printed_float(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) || number == 0.0 {
        return format!("{number}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_compose_does() {
        for (number, printed) in [
            (1_000_000.0, "1e+06"),
            (123_456_789.123, "1.23456789123e+08"),
            (3.10, "3.1"),
            (100_000.0, "100000"),
            (0.0001, "0.0001"),
            (0.000_012, "1.2e-05"),
            (f64::INFINITY, "+Inf"),
            (0.0, "0"),
        ] {
            assert_eq!(printed_float(number), printed);
        }
    }
}
