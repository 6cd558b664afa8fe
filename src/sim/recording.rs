//! Captured answers of a person.

use std::collections::HashMap;

use serde_json::Value;

use super::call::{Action, Params};

/// The captured envelopes.
#[derive(Debug)]
pub(super) struct Recording(pub(super) HashMap<Action, Value>);

impl Recording {
    /// The captured answer. `None`: nothing was captured, or the call asks for what follows the one page that was.
    pub(super) fn answer(&self, action: Action, params: &Params) -> Option<&Value> {
        let follows = params.get("offset").is_some_and(|it| it != "0");
        self.0.get(&action).filter(|_| !follows)
    }
}
