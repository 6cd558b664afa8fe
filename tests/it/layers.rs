//! Dependencies point down only, and a package is named only where it belongs.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};

use crate::sources::{Source, braced, is_word};

/// The modules of each layer, the lowest first. A module may use those of the layers below its own.
const LAYERS: [&[&str]; 9] = [
    &[
        "backoff",
        "clock",
        "zone",
        "paths",
        "private_name",
        "regular_file",
        "fair_queue",
        "visible",
        "catalogue",
        "process",
    ],
    &["reading", "config", "systemd", "http", "telemetry"],
    &["storage"],
    &["withings"],
    &["login", "exposition"],
    &["webhooks", "history"],
    &["refresh", "web", "remote_write"],
    &["app"],
    &["cli", "commands", "sim"],
];

/// Packages with the only modules that may name them.
const PACKAGES: [(&str, &[&str]); 14] = [
    ("serde_yaml", &["config"]),
    ("reqwest", &["http"]),
    ("oauth2", &["withings"]),
    ("hyper", &["web", "sim"]),
    ("hyper_util", &["web", "sim"]),
    ("jiff", &["zone"]),
    ("rustls", &["http", "storage", "web"]),
    ("aws_lc_rs", &["http", "storage", "web"]),
    ("tokio_postgres", &["storage"]),
    ("deadpool_postgres", &["storage"]),
    ("refinery", &["storage"]),
    ("x509_parser", &["web"]),
    ("prometheus_client", &["exposition", "telemetry"]),
    ("anyhow", &["app", "commands"]),
];

#[test]
fn every_file_keeps_to_its_layer() {
    let sources = Source::all();
    let mistakes: Vec<String> = sources.iter().flat_map(mistakes).collect();
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
    let modules: BTreeSet<String> = sources.iter().filter_map(|source| source.modules().into_iter().next()).collect();
    assert_eq!(modules, LAYERS.concat().into_iter().map(str::to_owned).collect());
}

#[test]
fn the_map_in_the_documentation_has_these_layers() {
    let map = include_str!("../../src/lib.rs");
    for (layer, modules) in LAYERS.iter().enumerate() {
        for module in *modules {
            let is_row =
                |line: &str| line.starts_with(&format!("//! | {layer} |")) && line.contains(&format!("[`{module}`]"));
            assert!(map.lines().any(is_row), "{module} is not in layer {layer} of src/lib.rs");
        }
    }
}

#[test]
fn a_bad_edge_is_found_however_it_is_written() {
    check("web/login.rs", "use crate::login::Logins;", &[]);
    check("login/mod.rs", "use crate::web::App;", &["login uses web"]);
    check("login/mod.rs", "fn f() { g(|| crate::web::serve()) }", &["login uses web"]);
    check(
        "login/mod.rs",
        "use crate::{clock::Clock, web::{self, App}, refresh};",
        &["login uses web", "login uses refresh"],
    );
    check("login/mod.rs", "assert!(x, \"{}\", crate::refresh::y);", &["login uses refresh"]);
    check("login/mod.rs", "use crate::exposition::Exposition;", &["login uses exposition"]);
    check("withings/notify.rs", "use crate::config::Selection;", &["withings uses config"]);
    check("login/mod.rs", "use crate::*;", &["login uses *"]);
    check("sim/cloud.rs", "use crate::clock::Clock; use crate::catalogue::Call;", &["sim uses catalogue"]);
    check("commands/demo.rs", "use crate::{cli, sim, web};", &[]);
}

#[test]
fn a_bad_edge_is_found_behind_super() {
    check("login/mod.rs", "use super::web::App;", &["login uses web"]);
    check("login/mod.rs", "mod tests { use super::web; use super::super::refresh; }", &["login uses refresh"]);
    check("login/tokens.rs", "use super::web; use super::super::web::App;", &["login uses web"]);
    check("http.rs", "use super::{clock, storage::Storage};", &["http uses storage"]);
}

#[test]
fn what_is_said_and_not_used_is_no_edge() {
    check("login/mod.rs", "//! [`crate::web`] uses it.\n/* crate::web */ const A: &str = \"crate::web hyper::\";", &[]);
    check("login/mod.rs", "const QUOTE: char = '\"'; fn f<'a>() {} // crate::web \"", &[]);
}

#[test]
fn a_package_is_found_outside_of_its_place() {
    check("http.rs", "use reqwest::Client;", &[]);
    check("withings/client.rs", "type Answer = reqwest::Response;", &["withings names reqwest"]);
    check("storage/mod.rs", "fn f() { hyper_util::f() }", &["storage names hyper_util"]);
}

/// Expects these mistakes in a file.
#[track_caller]
fn check(path: &str, text: &str, expected: &[&str]) {
    let found = mistakes(&Source { path: path.into(), text: text.to_owned() });
    let expected: Vec<String> = expected.iter().map(|problem| format!("{path}:1: {problem}")).collect();
    assert_eq!(found, expected, "{text}");
}

/// The mistakes of a file: what it uses and must not. The two roots, `lib.rs` and `main.rs`, stand above all layers.
fn mistakes(source: &Source) -> Vec<String> {
    let modules = source.modules();
    let Some(module) = modules.first() else { return Vec::new() };
    let mut paths = Paths::default();
    paths.visit(source.tokens(), modules.len());
    let edges = paths.from_root.iter().filter(|(_, to)| !may_use(module, to)).map(|(line, to)| (line, "uses", to));
    let names =
        paths.words.iter().filter(|(_, word)| !may_name(module, word)).map(|(line, word)| (line, "names", word));
    edges
        .chain(names)
        .map(|(line, verb, what)| format!("{}:{line}: {module} {verb} {what}", source.path.display()))
        .collect()
}

fn may_use(from: &str, to: &str) -> bool {
    let layer = |module| LAYERS.iter().position(|modules| modules.contains(&module));
    match from {
        _ if from == to => true,
        "sim" => ["clock", "zone"].contains(&to),
        "commands" => layer(to).is_some(),
        // They are given what they need of the configuration.
        "withings" | "login" if to == "config" => false,
        _ => layer(to).is_some() && layer(to) < layer(from),
    }
}

fn may_name(module: &str, word: &str) -> bool {
    PACKAGES.iter().all(|(package, places)| *package != word || places.contains(&module))
}

/// The words of a file and what its paths take from the root of the crate, each with its line.
#[derive(Default)]
struct Paths {
    from_root: Vec<(usize, String)>,
    words: Vec<(usize, String)>,
}

impl Paths {
    /// Reads the tokens of a module that is `depth` modules below the root.
    fn visit(&mut self, tokens: TokenStream, depth: usize) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        for (index, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Ident(word) => {
                    self.words.push((word.span().start().line, word.to_string()));
                    self.note_path(&tokens[index..], depth);
                }
                TokenTree::Group(group) => {
                    let is_module = index >= 2 && is_word(tokens.get(index - 2), "mod");
                    self.visit(group.stream(), depth + usize::from(is_module));
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    /// Notes where a path leads that begins with `crate::`, or with as many `super::` as reach the root.
    fn note_path(&mut self, tokens: &[TokenTree], depth: usize) {
        if is_word(tokens.first(), "crate") {
            self.note_heads(after_colons(tokens));
            return;
        }
        let mut rest = tokens;
        for _ in 0..depth {
            if !is_word(rest.first(), "super") {
                return;
            }
            rest = after_colons(rest);
        }
        self.note_heads(rest);
    }

    fn note_heads(&mut self, rest: &[TokenTree]) {
        let Some(first) = rest.first() else { return };
        let Some(group) = braced(Some(first)) else {
            self.from_root.push((first.span().start().line, first.to_string()));
            return;
        };
        let branches: Vec<_> = group.stream().into_iter().collect();
        for branch in branches.split(|token| matches!(token, TokenTree::Punct(comma) if comma.as_char() == ',')) {
            self.note_heads(branch);
        }
    }
}

/// The tokens after a word and two colons; none where no colons follow.
fn after_colons(tokens: &[TokenTree]) -> &[TokenTree] {
    let is_colon = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':');
    match tokens {
        [_, first, second, rest @ ..] if is_colon(first) && is_colon(second) => rest,
        _ => &[],
    }
}
