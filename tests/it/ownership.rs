//! A storage directory that others may write to, or that others have written to: tokens get into no file of theirs, what they
//! have put there is not believed, and what is wrong is refused before anything changes.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use withings_exporter::process;

use crate::config::{exporter, write};
use crate::program::{Program, fed};
use crate::world::World;

/// A user that is not this one.
const OTHER: u32 = 4242;

/// A configuration beside a storage directory with the login and the lock of a profile, as this program leaves it.
struct Host(TempDir);

impl Host {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        write(&folder.path().join("withings.yaml"), "withings: {client_id: a, client_secret: b, profiles: Alice}\n");
        let host = Self(folder);
        fs::create_dir_all(host.logins()).unwrap();
        write(&host.login(), "{\"format\":1,\"content\":[]}");
        host.permit(&host.logins(), 0o700);
        host
    }

    fn storage(&self) -> PathBuf {
        self.0.path().join("storage")
    }

    fn logins(&self) -> PathBuf {
        self.storage().join("logins")
    }

    fn login(&self) -> PathBuf {
        self.logins().join("alice.lock")
    }

    fn permit(&self, path: &Path, mode: u32) {
        assert!(path.starts_with(self.0.path()));
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    /// Starts the exporter on the directory at `path` and waits until it serves.
    async fn serve(&self, path: &Path) -> Program {
        let mut command = exporter(self.0.path());
        command.args(["--web.listen-address", "127.0.0.1:0", "--storage.path"]).arg(path);
        let program = Program::start(&mut command, &self.0.path().join("log"));
        program.address("").await;
        program
    }

    /// Expects that neither the exporter nor a command beside it uses the directory, and that both say this.
    fn check_refused(&self, advice: &[String]) {
        let before = listing(&self.storage());
        for command in [&["--web.listen-address", "127.0.0.1:0"][..], &["forget", "Alice"]] {
            let output = fed(exporter(self.0.path()).args(command).arg("--storage.path").arg(self.storage()), b"");
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{said}");
            for words in advice {
                assert!(said.contains(words), "{words} is not in {said}");
            }
        }
        assert_eq!(listing(&self.storage()), before, "something was changed");
    }
}

/// Everything below a folder with its permissions.
fn listing(folder: &Path) -> Vec<(PathBuf, u32)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let metadata = fs::symlink_metadata(entry.path()).unwrap();
        found.push((entry.path(), metadata.mode()));
        if metadata.is_dir() {
            found.extend(listing(&entry.path()));
        }
    }
    found.sort();
    found
}

#[test]
fn a_directory_that_everybody_may_write_is_refused_unless_it_is_sticky() {
    let host = Host::new();
    host.permit(&host.storage(), 0o777);
    host.check_refused(&[format!("`chmod o-w {}`", host.storage().display()), "--storage.path".to_owned()]);
    host.permit(&host.storage(), 0o1777);
    let output = fed(exporter(host.0.path()).args(["forget", "Nobody", "--storage.path"]).arg(host.storage()), b"");
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing is stored"), "{output:?}");
}

#[test]
fn a_link_below_the_directory_is_refused() {
    for link in ["logins", "logins/bob.json", "webhook.json", "serve.lock"] {
        let host = Host::new();
        if link == "logins" {
            fs::remove_dir_all(host.logins()).unwrap();
        }
        let (path, elsewhere) = (host.storage().join(link), TempDir::new().unwrap());
        symlink(elsewhere.path(), &path).unwrap();
        host.check_refused(&[format!("{} is a symbolic link", path.display()), "--storage.path".to_owned()]);
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    }
}

/// Only root can give a file away: as another user the test has nobody's files to be refused.
#[test]
fn what_belongs_to_another_user_is_refused_also_to_root() {
    if process::user() != 0 {
        return;
    }
    let host = Host::new();
    write(&host.storage().join("webhook.json"), "{}");
    for path in [host.logins(), host.login(), host.storage().join("webhook.json")] {
        chown(&path, Some(OTHER), None).unwrap();
        host.check_refused(&[
            format!("{} belongs to user {OTHER}, and this is user 0", path.display()),
            format!("`chown -R 0 {}`", host.storage().display()),
        ]);
        chown(&path, Some(0), None).unwrap();
    }
}

/// Kubernetes gives the volume to root and to a group, and with each mount everything in it to that group as well.
#[tokio::test]
async fn a_directory_of_root_and_a_group_is_used_and_the_folders_in_it_are_closed() {
    let host = Host::new();
    host.permit(&host.logins(), 0o2770);
    host.permit(&host.storage(), 0o2770);
    if process::user() == 0 {
        // Whoever this process is, the directory is somebody else's.
        chown(host.storage(), Some(OTHER), Some(OTHER)).unwrap();
    }
    let program = host.serve(&host.storage()).await;
    assert_eq!(fs::metadata(host.logins()).unwrap().mode() & 0o777, 0o700);
    assert!(!program.said().contains("does not keep permissions"), "{}", program.said());
}

/// systemd leads to the directory of a dynamic user by a link.
#[tokio::test]
async fn the_directory_may_be_a_link() {
    let host = Host::new();
    let link = host.0.path().join("link");
    symlink(host.storage(), &link).unwrap();
    let _program = host.serve(&link).await;
    assert!(host.storage().join("serve.lock").exists());
}

/// The exporter's own link, which leads to the budget in memory.
#[tokio::test]
async fn the_link_of_the_budget_is_made_anew() {
    let (host, runtime) = (Host::new(), TempDir::new().unwrap());
    let budget = host.storage().join("budget");
    symlink("of-a-former-start", &budget).unwrap();
    let mut command = exporter(host.0.path());
    command.args(["--web.listen-address", "127.0.0.1:0", "--storage.path"]).arg(host.storage());
    let program = Program::start(command.env("RUNTIME_DIRECTORY", runtime.path()), &host.0.path().join("log"));
    program.address("").await;
    assert_eq!(fs::read_link(&budget).unwrap(), runtime.path().join("budget"));
}

#[tokio::test(crate = "crate::paused")]
async fn a_planted_temporary_name_or_link_gets_no_tokens() {
    let world = World::connected(&["Alice"]).await;
    let logins = world.disk.path().join("logins");
    let files = fs::read_dir(&logins).unwrap().map(|entry| entry.unwrap().path());
    let login = files.into_iter().find(|path| path.extension().is_some_and(|kind| kind == "json")).unwrap();
    let elsewhere = TempDir::new().unwrap();
    let (theirs, planted) = (elsewhere.path().join("theirs"), login.with_extension("json.new"));
    write(&theirs, "");
    symlink(&theirs, &planted).unwrap();
    world.connect("Alice").await;
    assert_eq!(fs::read_to_string(&theirs).unwrap(), "", "tokens were written elsewhere");
    for entry in fs::read_dir(&logins).unwrap().map(Result::unwrap).filter(|entry| entry.path() != planted) {
        let found = entry.metadata().unwrap();
        assert_eq!((found.mode() & 0o777, found.uid()), (0o600, process::user()), "{}", entry.path().display());
    }
    assert_eq!(fs::metadata(&logins).unwrap().mode() & 0o777, 0o700);
}

/// A file that is put there while the exporter runs.
#[tokio::test(crate = "crate::paused")]
async fn a_login_that_another_user_has_put_there_is_not_believed() {
    if process::user() != 0 {
        return;
    }
    let world = World::connected(&["Alice"]).await;
    let logins = world.disk.path().join("logins");
    let before = world.stored("Alice").unwrap();
    world.edit_login("Alice", |login| login["user_id"] = "666".into());
    let files = fs::read_dir(&logins).unwrap().map(|entry| entry.unwrap().path());
    for path in files.filter(|path| path.extension().is_some_and(|kind| kind == "json")) {
        chown(path, Some(OTHER), None).unwrap();
    }
    let known = world.caller("Alice");
    assert!(known.devices().await.is_err(), "the planted login of {} was used", before.user_id);
}
