//! Storage as a restart, a crash and a curious neighbour see it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use secrecy::ExposeSecret;
use tracing_subscriber::layer::SubscriberExt;

use super::{Login, NewLogin, OpenError, Pending, Purpose, RotateError, Storage, atomic, file, file_stem, pending};

fn open(root: &Path) -> Storage {
    Storage::open(root, Purpose::Serve).unwrap()
}

fn pair(n: u32) -> NewLogin {
    NewLogin {
        user_id: "42".to_owned(),
        access_token: format!("access-{n}").into(),
        expires_at: 10_800,
        refresh_token: format!("refresh-{n}").into(),
        scopes: vec!["user.metrics".to_owned()],
    }
}

fn connected(storage: &Storage, profile: &str) -> Login {
    storage.lock_login(profile).unwrap().replace(&pair(1), 1000, false).unwrap()
}

#[test]
fn a_rotated_login_keeps_the_refreshed_token_until_the_new_one_was_used() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    let first = connected(&storage, "Alice");
    let lock = storage.lock_login("Alice").unwrap();
    let second = lock.rotate(&first, &pair(2)).unwrap();
    assert_eq!(second.version, first.version + 1);
    let stored = storage.login("Alice").unwrap().unwrap();
    assert_eq!(stored.refresh_token.expose_secret(), "refresh-2");
    assert_eq!(stored.previous_refresh_token.unwrap().expose_secret(), "refresh-1");
    lock.mark_used(&second).unwrap();
    assert!(storage.login("Alice").unwrap().unwrap().previous_refresh_token.is_none());
}

#[test]
fn a_stale_rotation_is_refused_and_shows_what_is_stored() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    let first = connected(&storage, "Alice");
    let lock = storage.lock_login("Alice").unwrap();
    lock.rotate(&first, &pair(2)).unwrap();
    match lock.rotate(&first, &pair(3)) {
        Err(RotateError::Stale(Some(login))) => assert_eq!(login.access_token.expose_secret(), "access-2"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_the_owner_may_read_what_is_stored() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path().join("state");
    let storage = open(&root);
    connected(&storage, "Alice");
    storage.save_readings("Alice", &[1, 2, 3]).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&root), 0o700);
    for folder in ["logins", "readings"] {
        assert_eq!(mode(&root.join(folder)), 0o700);
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            assert_eq!(mode(&entry.unwrap().path()), 0o600);
        }
    }
}

#[test]
fn any_name_is_a_file_of_its_own_inside_the_directory() {
    let long = "ü".repeat(200);
    let names = ["Alice", "alice", "Zoë \"Z\" \\ O'Neil", "../x", "", ".", "a/b", "日本", &long];
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    for name in names {
        connected(&storage, name);
        storage.save_readings(name, &name).unwrap();
    }
    for name in names {
        assert_eq!(storage.login(name).unwrap().unwrap().profile, name);
        assert_eq!(storage.readings::<String>(name).unwrap().as_deref(), Some(name));
        assert!(!file_stem(name).contains(['/', '.', '\\', ' ']), "{}", file_stem(name));
    }
    assert_eq!(fs::read_dir(root.path().join("readings")).unwrap().count(), names.len());
}

#[test]
fn a_file_that_does_not_parse_is_set_aside_not_lost() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    connected(&storage, "Alice");
    let path = storage.path("logins", "Alice", "json");
    let whole = fs::read(&path).unwrap();
    let truncated = &whole[..whole.len() / 2];
    std::io::Write::write_all(&mut fs::File::create(&path).unwrap(), truncated).unwrap();
    assert!(storage.login("Alice").unwrap().is_none());
    assert!(!path.exists());
    assert_eq!(fs::read(path.with_extension("json.broken-0")).unwrap(), truncated);
}

/// Writes this in place of Alice's readings, and expects that it is set aside as it is, with a message that says why and
/// names both paths.
fn check_set_aside(written: &[u8], why: &str) {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    connected(&storage, "Alice");
    storage.save_readings("Alice", &[7]).unwrap();
    let path = storage.path("readings", "Alice", "json");
    std::io::Write::write_all(&mut fs::File::create(&path).unwrap(), written).unwrap();
    let aside = path.with_extension("json.broken-0");
    let said = said_by(|| assert_eq!(storage.readings::<Vec<i32>>("Alice").unwrap(), None));
    assert_eq!(fs::read(&aside).unwrap(), written);
    assert!(!path.exists());
    let names = |path: &Path| said.contains(&format!("{}", path.display()));
    assert!(said.contains(why) && names(&path) && names(&aside) && said.lines().count() == 1, "{said}");
}

/// What the log says of it.
fn said_by(work: impl FnOnce()) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    let log = file.reopen().unwrap();
    let subscriber = tracing_subscriber::registry()
        .with(tracing_logfmt::builder().layer().with_writer(move || log.try_clone().unwrap()));
    tracing::subscriber::with_default(subscriber, work);
    fs::read_to_string(file.path()).unwrap()
}

#[test]
fn what_is_of_no_use_is_set_aside_with_both_names() {
    let broken = "a stored file does not parse";
    check_set_aside(b"", broken);
    check_set_aside(b"\0\xff\x01", broken);
    check_set_aside(br#"{"format":1,"content":[7"#, broken);
    check_set_aside(br#"{"format":1}"#, broken);
    check_set_aside(br#"{"format":1,"content":{"not":"a list"}}"#, broken);
    check_set_aside(br#"{"format":2,"else":[7]}"#, "written by a newer version");
}

#[test]
fn files_from_before_there_were_versions_are_read_and_get_one() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    let login = connected(&storage, "Alice");
    let path = storage.path("logins", "Alice", "json");
    let versioned: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(versioned["format"], 1);
    atomic::write(&path, &versioned["content"]).unwrap();
    assert_eq!(storage.login("Alice").unwrap().unwrap().version, login.version);
    storage.lock_login("Alice").unwrap().rotate(&login, &pair(2)).unwrap();
    let rewritten: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(rewritten["format"], 1);
}

#[test]
fn an_unreadable_file_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    let path = storage.path("logins", "Alice", "json");
    // A directory in the file's place cannot be read as a file by anybody, not even by root.
    fs::create_dir_all(&path).unwrap();
    let error = storage.login("Alice").unwrap_err().to_string();
    assert!(error.ends_with(".json: cannot read"), "{error}");
    assert!(path.is_dir());
}

#[test]
fn one_directory_has_one_server_and_one_purpose() {
    let root = tempfile::tempdir().unwrap();
    let serve = root.path().join("serve");
    let held = open(&serve);
    assert!(matches!(Storage::open(&serve, Purpose::Serve), Err(OpenError::InUse(_))));
    connected(&held, "Alice");
    drop(held);
    assert!(matches!(Storage::open(&serve, Purpose::Demo), Err(OpenError::NotOfTheDemo(_))));
    let demo = root.path().join("demo");
    drop(Storage::open(&demo, Purpose::Demo).unwrap());
    drop(Storage::open(&demo, Purpose::Demo).unwrap());
    assert!(matches!(Storage::open(&demo, Purpose::Serve), Err(OpenError::OfTheDemo(_))));
}

#[test]
fn a_login_state_works_once_and_for_ten_minutes() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    let pending = |started_at| Pending { profile: "Alice".to_owned(), started_at, demo: false };
    storage.add_pending("s1", pending(1000)).unwrap();
    storage.add_pending("s2", pending(1000)).unwrap();
    assert_eq!(storage.take_pending("s1", 1599).unwrap(), Some(pending(1000)));
    assert_eq!(storage.take_pending("s1", 1599).unwrap(), None);
    assert_eq!(storage.take_pending("s2", 1600).unwrap(), None);
    assert_eq!(storage.take_pending("never", 1000).unwrap(), None);
}

#[test]
fn a_flood_of_started_logins_is_bounded_and_keeps_the_newest() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    let pending = |started_at| Pending { profile: "Alice".into(), started_at, demo: false };
    storage.add_pending("oldest", pending(99)).unwrap();
    storage.add_pending("second", pending(100)).unwrap();
    let path = root.path().join("pending.json");
    let mut states: pending::States = file::load(&path).unwrap().unwrap();
    assert!(!states.contains_key("oldest"), "the file must not hold what finishes a login");
    states.extend((2..pending::MOST).map(|n| (format!("s{n}"), pending(100))));
    file::save(&path, &states).unwrap();
    storage.add_pending("newest", pending(101)).unwrap();
    assert!(storage.take_pending("second", 102).unwrap().is_some());
    assert!(storage.take_pending("oldest", 102).unwrap().is_none());
    assert!(storage.take_pending("newest", 102).unwrap().is_some());
}

#[test]
fn a_forgotten_profile_leaves_nothing_and_takes_nobody_with_it() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    for name in ["Alice", "Alice2"] {
        connected(&storage, name);
        storage.save_readings(name, &1).unwrap();
        storage.add_pending(name, Pending { profile: name.to_owned(), started_at: 0, demo: false }).unwrap();
    }
    fs::copy(storage.path("logins", "Alice", "json"), storage.path("logins", "Alice", "json.broken-0")).unwrap();
    fs::copy(storage.path("logins", "Alice", "json"), storage.path("logins", "Alice", "json.new")).unwrap();
    let lock = storage.lock_login("Alice").unwrap();
    assert!(storage.holds("Alice").unwrap());
    assert_eq!(lock.forget().unwrap(), 4);
    assert_eq!(lock.forget().unwrap(), 0);
    assert!(!storage.holds("Alice").unwrap());
    assert!(storage.login("Alice").unwrap().is_none() && !storage.has_readings("Alice"));
    assert!(storage.take_pending("Alice", 1).unwrap().is_none());
    let names =
        |folder| fs::read_dir(root.path().join(folder)).unwrap().map(|it| it.unwrap().file_name()).collect::<Vec<_>>();
    let stem = file_stem("Alice");
    assert!(["logins", "readings"].into_iter().flat_map(names).all(|it| !it.to_string_lossy().starts_with(&stem)));
    assert!(storage.login("Alice2").unwrap().is_some() && storage.has_readings("Alice2"));
    assert!(storage.take_pending("Alice2", 1).unwrap().is_some());
}

#[test]
fn readings_without_a_login_are_not_stored() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    storage.save_readings("Alice", &1).unwrap();
    assert!(!storage.has_readings("Alice"), "a forgotten profile must not come back");
}

#[test]
fn a_write_that_was_killed_leaves_nothing_for_long() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    let half_written = storage.path("logins", "Alice", "json.new");
    let kill = || fs::copy(storage.path("logins", "Alice", "json"), &half_written).unwrap();
    connected(&storage, "Alice");
    kill();
    storage.lock_login("Alice").unwrap().replace(&NewLogin { scopes: Vec::new(), ..pair(2) }, 1000, false).unwrap();
    assert!(!half_written.exists());
    assert_eq!(storage.login("Alice").unwrap().unwrap().refresh_token.expose_secret(), "refresh-2");
    kill();
    storage.lock_login("Alice").unwrap().forget().unwrap();
    assert!(!half_written.exists());
}

#[test]
fn a_new_name_adopts_login_and_readings() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    connected(&storage, "Alice");
    storage.save_readings("Alice", &7).unwrap();
    let (former, new) = (storage.lock_login("Alice").unwrap(), storage.lock_login("Alicia").unwrap());
    let adopted = new.adopt(&former).unwrap().unwrap();
    assert_eq!((adopted.profile.as_str(), adopted.user_id.as_str()), ("Alicia", "42"));
    assert_eq!(storage.readings::<i32>("Alicia").unwrap(), Some(7));
    assert_eq!(storage.logins().unwrap().iter().map(|it| it.profile.as_str()).collect::<Vec<_>>(), ["Alicia"]);
    assert!(new.adopt(&former).unwrap().is_none());
}

#[test]
fn each_version_of_a_login_has_a_stamp_of_its_own() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    assert_eq!(storage.login_stamp("Alice"), None);
    let first = connected(&storage, "Alice");
    let stamp = storage.login_stamp("Alice");
    assert!(stamp.is_some() && stamp == storage.login_stamp("Alice"));
    storage.lock_login("Alice").unwrap().rotate(&first, &pair(2)).unwrap();
    assert_ne!(storage.login_stamp("Alice"), stamp);
}

#[test]
fn a_command_may_join_a_running_exporter_but_not_the_demo() {
    let root = tempfile::tempdir().unwrap();
    let served = open(root.path());
    connected(&served, "Alice");
    let joined = Storage::join(root.path()).unwrap();
    assert!(joined.login("Alice").unwrap().is_some());
    let demo = tempfile::tempdir().unwrap();
    drop(Storage::open(demo.path(), Purpose::Demo).unwrap());
    assert!(matches!(Storage::join(demo.path()), Err(OpenError::OfTheDemo(_))));
}
