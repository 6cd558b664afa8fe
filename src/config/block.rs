//! The `withings:` block: the only key at the top, known keys under it, each once.

use std::collections::HashSet;

use super::mistake::Mistake;
use super::nearest::nearest;
use super::node::{Node, Value};
use super::redaction::quoted_key;
use super::schema::{self, KEYS, Key, NAME};
use super::secret_sources::SecretSources;

/// The smallest configuration, for those who have none.
pub(super) const EXAMPLE: &str = "\
withings:
  client_id: CLIENT_ID
  client_secret: CLIENT_SECRET
  profiles:
    - Alice
    - Bob";

/// The key that every block of this program has. The block that Home Assistant took last has no such key.
const PROFILES: &str = "profiles";

/// Where somebody who comes from Home Assistant finds what is missing.
const HOME_ASSISTANT: &str = "from Home Assistant: the people are the entries under Settings, Devices & services, Withings; id \
    and secret are under Application credentials in the menu there, and in the file .storage/application_credentials";

/// The block as it was written: every key known, none twice.
pub(super) struct Block<'a> {
    name: Node,
    entries: Vec<(Node, Node)>,
    /// Where the values may refer to.
    pub(super) sources: &'a SecretSources<'a>,
}

impl<'a> Block<'a> {
    /// The block of a document that has nothing else.
    pub(super) fn of(document: Node, sources: &'a SecretSources<'a>) -> Result<Self, Mistake> {
        let (name, content) = only_entry(document)?;
        let entries = match content.value {
            Value::Map(entries) => entries,
            Value::Null => return Err(Mistake::at(&name, format!("`{NAME}:` is empty")).help(example())),
            _ => {
                let what = format!("`{NAME}:` must be a mapping of keys, and this is {}", content.value.kind());
                return Err(Mistake::at(&content, what).help(example()));
            }
        };
        check_known(&entries, KEYS, &format!("under `{NAME}:`"))?;
        check_once(&entries)?;
        Ok(Self { name, entries, sources })
    }

    /// The key itself, if the block has it.
    pub(super) fn key(&self, key: &str) -> Option<&Node> {
        Some(&self.entry(key)?.0)
    }

    /// What `meant` makes of the key and its value, if the block has the key.
    pub(super) fn read<T>(
        &self,
        key: &str,
        meant: impl FnOnce(&str, &Node) -> Result<T, Mistake>,
    ) -> Result<Option<T>, Mistake> {
        let Some((_, value)) = self.entry(key) else { return Ok(None) };
        meant(key, &self.sources.resolve(value)?).map(Some)
    }

    /// The mistake in the value of a key that the block has.
    pub(super) fn mistake(&self, key: &str, what: impl Into<String>) -> Mistake {
        let value = self.entry(key).map_or(&self.name, |(_, value)| value);
        Mistake::at(value, what)
    }

    /// The mistake of a block that lacks `key`, with this advice.
    pub(super) fn missing(&self, key: &str, help: impl Into<String>) -> Mistake {
        let mistake = Mistake::at(&self.name, format!("`{key}` is missing")).help(help);
        if self.key(PROFILES).is_none() { mistake.help(HOME_ASSISTANT) } else { mistake }
    }

    fn entry(&self, key: &str) -> Option<&(Node, Node)> {
        debug_assert!(schema::names(KEYS).any(|name| name == key), "{key} is not in the schema");
        self.entries.iter().find(|(name, _)| name.text() == Some(key))
    }
}

/// The advice to write a configuration, with the smallest one.
pub(super) fn example() -> String {
    format!("the smallest configuration is:\n\n{EXAMPLE}")
}

fn only_entry(document: Node) -> Result<(Node, Node), Mistake> {
    let empty = || Mistake::at_place(None, "the file is empty").help(example());
    let mut entries = match document.value {
        Value::Map(entries) => entries,
        Value::Null => return Err(empty()),
        _ => {
            let what = format!("the file must begin with `{NAME}:`, and this is {}", document.value.kind());
            return Err(Mistake::at(&document, what).help(example()));
        }
    };
    if let Some((key, value)) = entries.iter().find(|(key, _)| key.text() != Some(NAME)) {
        return Err(misplaced(key, value));
    }
    check_once(&entries)?;
    entries.pop().ok_or_else(empty)
}

/// The mistake of a key beside `withings:`.
fn misplaced(key: &Node, value: &Node) -> Mistake {
    let name = key.text().unwrap_or_default();
    if schema::names(KEYS).any(|key| key == name) {
        return Mistake::at(key, format!("`{name}` belongs under `{NAME}:`"))
            .help(format!("indent it by two spaces, below a line `{NAME}:`"));
    }
    Mistake::at(key, format!("{} does not belong here", shown(key, value)))
        .did_you_mean(nearest(name, [NAME]))
        .help(format!("only `{NAME}:` belongs here; copy that block into a file of its own"))
}

/// Refuses a key that is not among `keys`; `place` says where it stands.
pub(super) fn check_known(entries: &[(Node, Node)], keys: &[Key], place: &str) -> Result<(), Mistake> {
    let names: Vec<&str> = schema::names(keys).collect();
    let is_unknown = |(key, _): &&(Node, Node)| !key.text().is_some_and(|name| names.contains(&name));
    let Some((key, value)) = entries.iter().find(is_unknown) else { return Ok(()) };
    Err(Mistake::at(key, format!("{} is not known {place}", shown(key, value)))
        .did_you_mean(nearest(key.text().unwrap_or_default(), names.iter().copied()))
        .help(format!("allowed are {}", names.join(", "))))
}

/// Refuses a key that stands among those before it.
pub(super) fn check_once(entries: &[(Node, Node)]) -> Result<(), Mistake> {
    let mut seen = HashSet::new();
    for (key, value) in entries {
        if key.text().is_some_and(|name| !seen.insert(name)) {
            let name = quoted_key(key, value).unwrap_or_else(|| "this key".to_owned());
            return Err(Mistake::at(key, format!("{name} stands twice")).help("keep one of them"));
        }
    }
    Ok(())
}

/// A key for a message.
fn shown(key: &Node, value: &Node) -> String {
    quoted_key(key, value).map_or_else(|| "this key".to_owned(), |name| format!("the key {name}"))
}
