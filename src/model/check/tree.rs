//! A parsed file in which every value and key knows its place.

use serde_json::{Map, Value};

use super::place::Place;

/// The deepest nesting of lists and maps.
pub(super) const DEEPEST: usize = 32;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub place: Place,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// Neither a list nor a map.
    Scalar(Value),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub key: String,
    pub key_place: Place,
    pub value: Node,
}

impl Node {
    pub(super) fn scalar(place: Place, value: Value) -> Self {
        Self {
            place,
            kind: Kind::Scalar(value),
        }
    }

    /// The value without places; of equal keys the first counts.
    pub(super) fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Scalar(value) => value.clone(),
            Kind::List(nodes) => nodes.iter().map(Self::to_value).collect(),
            Kind::Map(entries) => {
                let mut map = Map::new();
                for entry in entries {
                    map.entry(entry.key.as_str())
                        .or_insert_with(|| entry.value.to_value());
                }
                Value::Object(map)
            }
        }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(super) fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(nodes) => nodes,
            _ => &[],
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The value of a key that says something: neither absent nor null.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        let value = &self.entry(key)?.value;
        (value.kind != Kind::Scalar(Value::Null)).then_some(value)
    }

    /// The node a JSON pointer leads to, or the last one on the way.
    pub(super) fn at(&self, pointer: &str) -> &Node {
        let mut node = self;
        for part in pointer_parts(pointer) {
            let next = match &node.kind {
                Kind::List(nodes) => part.parse().ok().and_then(|index: usize| nodes.get(index)),
                _ => node.entry(&part).map(|entry| &entry.value),
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }
}

/// The keys and indices of a JSON pointer.
pub(super) fn pointer_parts(pointer: &str) -> impl DoubleEndedIterator<Item = String> {
    pointer
        .split('/')
        .skip(1)
        .map(|part| part.replace("~1", "/").replace("~0", "~"))
        .collect::<Vec<_>>()
        .into_iter()
}
