//! The keys of a file, each with the kind of its value: what the parser knows, what it suggests, and what an error message
//! may show.

/// A key, and what stands under it.
pub(super) type Key = (&'static str, KeyKind);

/// What stands under a key.
pub(super) enum KeyKind {
    /// A mapping of these keys; of any keys if there are none here.
    Section(&'static [Key]),
    /// Names of people or measurements.
    Names,
    /// A number, a duration, yes or no, or words of a list.
    Plain,
    /// A secret, or text that may have one in it, as a URL may.
    Text,
}

/// The file whose only key is `withings`.
pub(super) const FILE: &[Key] = &[(NAME, KeyKind::Section(KEYS))];

/// The key at the top.
pub(super) const NAME: &str = "withings";

/// The keys of the `withings:` block.
pub(super) const KEYS: &[Key] = &[
    ("client_id", KeyKind::Text),
    ("client_secret", KeyKind::Text),
    ("client_secret_file", KeyKind::Text),
    ("profiles", KeyKind::Names),
    ("base_url", KeyKind::Text),
    ("measurements", KeyKind::Names),
    ("refresh_interval", KeyKind::Plain),
    ("requests_per_minute", KeyKind::Plain),
    ("webhooks", KeyKind::Plain),
    ("use_webhook", KeyKind::Plain),
    ("api_url", KeyKind::Text),
    ("account_url", KeyKind::Text),
];

impl KeyKind {
    /// Whether an error message may show values of this kind.
    pub(super) fn is_shown(&self) -> bool {
        !matches!(self, Self::Section(_) | Self::Text)
    }

    /// The kind of the key with this name, at any depth of `keys`.
    pub(super) fn of(name: &str, keys: &'static [Key]) -> Option<&'static Self> {
        keys.iter().find_map(|(key, kind)| match kind {
            _ if *key == name => Some(kind),
            Self::Section(inner) => Self::of(name, inner),
            _ => None,
        })
    }
}

/// The names of the keys.
pub(super) fn names(keys: &[Key]) -> impl Iterator<Item = &'static str> {
    keys.iter().map(|(name, _)| *name)
}
