//! Names that nobody can own in public DNS.

/// What such names end in: reserved names (RFC 2606, 6761, 6762, 8375, ICANN's `.internal`), and those that networks of homes,
/// firms and clusters use. `fritz.box` is the router's own, and its maker's in public.
const ENDINGS: [&str; 13] = [
    ".local",
    ".localhost",
    ".internal",
    ".intranet",
    ".corp",
    ".home",
    ".home.arpa",
    ".lan",
    ".localdomain",
    ".fritz.box",
    ".test",
    ".svc",
    ".svc.cluster.local",
];

/// Whether only one home, firm or cluster knows a name, which is in small letters and without a final dot: it has no dot at
/// all, or such an ending.
#[must_use]
pub fn is_private(name: &str) -> bool {
    !name.contains('.') || ENDINGS.iter().any(|ending| name.ends_with(ending))
}
