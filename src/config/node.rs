//! A document as a tree of nodes.

/// A node of the document.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The number of the node in reading order, by which it is found again in the text.
    pub(super) id: usize,
    /// Whether no message may show the value, wherever it stands: it comes from `secrets.yaml`, or from a text with aliases.
    pub(super) hidden: bool,
    pub(super) value: Value,
}

/// The value of a node. Numbers are kept as text: no key wants to calculate with a big one.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Integer(String),
    Float(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    /// A local tag without its `!`, and what it stands before.
    Tagged(String, Box<Node>),
}

impl Node {
    /// The text of a node that is text.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The node with the same value, to be found at `id` and never shown.
    pub(super) fn hidden_at(self, id: usize) -> Self {
        let at = |node: Self| node.hidden_at(id);
        let value = match self.value {
            Value::List(items) => Value::List(items.into_iter().map(at).collect()),
            Value::Map(entries) => Value::Map(entries.into_iter().map(|(key, value)| (at(key), at(value))).collect()),
            Value::Tagged(tag, inner) => Value::Tagged(tag, Box::new(at(*inner))),
            scalar => scalar,
        };
        Self { id, hidden: true, value }
    }
}

impl Value {
    /// The kind of value, in a user's words.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
            Self::Tagged(..) => "a tag",
        }
    }
}
