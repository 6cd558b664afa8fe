//! Captured answers in place of generated people.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::UserId;
use super::call::Action;
use super::person::Person;
use super::user::{Recording, User};
use crate::zone::Zone;

const REPLAY_USER: UserId = 30_817_000;

/// The files, and the list that the answer in each of them must have.
const FILES: [(&str, Action, &str); 9] = [
    ("getmeas.json", Action::Getmeas, "measuregrps"),
    ("getactivity.json", Action::Getactivity, "activities"),
    ("getintradayactivity.json", Action::Getintradayactivity, "series"),
    ("getworkouts.json", Action::Getworkouts, "series"),
    ("getsummary.json", Action::Getsummary, "series"),
    ("sleep_get.json", Action::SleepGet, "series"),
    ("getdevice.json", Action::Getdevice, "devices"),
    ("getgoals.json", Action::Getgoals, "goals"),
    ("heart_list.json", Action::HeartList, "series"),
];

/// Why a directory of captured answers cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The path is no directory.
    #[error("{} is not a directory", .0.display())]
    NotADirectory(PathBuf),
    /// None of the known files is there.
    #[error("{} has no captured answer: looked for {}", dir.display(), names())]
    NothingKnown {
        /// The directory.
        dir: PathBuf,
    },
    /// A file cannot be read.
    #[error("cannot read {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not JSON.
    #[error("{}, line {line}, column {column}: not JSON", file.display())]
    NotJson {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1; 0 is the end of the line before.
        column: usize,
        /// What was wrong there.
        source: serde_json::Error,
    },
    /// A file is JSON, but no answer of this call.
    #[error("{} is not an answer of its call: `{list}` is missing", file.display())]
    NotAnAnswer {
        /// The file.
        file: PathBuf,
        /// What it should have.
        list: &'static str,
    },
}

/// The user whose answers are the files of `dir`.
pub(super) fn recorded(dir: &Path) -> Result<User, ReplayError> {
    if !dir.is_dir() {
        return Err(ReplayError::NotADirectory(dir.to_owned()));
    }
    let mut envelopes = HashMap::new();
    for (name, action, list) in FILES {
        if let Some(envelope) = read(&dir.join(name), list)? {
            envelopes.insert(action, envelope);
        }
    }
    if envelopes.is_empty() {
        return Err(ReplayError::NothingKnown { dir: dir.to_owned() });
    }
    let person = Person::new(REPLAY_USER, "replay", Zone::UTC);
    Ok(User { recording: Some(Recording(envelopes)), ..User::new(person) })
}

/// The envelope in a file, if there is such a file.
fn read(file: &Path, list: &'static str) -> Result<Option<Value>, ReplayError> {
    let text = match std::fs::read(file) {
        Ok(text) => text,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(ReplayError::Read { file: file.to_owned(), source }),
    };
    let json = serde_json::from_slice(&text).map_err(|source| ReplayError::NotJson {
        file: file.to_owned(),
        line: source.line(),
        column: source.column(),
        source,
    })?;
    envelope(json, list).map(Some).ok_or_else(|| ReplayError::NotAnAnswer { file: file.to_owned(), list })
}

/// The envelope of a captured answer: the whole one, the body of one, or the list of its body. A captured error counts.
fn envelope(json: Value, list: &str) -> Option<Value> {
    match json {
        Value::Array(_) if list == "measuregrps" => Some(json!({"status": 0, "body": {list: json}})),
        Value::Object(map) if map.contains_key("status") => {
            let refused = map["status"] != 0;
            (refused || map.get("body").is_some_and(|body| body.get(list).is_some())).then_some(Value::Object(map))
        }
        Value::Object(map) if map.contains_key(list) => Some(json!({"status": 0, "body": map})),
        _ => None,
    }
}

fn names() -> String {
    FILES.map(|(name, ..)| name).join(", ")
}
