//! YAML text → a tree of nodes, each of which can be found again in the text. The only file that names `serde_yaml`.
//!
//! The parser tells places only in its errors. So nodes are numbered as they are read, and the place of a node is found
//! by reading the text once more and failing on purpose at that number.

use std::cell::Cell;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, IgnoredAny, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::mistake::{Mistake, Place};
use super::node::{Node, Value};
use super::redaction::has_aliases;
use super::yaml_errors;

/// Reads the one document in `text`; the tree keeps duplicate keys. Fails where the text is no YAML.
pub(super) fn read(text: &str) -> Result<Node, Mistake> {
    yaml_errors::check_characters(text)?;
    yaml_errors::check_brackets(text)?;
    // Errors about the syntax are fixed sentences and may be shown. Errors about values quote them, and a value may be
    // a secret: hence first a pass that looks at no value.
    IgnoredAny::deserialize(serde_yaml::Deserializer::from_str(text))
        .map_err(|err| yaml_errors::mistake(text, &err.to_string(), location(&err)))?;
    parse(text, None).map_err(|err| yaml_errors::unusable(location(&err)))
}

/// Where the node of this number begins; `None` if the text has no such node.
pub(super) fn place(text: &str, id: usize) -> Option<Place> {
    parse(text, Some(id)).err().as_ref().and_then(location)
}

fn parse(text: &str, stop_at: Option<usize>) -> Result<Node, serde_yaml::Error> {
    Reader { count: &Cell::new(0), stop_at, hidden: has_aliases(text) }
        .deserialize(serde_yaml::Deserializer::from_str(text))
}

fn location(err: &serde_yaml::Error) -> Option<Place> {
    err.location().map(|location| Place { line: location.line(), column: location.column() })
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    count: &'a Cell<usize>,
    stop_at: Option<usize>,
    hidden: bool,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        let id = self.count.replace(self.count.get() + 1);
        if self.stop_at == Some(id) {
            return deserializer.deserialize_any(Stop);
        }
        Ok(Node { id, hidden: self.hidden, value: deserializer.deserialize_any(self)? })
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML")
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Integer(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Integer(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(Value::Integer(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry_seed(self, self)? {
            entries.push(entry);
        }
        Ok(Value::Map(entries))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Value, A::Error> {
        let (tag, content) = tagged.variant_seed(std::marker::PhantomData::<String>)?;
        Ok(Value::Tagged(tag, Box::new(content.newtype_variant_seed(self)?)))
    }
}

/// Accepts nothing, so that the parser's error tells the place of what it was given.
struct Stop;

impl Visitor<'_> for Stop {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing")
    }
}
