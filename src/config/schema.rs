//! The keys of a file, each with the kind of its value: what the parser knows, what it suggests, and what an error message
//! may show.

/// A key, and what stands under it.
pub(super) type Key = (&'static str, Kind);

/// What stands under a key.
pub(super) enum Kind {
    /// A mapping of these keys; of any keys if there are none here.
    Section(&'static [Key]),
    /// A whole number.
    Number,
    /// A duration.
    Duration,
    /// Yes or no.
    Boolean,
    /// Names of measurements and of groups of them.
    Measurements,
    /// Names of people.
    Profiles,
    /// A word of a list, or several of them.
    Word,
    /// A secret, or text that may have one in it, as a URL may.
    Text,
}

/// The file whose only key is `withings`.
pub(super) const FILE: &[Key] = &[(NAME, Kind::Section(KEYS))];

/// The key at the top.
pub(super) const NAME: &str = "withings";

/// The keys of the `withings:` block.
pub(super) const KEYS: &[Key] = &[
    ("client_id", Kind::Text),
    ("client_secret", Kind::Text),
    ("client_secret_file", Kind::Text),
    ("profiles", Kind::Profiles),
    ("base_url", Kind::Text),
    ("measurements", Kind::Measurements),
    ("refresh_interval", Kind::Duration),
    ("requests_per_minute", Kind::Number),
    ("webhooks", Kind::Boolean),
    ("api_url", Kind::Text),
    ("account_url", Kind::Text),
];

impl Kind {
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
