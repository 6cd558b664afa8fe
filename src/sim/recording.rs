//! Captured answers of a person.

use std::collections::HashMap;

use serde_json::Value;

use super::call::{Action, Params};

/// The captured envelopes.
#[derive(Debug)]
pub(super) struct Recording(pub(super) HashMap<Action, Value>);

impl Recording {
    /// The captured answer. `None`: there is none, or the call asks for a page after the captured one.
    pub(super) fn answer(&self, action: Action, params: &Params) -> Option<&Value> {
        let follows = params.get("offset").is_some_and(|offset| offset != "0");
        self.0.get(&action).filter(|_| !follows)
    }
}
