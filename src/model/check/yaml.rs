//! A YAML text to a tree with places, from the parser's events: nothing here recurses.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::place::{Place, Places};
use super::problems::Problems;
use super::tree::{DEEPEST, Entry, Kind, Node};
use super::words::quote;
use super::yaml_scalar;

/// The most nodes that anchors keep and aliases repeat: a few aliases of aliases would fill the memory.
const MOST_REPEATED: usize = 10_000;

/// Reads a YAML text into a type, for files that only this host knows: those of a lab are judged by
/// this module's other functions. The only place that knows of serde_yaml.
///
/// # Errors
/// Line and column (0 and 0 when unknown), and what the type refused.
pub fn from_yaml<T: DeserializeOwned>(text: &str) -> Result<T, (usize, usize, String)> {
    serde_yaml::from_str(text).map_err(|error| {
        let place = error.location();
        (
            place.as_ref().map_or(0, serde_yaml::Location::line),
            place.as_ref().map_or(0, serde_yaml::Location::column),
            error.to_string(),
        )
    })
}

/// Reads what another tool wrote, tags left out. A key that is no text is told as one.
///
/// # Errors
/// As of [`from_yaml`].
pub fn plain_yaml(text: &str) -> Result<Value, (usize, usize, String)> {
    from_yaml(text).map(plain)
}

/// The reader's own limit bounds how deep this goes.
fn plain(value: serde_yaml::Value) -> Value {
    use serde_yaml::Value as Yaml;
    match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => value.into(),
        Yaml::Number(number) => number
            .as_i64()
            .map(Value::from)
            .or_else(|| number.as_u64().map(Value::from))
            .or_else(|| number.as_f64().map(Value::from))
            .unwrap_or_default(),
        Yaml::String(text) => text.into(),
        Yaml::Sequence(values) => values.into_iter().map(plain).collect(),
        Yaml::Mapping(entries) => entries
            .into_iter()
            .map(|(key, value)| match plain(key) {
                Value::String(key) => (key, plain(value)),
                key => (key.to_string(), plain(value)),
            })
            .collect(),
        Yaml::Tagged(tagged) => plain(tagged.value),
    }
}

/// The tree of a text, a map without entries when it says nothing; `None` when its shape cannot be
/// made out, which then is among the problems.
pub(super) fn parse(text: &str, problems: &mut Problems) -> Option<Node> {
    if let Some((offset, c)) = text.char_indices().find(|(_, c)| is_forbidden(*c)) {
        problems.error(
            Places::new(text).at(offset),
            "control-character",
            format!("the character U+{:04X} stands here", c as u32),
            "remove it, or write it as an escape in double quotes",
        );
        return None;
    }
    let mut builder = Builder::new(problems);
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => {
                let place = place(&span.start);
                builder.take(event, place)?;
            }
            Err(error) => {
                explain(&error, text, builder.problems);
                return None;
            }
        }
    }
    let empty = Node {
        place: Place::START,
        kind: Kind::Map(Vec::new()),
    };
    match builder.root {
        Some(root) if root.kind != Kind::Scalar(Value::Null) => Some(root),
        _ => Some(empty),
    }
}

/// What YAML lets stand nowhere, not even in a comment.
fn is_forbidden(c: char) -> bool {
    let control = c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    control || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn place(marker: &Marker) -> Place {
    Place {
        line: marker.line().max(1),
        column: marker.col() + 1,
    }
}

/// A list or map whose end has not come yet.
struct Open {
    node: Node,
    anchor: usize,
    /// A map's key that waits for its value.
    key: Option<(String, Place)>,
}

/// A node that aliases may repeat.
struct Anchored {
    node: Node,
    nodes: usize,
    depth: usize,
}

struct Builder<'p> {
    problems: &'p mut Problems,
    root: Option<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    repeated: usize,
    documents: usize,
}

impl<'p> Builder<'p> {
    fn new(problems: &'p mut Problems) -> Self {
        Self {
            problems,
            root: None,
            open: Vec::new(),
            anchors: HashMap::new(),
            repeated: 0,
            documents: 0,
        }
    }

    /// Takes the next event; `None` ends the reading.
    fn take(&mut self, event: Event<'_>, place: Place) -> Option<()> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.problems.error(
                        place,
                        "trailing-text",
                        "a second document begins here",
                        "a file holds one document: remove the `---` and what follows",
                    );
                    return None;
                }
                Some(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), place);
                if self.key_wanted() {
                    self.take_key(&text, style, place);
                    // An anchored key would have to be kept as a node of its own.
                    if anchor > 0 {
                        self.problems
                            .error(place, "syntax", "a key cannot be anchored", "");
                    }
                    return Some(());
                }
                // Of an absent value only its key can be seen.
                let place = match self.open.last().and_then(|open| open.key.as_ref()) {
                    Some((_, key_place)) if text.is_empty() && style == ScalarStyle::Plain => {
                        *key_place
                    }
                    _ => place,
                };
                let value = if style == ScalarStyle::Plain {
                    yaml_scalar::resolve(&text)
                } else {
                    Some(Value::String(text.into_owned()))
                };
                let value = value.unwrap_or_else(|| {
                    self.problems.error(
                        place,
                        "out-of-range",
                        "neither infinity nor a number of that size is allowed",
                        "",
                    );
                    Value::from(0)
                });
                self.put(Node::scalar(place, value), anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), place);
                self.open(Kind::List(Vec::new()), anchor, place)
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), place);
                self.open(Kind::Map(Vec::new()), anchor, place)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let open = self.open.pop()?;
                self.put(open.node, open.anchor)
            }
            Event::Alias(anchor) => self.repeat(anchor, place),
            _ => Some(()),
        }
    }

    fn open(&mut self, kind: Kind, anchor: usize, place: Place) -> Option<()> {
        if self.key_wanted() {
            self.problems.error(
                place,
                "wrong-type",
                "a key is a list or a map here",
                "a key is a text",
            );
            return None;
        }
        if self.open.len() >= DEEPEST {
            too_deep(place, self.problems);
            return None;
        }
        self.open.push(Open {
            node: Node { place, kind },
            anchor,
            key: None,
        });
        Some(())
    }

    fn refuse_tag(&mut self, tagged: bool, place: Place) {
        if tagged {
            self.problems.error(
                place,
                "syntax",
                "a YAML tag (`!…`) stands before this value",
                "remove it; put a text that begins with `!` in quotes",
            );
        }
    }

    fn key_wanted(&self) -> bool {
        self.open
            .last()
            .is_some_and(|open| matches!(open.node.kind, Kind::Map(_)) && open.key.is_none())
    }

    fn take_key(&mut self, text: &str, style: ScalarStyle, place: Place) {
        let plain = style == ScalarStyle::Plain;
        if plain && text == "<<" {
            self.problems.error(
                place,
                "syntax",
                "merge keys (`<<`) are not read",
                "write the keys out; a device type gives defaults to its boards",
            );
        } else if plain && !matches!(yaml_scalar::resolve(text), Some(Value::String(_))) {
            self.problems.error(
                place,
                "wrong-type",
                format!("the key {} is not a text", quote(text)),
                "put it in double quotes",
            );
        }
        if let Some(open) = self.open.last_mut() {
            open.key = Some((text.to_owned(), place));
        }
    }

    /// Puts a complete node where it belongs.
    fn put(&mut self, node: Node, anchor: usize) -> Option<()> {
        if anchor > 0 {
            let (nodes, depth) = measure(&node);
            self.repeated += nodes;
            if self.repeated > MOST_REPEATED {
                return self.too_much_repeated(node.place);
            }
            let node = node.clone();
            self.anchors.insert(anchor, Anchored { node, nodes, depth });
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(open) => match &mut open.node.kind {
                Kind::List(nodes) => nodes.push(node),
                Kind::Map(entries) => {
                    let (key, key_place) = open.key.take()?;
                    entries.push(Entry {
                        key,
                        key_place,
                        value: node,
                    });
                }
                Kind::Scalar(_) => return None,
            },
        }
        Some(())
    }

    fn repeat(&mut self, anchor: usize, place: Place) -> Option<()> {
        if self.key_wanted() {
            self.problems
                .error(place, "syntax", "a key cannot be an alias", "");
            return None;
        }
        let Some(anchored) = self.anchors.get(&anchor) else {
            self.problems.error(
                place,
                "syntax",
                "this alias stands inside what it names",
                "write the value out",
            );
            return None;
        };
        if self.open.len() + anchored.depth > DEEPEST {
            too_deep(place, self.problems);
            return None;
        }
        self.repeated += anchored.nodes;
        if self.repeated > MOST_REPEATED {
            return self.too_much_repeated(place);
        }
        let node = Node {
            place,
            kind: anchored.node.kind.clone(),
        };
        self.put(node, 0)
    }

    fn too_much_repeated(&mut self, place: Place) -> Option<()> {
        self.problems.error(
            place,
            "too-large",
            format!("anchors and aliases make more than {MOST_REPEATED} values"),
            "write the values out, or make them defaults of a device type",
        );
        None
    }
}

fn too_deep(place: Place, problems: &mut Problems) {
    problems.error(
        place,
        "too-deep",
        format!("lists and maps are nested more than {DEEPEST} deep"),
        "",
    );
}

/// How many nodes there are, and how many lists and maps deep.
fn measure(node: &Node) -> (usize, usize) {
    let mut nodes = 0;
    let mut deepest = 0;
    let mut waiting = vec![(node, 0)];
    while let Some((node, depth)) = waiting.pop() {
        nodes += 1;
        let inner = match node.kind {
            Kind::Scalar(_) => depth,
            _ => depth + 1,
        };
        deepest = deepest.max(inner);
        waiting.extend(node.items().iter().map(|item| (item, inner)));
        waiting.extend(node.entries().iter().map(|entry| (&entry.value, inner)));
    }
    (nodes, deepest)
}

/// Puts into words why a text cannot be read.
fn explain(error: &ScanError, text: &str, problems: &mut Problems) {
    let mut place = place(error.marker());
    let info = error.info();
    let says = |part: &str| info.contains(part);
    if says("recursion limit") {
        too_deep(place, problems);
        return;
    }
    let line = |number: usize| {
        text.lines()
            .nth(number.saturating_sub(1))
            .unwrap_or_default()
    };
    // The parser notices a tab only where the line goes on; the tab is what has to be mended.
    let tab = |number: usize| {
        line(number)
            .chars()
            .take_while(|c| c.is_whitespace())
            .position(|c| c == '\t')
    };
    let tabbed = [place.line, place.line.saturating_sub(1)]
        .into_iter()
        .find_map(|number| tab(number).map(|column| (number, column)));
    let (message, hint) = if let Some((number, column)) = tabbed {
        place = Place {
            line: number,
            column: column + 1,
        };
        ("a tab indents this line", "indent with spaces")
    } else if says("tab") {
        ("a tab stands where YAML wants a space", "write a space")
    } else if says("unknown anchor") {
        (
            "this alias names no anchor",
            "put a text that begins with `*` in quotes",
        )
    } else if says("quoted scalar") && (says("end of stream") || says("document indicator")) {
        ("a text in quotes is never closed", "add the missing quote")
    } else if says("escape") || says("hexadecimal") {
        (
            "this text in double quotes holds an escape that YAML does not have",
            "write \\\\ for a backslash, or use single quotes",
        )
    } else if says("trailing content") {
        (
            "something stands after the closing quote",
            "put the whole text in quotes",
        )
    } else if says("flow mapping") {
        (
            "a `,` or `}` is missing here",
            "close the `{` or add the comma",
        )
    } else if says("flow sequence") || says("misplaced bracket") {
        (
            "a `,` or `]` is missing here",
            "close the `[` or add the comma",
        )
    } else if says("mapping values are not allowed") {
        (
            "a `:` is not expected here",
            "put a text that holds `: ` in quotes, and indent keys of one map equally",
        )
    } else if says("simple key") {
        (
            "this line is no `key: value`",
            "add the `:`, or indent the line as a part of the one above",
        )
    } else if says("indent")
        || says("block mapping")
        || says("block collection")
        || says("not allowed in this context")
        || says("inside a block")
    {
        (
            "this line is indented unlike the lines it belongs to",
            "indent the keys of one map, and the `-` of one list, equally",
        )
    } else if says("directive") || says("document") {
        (
            "this is not expected between documents",
            "remove it: a file holds one document",
        )
    } else if says("tag") || says("TAG") {
        (
            "a YAML tag (`!…`) stands here",
            "put a text that begins with `!` in quotes",
        )
    } else if says("unprintable") || says("byte order mark") {
        (
            "a character that YAML forbids stands here",
            "write it as an escape in double quotes",
        )
    } else if says("illegal placement of ':'") {
        (
            "a `:` is not expected here",
            "close the `[` or `{` above, or put the text in quotes",
        )
    } else if says("unexpected character") || says("plain scalar") || says("next token") {
        (
            "a text cannot begin with this character",
            "put the text in quotes",
        )
    } else {
        (
            "this is not YAML",
            "texts with special characters want quotes",
        )
    };
    problems.error(place, "syntax", message, hint);
}
