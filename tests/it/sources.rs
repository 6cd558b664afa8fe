//! The program's own source as text and tokens, for the tests of the house rules.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A Rust file of `src`.
pub(crate) struct Source {
    /// The path relative to `src`.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl Source {
    /// Every Rust file of `src`.
    pub(crate) fn all() -> Vec<Self> {
        let src = root().join("src");
        let mut files = Vec::new();
        walk(&src, &mut |file| {
            if file.extension().is_some_and(|extension| extension == "rs") {
                let path = file.strip_prefix(&src).unwrap().to_owned();
                files.push(Self { path, text: fs::read_to_string(file).unwrap() });
            }
        });
        files
    }

    pub(crate) fn tokens(&self) -> TokenStream {
        self.text.parse().unwrap_or_else(|error| panic!("{}: {error}", self.path.display()))
    }

    /// The modules down to this file: `web`, `login` for `web/login.rs`; none for `lib.rs` and `main.rs`.
    pub(crate) fn modules(&self) -> Vec<String> {
        let path = self.path.with_extension("");
        let names = path.iter().map(|part| part.to_str().unwrap().to_owned());
        names.filter(|name| !["mod", "lib", "main"].contains(&name.as_str())).collect()
    }
}

/// The package's folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Shows `seen` every file under `folder`, in order.
pub(crate) fn walk(folder: &Path, seen: &mut impl FnMut(&Path)) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() { walk(&entry, seen) } else { seen(&entry) }
    }
}

/// Whether this token is that word.
pub(crate) fn is_word(token: Option<&TokenTree>, word: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(name)) if name == word)
}

/// The group in braces that a token is, if it is one.
pub(crate) fn braced(token: Option<&TokenTree>) -> Option<&proc_macro2::Group> {
    match token {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => Some(group),
        _ => None,
    }
}
