//! Reads YAML text as nodes: aliases and merge keys are resolved, and every count has a limit.

use std::{collections::HashMap, sync::Arc};

use granit_parser::{Event, Options, Parser, ScalarStyle, Span, Tag, options};

use super::{
    node::{Merge, Node, Value},
    scalar,
};
use crate::blueprint::{BlueprintError, draft::Place};

/// Maximum values of one file, after its aliases are replaced.
const NODES_MAX: usize = 20_000;
/// Maximum entries of one list or mapping.
const ENTRIES_MAX: usize = 2_000;
/// Maximum documents of one file.
const DOCUMENTS_MAX: usize = 50;
/// Maximum bytes of all texts of one file, after its aliases are replaced.
const TEXT_BYTES_MAX: usize = 4 << 20;
/// Maximum depth of lists and mappings in each other.
const DEPTH_MAX: usize = 100;
/// The key that merges other mappings into its own.
const MERGE_KEY: &str = "<<";

/// Reads the documents of a file, each a list, a mapping or a scalar.
pub(super) fn documents(file: &Arc<str>, text: &str) -> Result<Vec<Node>, BlueprintError> {
    let mut reader = Reader {
        file: Arc::clone(file),
        events: Parser::new_from_str_with_options(text, as_compose_reads()),
        anchors: HashMap::new(),
        nodes: 0,
        bytes: 0,
    };
    let mut documents = Vec::new();
    loop {
        let (event, _) = reader.next()?;
        match event {
            Event::StreamEnd => return Ok(documents),
            Event::DocumentStart(..) => {
                reader.anchors.clear();
                let (event, span) = reader.next()?;
                let document = reader.node(event, span, 0)?;
                if documents.len() == DOCUMENTS_MAX {
                    let message = format!("the file has more than {DOCUMENTS_MAX} documents");
                    return Err(document.at.error(message));
                }
                documents.push(document);
            }
            _ => {}
        }
    }
}

fn as_compose_reads() -> Options {
    options! {
        emit_comments: false,
        block_scalar_eof_without_line_feed: true,
    }
}

struct Reader<'a> {
    file: Arc<str>,
    events: Parser<'a, granit_parser::StrInput<'a>>,
    /// What an alias stands for. `None` while the anchor's own value is read.
    anchors: HashMap<usize, Option<Node>>,
    nodes: usize,
    bytes: usize,
}

impl<'a> Reader<'a> {
    fn place(&self, span: &Span) -> Place {
        Place {
            file: Arc::clone(&self.file),
            line: span.start.line(),
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), BlueprintError> {
        let ended = Place::top(&self.file);
        match self.events.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(wrong)) => {
                let place = Place {
                    line: wrong.marker().line(),
                    ..ended
                };
                Err(place.error(format!("this is not valid YAML: {}", wrong.info())))
            }
            None => Err(ended.error("the file ends in the middle of a value")),
        }
    }

    fn count(&mut self, at: &Place, nodes: usize, bytes: usize) -> Result<(), BlueprintError> {
        self.nodes += nodes;
        self.bytes += bytes;
        if self.nodes > NODES_MAX || self.bytes > TEXT_BYTES_MAX {
            let message = format!(
                "the file has more than {NODES_MAX} values or {} MiB of text, its aliases included",
                TEXT_BYTES_MAX >> 20
            );
            return Err(at.error(message));
        }
        Ok(())
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, BlueprintError> {
        let at = self.place(&span);
        if depth > DEPTH_MAX {
            let message =
                format!("lists and mappings lie in each other more than {DEPTH_MAX} deep");
            return Err(at.error(message));
        }
        let (anchor, tag) = match &event {
            Event::Scalar(_, _, anchor, tag)
            | Event::SequenceStart(_, anchor, tag)
            | Event::MappingStart(_, anchor, tag) => (*anchor, tag.as_deref().cloned()),
            Event::Alias(id) => return self.alias(*id, at),
            _ => return Err(at.error("a value is missing here")),
        };
        self.count(&at, 1, 0)?;
        if anchor > 0 {
            self.anchors.insert(anchor, None);
        }
        let value = match event {
            Event::Scalar(text, style, ..) => {
                self.count(&at, 0, text.len())?;
                scalar_of(&text, style, tag.as_ref(), &at)?
            }
            Event::SequenceStart(..) => self.list(depth)?,
            _ => self.map(depth)?,
        };
        let node = Node {
            value,
            at,
            merge: merge_of(tag.as_ref()),
        };
        if anchor > 0 {
            let (nodes, bytes) = weight(&node);
            self.count(&node.at, nodes, bytes)?;
            self.anchors.insert(anchor, Some(node.clone()));
        }
        Ok(node)
    }

    fn alias(&mut self, id: usize, at: Place) -> Result<Node, BlueprintError> {
        let Some(Some(node)) = self.anchors.get(&id) else {
            return Err(at.error("an alias stands inside the value that it names"));
        };
        let (nodes, bytes) = weight(node);
        let node = node.clone();
        self.count(&at, nodes, bytes)?;
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Value, BlueprintError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(items)),
                (event, span) => {
                    let item = self.node(event, span, depth + 1)?;
                    few(items.len(), &item.at)?;
                    items.push(item);
                }
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, BlueprintError> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        let mut merged: Option<Node> = None;
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let is_merge =
                matches!(&event, Event::Scalar(text, ScalarStyle::Plain, ..) if text == MERGE_KEY);
            let at = self.place(&span);
            let key = self.node(event, span, depth + 1)?;
            let (event, span) = self.next()?;
            let mut value = self.node(event, span, depth + 1)?;
            value.at = at.clone();
            if is_merge {
                if merged.replace(value).is_some() {
                    return Err(at.error("`<<` occurs twice in this mapping; list both values"));
                }
                continue;
            }
            let Value::Text(name) = key.value else {
                let kind = key.value.kind();
                return Err(at.error(format!(
                    "a key must be text, but is {kind}; write it in quotes"
                )));
            };
            few(entries.len(), &at)?;
            if entries.iter().any(|(known, _)| *known == name) {
                return Err(at.error(format!("the key {name:?} occurs twice in this mapping")));
            }
            entries.push((name, value));
        }
        if let Some(merged) = merged {
            merge(&mut entries, merged)?;
        }
        Ok(Value::Map(entries))
    }
}

/// Refuses one more entry of a list or mapping that is full.
fn few(entries: usize, at: &Place) -> Result<(), BlueprintError> {
    if entries == ENTRIES_MAX {
        let message = format!("this list or mapping has more than {ENTRIES_MAX} entries");
        return Err(at.error(message));
    }
    Ok(())
}

/// Adds the entries of other mappings whose keys are not there yet; the first mapping wins.
fn merge(entries: &mut Vec<(String, Node)>, from: Node) -> Result<(), BlueprintError> {
    let at = from.at.clone();
    let maps = match from.value {
        Value::List(items) => items,
        _ => vec![from],
    };
    for map in maps {
        let Value::Map(others) = map.value else {
            return Err(at.error("`<<` takes a mapping, an alias of one, or a list of them"));
        };
        for (name, node) in others {
            if !entries.iter().any(|(known, _)| *known == name) {
                entries.push((name, node));
            }
        }
    }
    Ok(())
}

/// Values and bytes of text.
pub(super) fn weight(node: &Node) -> (usize, usize) {
    let inner = |nodes: &mut dyn Iterator<Item = &Node>| {
        nodes.fold((1, 0), |(nodes, bytes), node| {
            let (more, text) = weight(node);
            (nodes + more, bytes + text)
        })
    };
    match &node.value {
        Value::List(items) => inner(&mut items.iter()),
        Value::Map(entries) => {
            let (nodes, bytes) = inner(&mut entries.iter().map(|(_, node)| node));
            let keys: usize = entries.iter().map(|(key, _)| key.len()).sum();
            (nodes, bytes + keys)
        }
        Value::Text(text) | Value::Time(text) => (1, text.len()),
        _ => (1, 0),
    }
}

fn merge_of(tag: Option<&Tag>) -> Merge {
    match tag.map(Tag::parts) {
        Some(("!", "reset")) => Merge::Reset,
        Some(("!", "override")) => Merge::Override,
        _ => Merge::ByKey,
    }
}

fn scalar_of(
    text: &str,
    style: ScalarStyle,
    tag: Option<&Tag>,
    at: &Place,
) -> Result<Value, BlueprintError> {
    let own = || Value::Text(text.to_owned());
    let Some(kind) = tag.and_then(Tag::core_suffix) else {
        // A tag of somebody else's makes a scalar text, but those of Compose do not.
        let foreign = tag.is_some() && merge_of(tag) == Merge::ByKey;
        let is_plain = style == ScalarStyle::Plain && !foreign;
        return Ok(if is_plain { scalar::plain(text) } else { own() });
    };
    let value = match kind {
        "str" => return Ok(own()),
        "float" => match scalar::plain(text) {
            #[expect(clippy::cast_precision_loss, reason = "asked for by the tag")]
            Value::Integer(number) => Value::Float(number as f64),
            other => other,
        },
        _ => scalar::plain(text),
    };
    let fits = match kind {
        "null" => value == Value::Null,
        "bool" => matches!(value, Value::Bool(_)),
        "int" => matches!(value, Value::Integer(_)),
        "float" => matches!(value, Value::Float(_)),
        _ => false,
    };
    if fits {
        return Ok(value);
    }
    Err(at.error(format!("{text:?} is not a value of the type !!{kind}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Node>, String> {
        documents(&"compose.yaml".into(), text).map_err(|error| error.to_string())
    }

    fn one(text: &str) -> Node {
        let mut documents = read(text).unwrap();
        assert_eq!(documents.len(), 1, "{text}");
        documents.remove(0)
    }

    #[test]
    fn values_know_their_lines() {
        let node = one("a: 1\nb:\n  c:\n    - x\n    - y\n");
        let c = node.get("b").unwrap().get("c").unwrap();
        assert_eq!((c.at.line, c.list().unwrap()[1].at.line), (3, 5));
        assert_eq!(node.get("a").unwrap().value, Value::Integer(1));
    }

    #[test]
    fn aliases_and_merge_keys_are_replaced() {
        let node =
            one("x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: {b: 4, <<: [*x, {c: 5}]}\nw: *x\n");
        let y = node.get("y").unwrap();
        assert_eq!(y.get("a").unwrap().value, Value::Integer(1));
        assert_eq!(y.get("b").unwrap().value, Value::Integer(3));
        let z = node.get("z").unwrap();
        assert_eq!(z.get("b").unwrap().value, Value::Integer(4));
        assert_eq!(z.get("c").unwrap().value, Value::Integer(5));
        assert_eq!(
            node.get("w").unwrap().get("b").unwrap().value,
            Value::Integer(2)
        );
    }

    #[test]
    fn several_documents_a_byte_order_mark_and_crlf_are_read() {
        assert_eq!(read("a: 1\n---\nb: 2\n").unwrap().len(), 2);
        let node = one("\u{feff}a: x\r\nb: y\r\n");
        assert_eq!(node.get("b").unwrap().text(), Some("y"));
    }

    #[test]
    fn tags_of_compose_are_kept() {
        let node = one("a: !reset null\nb: !override [x]\nc: !reset {}\nd: !!str 5\n");
        assert_eq!(node.get("a").unwrap().merge, Merge::Reset);
        assert_eq!(node.get("b").unwrap().merge, Merge::Override);
        assert_eq!(node.get("c").unwrap().merge, Merge::Reset);
        assert_eq!(node.get("d").unwrap().text(), Some("5"));
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_line() {
        for (text, wanted) in [
            ("a: 1\na: 2\n", "compose.yaml:2: the key \"a\" occurs twice"),
            (
                "a: 1\n1: 2\n",
                "compose.yaml:2: a key must be text, but is a whole number; write it in quotes",
            ),
            (
                "true: 2\n",
                "compose.yaml:1: a key must be text, but is true or false",
            ),
            ("a: &a [*a]\n", "compose.yaml:1: an alias stands inside"),
            ("a: *b\n", "compose.yaml:1: this is not valid YAML"),
            ("a: [1\n", "compose.yaml:"),
            (
                "a: !!int x\n",
                "compose.yaml:1: \"x\" is not a value of the type !!int",
            ),
            ("a: {<<: 5}\n", "compose.yaml:1: `<<` takes a mapping"),
        ] {
            let said = read(text).unwrap_err();
            assert!(said.starts_with(wanted), "{text}: {said}");
        }
    }

    #[test]
    fn a_file_that_grows_without_end_is_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let last = level - 1;
            let list = vec![format!("*a{last}"); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{list}]\n"));
        }
        assert!(read(&text).unwrap_err().contains("more than 20000 values"));
        let nested: String = (0..90).map(|at| format!("[&b{at} ")).collect();
        let text = format!("a: {nested}[{}]{}", ["x"; 1500].join(", "), "]".repeat(90));
        assert!(read(&text).unwrap_err().contains("more than 20000 values"));
        let many = (0..3000)
            .map(|at| format!("k{at}: 1\n"))
            .collect::<String>();
        assert!(read(&many).unwrap_err().contains("more than 2000 entries"));
        let deep = "[".repeat(200) + &"]".repeat(200);
        assert!(read(&deep).is_err());
    }
}
