//! The rules of the house that a machine can check: sizes, and nothing of one machine in what is published.

use std::collections::BTreeSet;
use std::fs;

use proc_macro2::{TokenStream, TokenTree};

use crate::sources::{Source, braced, is_word, root, walk};

/// The longest file, lines.
const LONGEST_FILE: usize = 500;
/// What half of the files stay under, lines.
const MEDIAN_FILE: usize = 200;
/// The longest body of a function, lines.
const LONGEST_FUNCTION: usize = 60;
/// What most functions stay under, lines.
const USUAL_FUNCTION: usize = 30;

/// Where people keep their files, and where no file of this project lies.
const PRIVATE_FOLDERS: [&str; 3] = ["/home/", "/Users/", ":\\Users\\"];

#[test]
fn files_are_short() {
    let mut files: Vec<_> =
        Source::all().iter().map(|source| (source.text.lines().count(), source.path.clone())).collect();
    files.sort();
    let (longest, path) = files.last().unwrap();
    assert!(*longest <= LONGEST_FILE, "{} has {longest} lines", path.display());
    let (median, _) = files[files.len() / 2];
    assert!(median <= MEDIAN_FILE, "the median is {median} lines");
}

#[test]
fn functions_are_short() {
    let mut functions = Vec::new();
    for source in Source::all() {
        let bodies = bodies(source.tokens());
        functions.extend(bodies.into_iter().map(|(name, lines)| (lines, name, source.path.clone())));
    }
    let (longest, name, path) = functions.iter().max().unwrap();
    assert!(*longest <= LONGEST_FUNCTION, "{name} in {} has {longest} lines", path.display());
    let long = functions.iter().filter(|(lines, ..)| *lines >= USUAL_FUNCTION).count();
    assert!(long * 20 <= functions.len(), "{long} of {} functions have {USUAL_FUNCTION} lines", functions.len());
}

#[test]
fn bodies_are_counted_between_their_braces() {
    let text = "fn one() { 1 }\ntrait T { fn none(); }\nfn three(\n  it: fn(u8) -> u8,\n) -> impl Fn() -> u8 {\n  \"{\";\n\n  move || it(1)\n}";
    let expected = [("one", 0), ("three", 3)].map(|(name, lines)| (name.to_owned(), lines));
    assert_eq!(bodies(text.parse().unwrap()), expected);
}

/// `tests/run --long` runs what is left out otherwise, so nothing may be left out for another reason.
#[test]
fn only_long_tests_are_left_out() {
    let mut left_out = 0;
    for (file, text) in published() {
        for mark in text.lines().map(str::trim).filter(|line| line.starts_with("#[ignore")) {
            assert_eq!(mark, "#[ignore = \"long: tests/run --long\"]", "{file}");
            left_out += 1;
        }
    }
    assert!(left_out > 0);
}

/// A parameter of a closure says what it is: `|row|`, `|reading|`.
#[test]
fn nothing_is_called_it() {
    for source in Source::all() {
        assert!(!has_word(source.tokens(), "it"), "{} calls something `it`", source.path.display());
    }
}

#[test]
fn a_word_is_found_in_code_alone() {
    let has_it = |text: &str| has_word(text.parse().unwrap(), "it");
    assert!(has_it("fn f(rows: &[Row]) { rows.iter().any(|it| it.is_new()) }"));
    assert!(has_it("fn f() { for (_, it) in rows() {} }"));
    assert!(!has_it("/// As it is.\nfn f() { let fit = \"it\"; // it\n}"));
}

#[test]
fn no_published_file_names_a_private_folder() {
    for (name, text) in published() {
        let private = PRIVATE_FOLDERS.iter().find(|folder| text.contains(*folder));
        assert!(private.is_none() || name == "tests/it/house.rs", "{name} names {}", private.unwrap());
    }
}

#[test]
fn every_package_comes_from_its_public_registry() {
    let locks = ["Cargo.lock", "grafana/generator/Cargo.lock", "tests/bench/Cargo.lock", "tests/fuzz/Cargo.lock"]
        .map(|path| fs::read_to_string(root().join(path)).unwrap());
    let sources: BTreeSet<_> =
        locks.iter().flat_map(|lock| lock.lines()).filter_map(|line| line.strip_prefix("source = ")).collect();
    assert!(sources.len() == 1 && sources.iter().all(|source| source.starts_with("\"registry+")), "{sources:?}");
    let python =
        ["requirements.txt", "grafana.txt"].map(|name| fs::read_to_string(root().join("tests/python").join(name)));
    for requirement in
        python.iter().flat_map(|list| list.as_ref().unwrap().lines()).filter(|line| !line.starts_with('#'))
    {
        let (name, version) = requirement.split_once("==").unwrap_or_else(|| panic!("{requirement} has no version"));
        let is_plain = |text: &str| text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-.!".contains(letter));
        assert!(is_plain(name) && is_plain(version), "{requirement}");
    }
}

/// Whether a word is anywhere in the code, at any depth.
fn has_word(tokens: TokenStream, word: &str) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Group(group) => has_word(group.stream(), word),
        token => is_word(Some(&token), word),
    })
}

/// The functions that have a body, with its lines between the braces.
fn bodies(tokens: TokenStream) -> Vec<(String, usize)> {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut found = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if let (true, Some(TokenTree::Ident(name))) = (is_word(Some(token), "fn"), tokens.get(index + 1)) {
            let is_end = |token: &&TokenTree| matches!(token, TokenTree::Punct(end) if end.as_char() == ';');
            let mut signature = tokens[index..].iter().take_while(|token| !is_end(token));
            if let Some(body) = signature.find_map(|token| braced(Some(token))) {
                let lines = body.span_close().start().line - body.span_open().start().line;
                found.push((name.to_string(), lines.saturating_sub(1)));
            }
        }
        if let TokenTree::Group(group) = token {
            found.extend(bodies(group.stream()));
        }
    }
    found
}

/// Every text file that is not ignored, by its path from the package's folder.
fn published() -> Vec<(String, String)> {
    let ignored = fs::read_to_string(root().join(".gitignore")).unwrap();
    let is_ignored = |name: &str| name == ".git" || ignored.lines().any(|line| line.strip_prefix('/') == Some(name));
    let mut files = Vec::new();
    for entry in fs::read_dir(root()).unwrap().map(Result::unwrap) {
        let mut keep = |file: &std::path::Path| {
            let name = file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            files.extend(fs::read_to_string(file).ok().map(|text| (name, text)));
        };
        match entry.path() {
            _ if is_ignored(entry.file_name().to_str().unwrap()) => {}
            path if path.is_dir() => walk(&path, &mut keep),
            path => keep(&path),
        }
    }
    files
}
