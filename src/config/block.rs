//! The `withings:` block: the only key at the top, known keys under it, each once.

use super::excerpt::{Vocabulary, quoted};
use super::mistake::Mistake;
use super::nearest::nearest;
use super::node::{Node, Value};
use super::secrets::Outside;

/// Every key of the block.
const KEYS: [&str; 11] = [
    "client_id",
    "client_secret",
    "client_secret_file",
    "profiles",
    "base_url",
    "measurements",
    "refresh_interval",
    "requests_per_minute",
    "webhooks",
    "api_url",
    "account_url",
];

const NAME: &str = "withings";

/// What may be shown of a file with this block.
pub(super) const VOCABULARY: Vocabulary = Vocabulary {
    blocks: &[NAME],
    shown: &[
        "account_url",
        "api_url",
        "base_url",
        "client_id",
        "client_secret_file",
        "measurements",
        "profiles",
        "refresh_interval",
        "requests_per_minute",
        "webhooks",
    ],
    secret: &["client_secret"],
    secret_prefix: "client_",
    marks: &["client_secret"],
};

/// The smallest configuration, for those who have none.
pub(super) const EXAMPLE: &str = "\
withings:
  client_id: CLIENT_ID
  client_secret: CLIENT_SECRET
  profiles:
    - Alice
    - Bob";

/// The block as it was written: every key known, none twice.
pub(super) struct Block<'a> {
    name: Node,
    entries: Vec<(Node, Node)>,
    /// What its values may refer to.
    pub(super) outside: &'a Outside<'a>,
}

impl<'a> Block<'a> {
    /// The block of a document that has nothing else.
    pub(super) fn of(document: Node, outside: &'a Outside<'a>) -> Result<Self, Mistake> {
        let (name, content) = only_entry(document)?;
        let entries = match content.value {
            Value::Map(entries) => entries,
            Value::Null => return Err(Mistake::at(&name, format!("`{NAME}:` is empty")).help(example())),
            _ => {
                let what = format!("`{NAME}:` must be a mapping of keys, and this is {}", content.value.kind());
                return Err(Mistake::at(&content, what).help(example()));
            }
        };
        for (index, entry) in entries.iter().enumerate() {
            known(&entry.0, &entry.1)?;
            once(entry, &entries[..index])?;
        }
        Ok(Self { name, entries, outside })
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
        meant(key, &self.outside.resolve(value)?).map(Some)
    }

    /// The mistake in the value of a key that the block has.
    pub(super) fn mistake(&self, key: &str, what: impl Into<String>) -> Mistake {
        let value = self.entry(key).map_or(&self.name, |(_, value)| value);
        Mistake::at(value, what)
    }

    /// The mistake of a block that lacks `key`.
    pub(super) fn missing(&self, key: &str) -> Mistake {
        Mistake::at(&self.name, format!("`{key}` is missing"))
    }

    fn entry(&self, key: &str) -> Option<&(Node, Node)> {
        self.entries.iter().find(|(it, _)| it.text() == Some(key))
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
    for (index, entry) in entries.iter().enumerate() {
        let (key, value) = entry;
        if key.text() != Some(NAME) {
            return Err(misplaced(key, value));
        }
        once(entry, &entries[..index])?;
    }
    entries.pop().ok_or_else(empty)
}

/// The mistake of a key beside `withings:`.
fn misplaced(key: &Node, value: &Node) -> Mistake {
    let name = key.text().unwrap_or_default();
    if KEYS.contains(&name) {
        return Mistake::at(key, format!("`{name}` belongs under `{NAME}:`"))
            .help(format!("indent it by two spaces, below a line `{NAME}:`"));
    }
    Mistake::at(key, format!("{} does not belong here", shown(key, value)))
        .did_you_mean(nearest(name, [NAME]))
        .help(format!("only `{NAME}:` belongs here; copy that block into a file of its own"))
}

fn known(key: &Node, value: &Node) -> Result<(), Mistake> {
    let name = key.text().unwrap_or_default();
    if KEYS.contains(&name) {
        return Ok(());
    }
    Err(Mistake::at(key, format!("{} is not known under `{NAME}:`", shown(key, value)))
        .did_you_mean(nearest(name, KEYS))
        .help(format!("allowed are {}", KEYS.join(", "))))
}

/// Refuses the key of an entry that stands among those before it.
pub(super) fn once((key, value): &(Node, Node), before: &[(Node, Node)]) -> Result<(), Mistake> {
    match key.text() {
        Some(name) if before.iter().any(|(other, _)| other.text() == Some(name)) => {
            let name = word(key, value).unwrap_or_else(|| "this key".to_owned());
            Err(Mistake::at(key, format!("{name} stands twice")).help("keep one of them"))
        }
        _ => Ok(()),
    }
}

/// A key for a message.
pub(super) fn shown(key: &Node, value: &Node) -> String {
    word(key, value).map_or_else(|| "this key".to_owned(), |name| format!("the key {name}"))
}

/// A key in backquotes. One that is no single word, or has no value, may be a secret that lost its own key or colon.
fn word(key: &Node, value: &Node) -> Option<String> {
    let is_word = |word: &&str| !word.is_empty() && !word.contains([':', '=', ' ']);
    let may_be_shown = !key.hidden && !matches!(value.value, Value::Null);
    key.text().filter(is_word).filter(|_| may_be_shown).and_then(quoted)
}
