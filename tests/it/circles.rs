//! No circles inside a room: what a file needs does not need the file. The root of a room, its `mod.rs`, is above its
//! files, which may use its types.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};

use crate::sources::{Source, braced, is_word};

/// The names of a module, from the root of the crate.
type Module = Vec<String>;

/// The files that each file needs.
type Needs = BTreeMap<Module, BTreeSet<Module>>;

#[test]
fn no_file_needs_one_that_needs_it() {
    let circles = circles(&needs(&Source::all()));
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

#[test]
fn a_circle_is_found_however_it_is_written() {
    check(&[("a/b.rs", "use super::c::X;"), ("a/c.rs", "fn f() { crate::a::b::g() }")], &["a::b -> a::c -> a::b"]);
    check(
        &[
            ("a/mod.rs", "mod b; mod c; mod d; use d::{self, Y};"),
            ("a/b.rs", "use super::{c, Z};"),
            ("a/c.rs", "use super::Y;"),
            ("a/d.rs", "use super::b::{self, W};"),
        ],
        &["a::b -> a::c -> a::d -> a::b"],
    );
}

#[test]
fn what_only_tests_need_and_what_roots_and_their_files_share_is_no_circle() {
    check(&[("a/b.rs", "use super::c::X;"), ("a/c.rs", "#[cfg(test)] mod tests { use super::super::b::Y; }")], &[]);
    check(&[("a/b.rs", "use super::c::X;"), ("a/c_tests.rs", "use crate::a::b::Y;"), ("a/c.rs", "")], &[]);
    check(&[("a/mod.rs", "mod b; use b::X; struct Y;"), ("a/b.rs", "use super::Y;")], &[]);
    check(&[("a/b.rs", "use crate::d::X;"), ("d/e.rs", "use crate::a::b::Y;")], &[]);
}

/// Expects these circles among files with these texts.
#[track_caller]
fn check(files: &[(&str, &str)], expected: &[&str]) {
    let source = |(path, text): &(&str, &str)| Source { path: path.into(), text: (*text).to_owned() };
    let sources: Vec<_> = files.iter().map(source).collect();
    assert_eq!(circles(&needs(&sources)), expected);
}

fn needs(sources: &[Source]) -> Needs {
    let is_of_program = |source: &&Source| !source.path.with_extension("").to_string_lossy().ends_with("tests");
    let sources: Vec<_> = sources.iter().filter(is_of_program).collect();
    let files: BTreeSet<Module> = sources.iter().map(|source| source.modules()).collect();
    let paths: BTreeMap<Module, Vec<Vec<String>>> =
        sources.iter().map(|source| (source.modules(), paths(source.tokens()))).collect();
    let home = |from: &Module, path: &[String]| {
        let (found, rest) = follow(&files, from, path)?;
        // A root may have taken the name from one of its files.
        let taken = |path: &&Vec<String>| rest.is_some() && path.last() == rest && path.len() > 1;
        let taken = paths.get(&found)?.iter().find(taken).and_then(|path| follow(&files, &found, path));
        Some(taken.map_or(found, |(module, _)| module))
    };
    let of_file = |file: &Module| {
        let needed = paths[file].iter().filter_map(|path| home(file, path));
        needed
            .filter(|module| module.first() == file.first() && !module.starts_with(file) && !file.starts_with(module))
            .collect()
    };
    files.iter().map(|file| (file.clone(), of_file(file))).collect()
}

/// The file that a path leads to, and the name that it takes there.
fn follow<'a>(files: &BTreeSet<Module>, from: &Module, path: &'a [String]) -> Option<(Module, Option<&'a String>)> {
    let (mut at, mut rest) = (from.clone(), path);
    while let [first, tail @ ..] = rest {
        match first.as_str() {
            "crate" => at.clear(),
            "super" => drop(at.pop()),
            "self" => {}
            _ => break,
        }
        rest = tail;
    }
    let begun = rest.len() < path.len();
    while let [first, tail @ ..] = rest {
        let next = [&at[..], std::slice::from_ref(first)].concat();
        if !files.iter().any(|file| file.starts_with(&next)) {
            break;
        }
        (at, rest) = (next, tail);
    }
    (begun || at != *from).then_some((at, rest.first()))
}

/// Every path of a text, one for each name in braces, but those of its tests.
fn paths(tokens: TokenStream) -> Vec<Vec<String>> {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let (mut found, mut is_test) = (Vec::new(), false);
    for (index, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Ident(_) if index == 0 || !is_colon(&tokens[index - 1]) => {
                found.extend(branches(&tokens[index..]));
            }
            // The names in the braces of a path are read with it.
            TokenTree::Group(_) if index > 0 && is_colon(&tokens[index - 1]) && braced(Some(token)).is_some() => {}
            TokenTree::Group(group) => {
                let is_attribute = group.stream().to_string().replace(' ', "") == "cfg(test)";
                let is_module = index >= 2 && is_word(tokens.get(index - 2), "mod");
                if !(is_test && is_module) {
                    found.extend(paths(group.stream()));
                }
                is_test = is_attribute || is_test && !is_module;
            }
            TokenTree::Punct(punct) if punct.as_char() == ';' => is_test = false,
            _ => {}
        }
    }
    found
}

/// The paths that begin with these tokens.
fn branches(tokens: &[TokenTree]) -> Vec<Vec<String>> {
    let [TokenTree::Ident(first), rest @ ..] = tokens else { return Vec::new() };
    let first = first.to_string();
    let tails = match rest {
        [one, two, TokenTree::Ident(_), ..] if is_colon(one) && is_colon(two) => branches(&rest[2..]),
        [one, two, group, ..] if is_colon(one) && is_colon(two) && braced(Some(group)).is_some() => {
            let inner: Vec<_> = braced(Some(group)).into_iter().flat_map(proc_macro2::Group::stream).collect();
            inner.split(is_comma).flat_map(branches).collect()
        }
        _ => return vec![vec![first]],
    };
    tails.into_iter().map(|tail| [vec![first.clone()], tail].concat()).collect()
}

fn is_colon(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':')
}

fn is_comma(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',')
}

/// A circle of each file that is in one, written from the first of its files on.
fn circles(needs: &Needs) -> Vec<String> {
    let mut found = BTreeSet::new();
    for file in needs.keys() {
        if let Some(circle) = way(needs, file, file) {
            let first = circle.iter().min().cloned();
            let place = circle.iter().position(|module| Some(module) == first.as_ref()).unwrap_or_default();
            let turned = circle[place..].iter().chain(&circle[..place]).chain(&first);
            found.insert(turned.map(|module| module.join("::")).collect::<Vec<_>>().join(" -> "));
        }
    }
    found.into_iter().collect()
}

/// The shortest way that leads from one file to another, without its end.
fn way(needs: &Needs, from: &Module, to: &Module) -> Option<Vec<Module>> {
    let (mut ways, mut seen) = (vec![vec![from.clone()]], BTreeSet::new());
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for next in needs.get(&way[way.len() - 1]).into_iter().flatten() {
                if next == to {
                    return Some(way);
                }
                if seen.insert(next.clone()) {
                    longer.push([&way[..], std::slice::from_ref(next)].concat());
                }
            }
        }
        ways = longer;
    }
    None
}
