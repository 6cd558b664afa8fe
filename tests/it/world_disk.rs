//! The disk of a world: what is on it, and what may happen to it.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use serde::Deserialize;
use serde_json::Value;
use withings_exporter::storage::Login;

use crate::world::World;

impl World {
    /// Breaks the logins' part of the disk: it can neither be read nor written, not even by root.
    pub(crate) fn break_disk(&self) {
        fs::File::create(self.disk.path().join("away")).unwrap();
        self.exchange_logins();
    }

    /// Makes the disk whole again, with what was on it.
    pub(crate) fn mend_disk(&self) {
        self.exchange_logins();
        fs::remove_file(self.disk.path().join("away")).unwrap();
    }

    /// In one step, or a thread of the exporter would make the directory anew in between.
    fn exchange_logins(&self) {
        let [logins, away] = ["logins", "away"].map(|folder| self.disk.path().join(folder));
        renameat_with(CWD, logins, CWD, away, RenameFlags::EXCHANGE).unwrap();
    }

    /// The file of the plans on the disk.
    pub(crate) fn plans_file(&self) -> PathBuf {
        self.disk.path().join("plans.json")
    }

    /// The login of `profile` on the disk.
    pub(crate) fn stored(&self, profile: &str) -> Option<Login> {
        #[derive(Deserialize)]
        struct File {
            content: Login,
        }
        let files = fs::read_dir(self.disk.path().join("logins")).ok()?.map(|entry| entry.unwrap().path());
        let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
        let logins = files.filter_map(|path| serde_json::from_slice::<File>(&fs::read(path).ok()?).ok());
        logins.map(|file| file.content).find(|login| login.profile == profile)
    }

    /// Changes the login file of `profile` as another process does: whole, by a rename.
    pub(crate) fn edit_login(&self, profile: &str, edit: impl FnOnce(&mut Value)) {
        let files = fs::read_dir(self.disk.path().join("logins")).unwrap().map(|entry| entry.unwrap().path());
        for path in files.filter(|path| path.extension().is_some_and(|extension| extension == "json")) {
            let mut file: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            if file["content"]["profile"] == profile {
                edit(&mut file["content"]);
                let new = path.with_extension("edited");
                fs::File::create(&new).unwrap().write_all(file.to_string().as_bytes()).unwrap();
                return fs::rename(new, path).unwrap();
            }
        }
        panic!("{profile} has no login");
    }
}
