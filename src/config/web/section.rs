//! A mapping of known keys, each once.

use crate::config::block::{check_known, check_once};
use crate::config::mistake::Mistake;
use crate::config::node::{Node, Value};
use crate::config::schema::Key;

/// A mapping as it was written. One that is left out or empty has no keys.
#[derive(Default)]
pub(super) struct Section(Vec<(Node, Node)>);

impl Section {
    /// The mapping `node`, which stands under `name` and has nothing but `keys`.
    pub(super) fn of(node: Node, name: &str, keys: &[Key]) -> Result<Self, Mistake> {
        let section = Self::open(node, name)?;
        check_known(&section.0, keys, &format!("in {name}"))?;
        Ok(section)
    }

    /// The mapping `node`, which stands under `name`, with any keys that are text.
    pub(super) fn open(node: Node, name: &str) -> Result<Self, Mistake> {
        let entries = match node.value {
            Value::Map(entries) => entries,
            Value::Null => Vec::new(),
            _ => {
                let what = format!("{name} must be a mapping of keys, and this is {}", node.value.kind());
                return Err(Mistake::at(&node, what));
            }
        };
        check_once(&entries)?;
        Ok(Self(entries))
    }

    /// The keys and values, in the file's order.
    pub(super) fn entries(&self) -> impl Iterator<Item = &(Node, Node)> {
        self.0.iter()
    }

    /// The key itself, if it is there and says something: an empty value is as good as none.
    pub(super) fn key(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(key, _)| key)
    }

    /// What `meant` makes of the key and its value, if the key says something.
    pub(super) fn read<T>(
        &self,
        key: &str,
        meant: impl FnOnce(&str, &Node) -> Result<T, Mistake>,
    ) -> Result<Option<T>, Mistake> {
        self.entry(key).map(|(_, value)| meant(key, value)).transpose()
    }

    fn entry(&self, key: &str) -> Option<&(Node, Node)> {
        let says_nothing = |node: &Node| matches!(node.value, Value::Null) || node.text() == Some("");
        self.0.iter().find(|(name, value)| name.text() == Some(key) && !says_nothing(value))
    }
}
