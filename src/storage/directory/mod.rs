//! The one back end of storage: a directory (0700) of files (0600), one set for each profile.

mod atomic;
pub(super) mod budget_file;
pub(super) mod checkpoint;
pub(super) mod disk;
pub(super) mod files;
pub(super) mod json_file;
pub(super) mod login_states;
pub(super) mod logins;
pub(super) mod ownership;
mod plans_file;
pub(super) mod readings;
pub(super) mod root;
pub(super) mod rotation;
mod secrets;
pub(super) mod set_aside;

use super::{Storage, StorageError, budget, login, plan, queue};
