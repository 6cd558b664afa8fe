//! Storage as a restart, a crash, another process and a curious neighbour see it.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use tracing_subscriber::layer::SubscriberExt;

use super::*;
use crate::catalogue::Call;
use crate::reading::in_bed::{BedEvent, InBed};
use crate::telemetry::{Build, log};

pub(super) fn surroundings(clock: &Clock) -> Surroundings {
    Surroundings { clock: clock.clone(), telemetry: Telemetry::new(Build::default()), runtime_directory: None }
}

/// A clock that stands at this Unix second.
pub(super) fn at(unix: i64) -> Clock {
    Clock::frozen(DateTime::from_timestamp(unix, 0).unwrap())
}

pub(super) fn open(root: &Path) -> Storage {
    Storage::open(root, Purpose::Serve, surroundings(&at(1000))).unwrap()
}

fn joined(root: &Path) -> Storage {
    Storage::join(root, surroundings(&at(1000))).unwrap()
}

pub(super) fn pair(n: u32) -> NewLogin {
    NewLogin {
        user_id: "42".to_owned(),
        access_token: format!("access-{n}").into(),
        expires_at: 10_800,
        refresh_token: format!("refresh-{n}").into(),
        scopes: vec!["user.metrics".to_owned()],
    }
}

pub(super) fn pending(started_at: i64, beginning: Beginning) -> Pending {
    Pending { profile: "Alice".to_owned(), started_at, demo: false, beginning }
}

pub(super) fn consent(profile: &str, new: NewLogin) -> NewConsent {
    NewConsent { profile: profile.into(), new, demo: false }
}

/// Logs in a person that no other profile has.
pub(super) async fn connect(storage: &Storage, profile: &str) -> Login {
    let new = NewLogin { user_id: profile.to_owned(), ..pair(1) };
    storage.connect(consent(profile, new), &[], false).await.unwrap();
    storage.login(profile).await.unwrap().unwrap()
}

pub(super) fn got_up(at: i64) -> BedEvent {
    BedEvent { in_bed: false, at, mat: None }
}

/// The file of a profile in this folder.
pub(super) fn file_of(storage: &Storage, folder: &str, profile: &str, extension: &str) -> PathBuf {
    let BackEnd::Directory(directory) = &storage.0.back_end else { panic!("it has no files") };
    directory.path(folder, profile, extension)
}

fn write(path: &Path, bytes: &[u8]) {
    File::create(path).unwrap().write_all(bytes).unwrap();
}

/// A claim on a profile that has been planned.
async fn claim(storage: &Storage, profile: &str) -> Claim {
    let plan = |_: &str, _: Option<&Plan>| Replan {
        plan: Plan { calls: [(Call::Getmeas, CallPlan::at(Instant::now()))].into(), ..Plan::default() },
        ends_claim: false,
        is_new_login: false,
    };
    storage.plan_all(&BTreeSet::from([Arc::from(profile)]), plan).await;
    storage.claim().await
}

async fn save(storage: &Storage, profile: &str) {
    let claim = claim(storage, profile).await;
    storage.save(&claim, StoredState::of(profile)).await.unwrap();
    storage.finish(claim).await;
}

/// Refreshes the login with this token, which brings this pair.
async fn rotate(storage: &Storage, held: &Login, n: u32) -> Result<Login, RotateError<Infallible>> {
    let ask = move |login: Login| async move { Ok((login.refresh_token, pair(n))) };
    storage.rotate(&held.profile.as_str().into(), held.version, ask).await
}

#[tokio::test]
async fn another_person_is_stored_only_in_a_place_that_may_be_replaced_and_nothing_of_the_former_stays() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    connect(&storage, "Alice").await;
    save(&storage, "Alice").await;
    let refused = storage.connect(consent("Alice", pair(2)), &[], false).await;
    assert!(matches!(refused, Err(ConnectError::AnotherPerson)));
    assert_eq!(storage.load("Alice").await.unwrap().user_id.as_deref(), Some("Alice"));
    let former = storage.connect(consent("Alice", pair(2)), &[], true).await.unwrap();
    assert_eq!(former.unwrap().user_id, "Alice");
    assert_eq!(storage.load("Alice").await.unwrap().user_id, None);
}

#[tokio::test]
async fn what_happened_in_the_bed_of_a_former_person_is_neither_shown_nor_stored() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    let former = connect(&storage, "Alice").await;
    // Nobody can write a file where a directory is, not even root.
    let blocked = file_of(&storage, "events", "Alice", "json.new");
    fs::create_dir_all(&blocked).unwrap();
    storage.note_event(&"Alice".into(), &former.user_id, got_up(900)).await;
    assert_ne!(storage.load("Alice").await.unwrap().in_bed, InBed::default());
    let other = NewLogin { user_id: "4711".into(), ..pair(1) };
    storage.connect(consent("Alice", other), &[], true).await.unwrap();
    assert_eq!(storage.load("Alice").await.unwrap().in_bed, InBed::default());
    fs::remove_dir(blocked).unwrap();
    assert!(storage.save_unsaved().await);
    assert!(!file_of(&storage, "events", "Alice", "json").exists());
}

#[tokio::test]
async fn what_another_process_does_to_a_login_is_seen() {
    let root = tempfile::tempdir().unwrap();
    let (storage, beside) = (open(root.path()), joined(root.path()));
    connect(&beside, "Alice").await;
    storage.changes().await.unwrap();
    let first = storage.logins()["Alice"].clone();
    assert_eq!(&*first.login.user_id, "Alice");
    let login = beside.login("Alice").await.unwrap().unwrap();
    rotate(&beside, &login, 2).await.unwrap();
    beside.forget("Alice").await.unwrap();
    storage.changes().await.unwrap();
    assert!(storage.logins().is_empty());
    connect(&beside, "Alice").await;
    storage.changes().await.unwrap();
    assert_ne!(storage.logins()["Alice"].consent, first.consent, "the same second, and another consent");
}

#[tokio::test]
async fn only_the_owner_may_read_what_is_stored() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path().join("state");
    let storage = open(&root);
    connect(&storage, "Alice").await;
    save(&storage, "Alice").await;
    storage.permit(Class::Data).await;
    storage.end_in_order().await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&root), 0o700);
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            assert_eq!(mode(&path), if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
            folders.extend(Some(path).filter(|path| path.is_dir()));
        }
    }
}

#[tokio::test]
async fn any_name_is_a_file_of_its_own_inside_the_directory() {
    let long = "ü".repeat(200);
    let names = ["Alice", "alice", "Zoë \"Z\" \\ O'Neil", "../x", "", ".", "a/b", "日本", &long];
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    for name in names {
        connect(&storage, name).await;
        save(&storage, name).await;
    }
    for name in names {
        assert_eq!(storage.login(name).await.unwrap().unwrap().profile, name);
        assert_eq!(storage.load(name).await.unwrap().user_id.as_deref(), Some(name));
        let stem = directory::files::stem(name);
        assert!(!stem.contains(['/', '.', '\\', ' ']), "{stem}");
    }
    assert_eq!(fs::read_dir(root.path().join("readings")).unwrap().count(), names.len());
}

/// Writes this in place of Alice's readings, and expects that it is set aside as it is, with a message that names both paths.
async fn check_set_aside(written: &[u8]) {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    connect(&storage, "Alice").await;
    save(&storage, "Alice").await;
    let path = file_of(&storage, "readings", "Alice", "json");
    write(&path, written);
    let aside = path.with_extension("json.broken-0");
    let file = tempfile::NamedTempFile::new().unwrap();
    let lines = log::lines(log::LogFormat::Logfmt, Arc::new(file.reopen().unwrap()));
    let subscriber = tracing_subscriber::registry().with(lines);
    tracing::subscriber::with_default(subscriber, || {
        assert!(load::<Vec<i32>>(&path).unwrap().is_none());
    });
    assert_eq!(fs::read(&aside).unwrap(), written);
    assert!(!path.exists());
    let said = fs::read_to_string(file.path()).unwrap();
    let names = |path: &Path| said.contains(&format!("{}", path.display()));
    assert!(said.contains("does not parse") && names(&path) && names(&aside) && said.lines().count() == 1, "{said}");
    assert!(storage.load("Alice").await.unwrap().user_id.is_none());
}

#[tokio::test]
async fn what_is_of_no_use_is_set_aside_with_both_names() {
    check_set_aside(b"").await;
    check_set_aside(b"\0\xff\x01").await;
    check_set_aside(br#"{"format":1,"content":[7"#).await;
    check_set_aside(br#"{"format":1}"#).await;
    check_set_aside(br#"{"format":1,"content":{"not":"a list"}}"#).await;
}

#[tokio::test]
async fn a_directory_that_a_newer_version_has_written_to_is_refused_and_left_as_it_is() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    connect(&storage, "Alice").await;
    for (folder, newer) in [("logins", 3), ("readings", 3)] {
        let path = file_of(&storage, folder, "Alice", "json");
        fs::DirBuilder::new().recursive(true).create(path.parent().unwrap()).unwrap();
        let former = fs::read(&path).ok();
        let written = format!(r#"{{"format":{newer},"else":[7]}}"#);
        write(&path, written.as_bytes());
        let error = Storage::join(root.path(), surroundings(&at(0))).unwrap_err().to_string();
        assert!(error.contains("format 3 is of a newer version") && error.contains("Nothing was changed"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), written.as_bytes());
        match former {
            Some(former) => write(&path, &former),
            None => fs::remove_file(&path).unwrap(),
        }
    }
    assert!(Storage::join(root.path(), surroundings(&at(0))).is_ok());
}

#[tokio::test]
async fn going_back_to_0_1_0_finds_the_logins() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    connect(&storage, "Alice").await;
    save(&storage, "Alice").await;
    let read = |folder: &str| -> serde_json::Value {
        serde_json::from_slice(&fs::read(file_of(&storage, folder, "Alice", "json")).unwrap()).unwrap()
    };
    // 0.1.0 reads format 1 and sets aside what is of another one.
    assert_eq!((read("logins")["format"].as_i64(), read("readings")["format"].as_i64()), (Some(1), Some(2)));
    let fields: Vec<_> = read("logins")["content"].as_object().unwrap().keys().cloned().collect();
    let known = ["access_token", "connected_at", "demo", "expires_at", "previous_refresh_token", "profile"];
    assert_eq!(fields, [&known[..], &["refresh_token", "scopes", "user_id", "version"]].concat());
}

#[tokio::test]
async fn files_from_before_there_were_versions_are_read_and_get_one() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    let login = connect(&storage, "Alice").await;
    let path = file_of(&storage, "logins", "Alice", "json");
    let versioned: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(versioned["format"], 1);
    let bare = versioned["content"].to_string();
    write(&path, bare.as_bytes());
    assert_eq!(storage.login("Alice").await.unwrap().unwrap().version, login.version);
    rotate(&storage, &login, 2).await.unwrap();
    let rewritten: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(rewritten["format"], 1);
}

#[tokio::test]
async fn an_unreadable_file_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    let path = file_of(&storage, "logins", "Alice", "json");
    // A directory in the file's place cannot be read as a file by anybody, not even by root.
    fs::create_dir_all(&path).unwrap();
    let error = storage.login("Alice").await.unwrap_err().to_string();
    assert!(error.ends_with(".json: cannot read"), "{error}");
    assert!(path.is_dir());
}

#[tokio::test]
async fn one_directory_has_one_server_and_one_purpose() {
    let root = tempfile::tempdir().unwrap();
    let serve = root.path().join("serve");
    let open_for = |path: &Path, purpose| Storage::open(path, purpose, surroundings(&at(0)));
    let held = open(&serve);
    assert!(matches!(open_for(&serve, Purpose::Serve), Err(OpenError::InUse(_))));
    connect(&held, "Alice").await;
    drop(held);
    assert!(matches!(open_for(&serve, Purpose::Demo), Err(OpenError::NotOfTheDemo(_))));
    let demo = root.path().join("demo");
    drop(open_for(&demo, Purpose::Demo).unwrap());
    drop(open_for(&demo, Purpose::Demo).unwrap());
    assert!(matches!(open_for(&demo, Purpose::Serve), Err(OpenError::OfTheDemo(_))));
    assert!(matches!(Storage::join(&demo, surroundings(&at(0))), Err(OpenError::OfTheDemo(_))));
}

#[tokio::test]
async fn a_forgotten_profile_leaves_nothing_and_takes_nobody_with_it() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    for name in ["Alice", "Alice2"] {
        connect(&storage, name).await;
        save(&storage, name).await;
        let pending = Pending { profile: name.to_owned(), ..pending(1000, Beginning::Terminal) };
        storage.begin_login(name, pending).await.unwrap();
    }
    storage.end_in_order().await;
    fs::copy(file_of(&storage, "logins", "Alice", "json"), file_of(&storage, "logins", "Alice", "json.broken-0"))
        .unwrap();
    fs::copy(file_of(&storage, "logins", "Alice", "json"), file_of(&storage, "logins", "Alice", "json.new")).unwrap();
    assert_eq!(storage.forget("Alice").await.unwrap().items, 4);
    assert_eq!(storage.forget("Alice").await.unwrap().items, 0);
    assert!(storage.login("Alice").await.unwrap().is_none());
    assert!(storage.load("Alice").await.unwrap().user_id.is_none());
    assert!(storage.take_login("Alice").await.unwrap().is_none());
    let text = fs::read_to_string(root.path().join("plans.json")).unwrap();
    assert!(!text.contains("\"Alice\"") && text.contains("\"Alice2\""), "{text}");
    let stem = directory::files::stem("Alice");
    for folder in ["logins", "readings"] {
        let mut names = fs::read_dir(root.path().join(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(names.all(|name| !name.to_string_lossy().starts_with(&stem)));
    }
    assert!(storage.login("Alice2").await.unwrap().is_some());
    assert!(storage.load("Alice2").await.unwrap().user_id.is_some());
    assert!(storage.take_login("Alice2").await.unwrap().is_some());
}

#[tokio::test]
async fn a_write_that_was_killed_leaves_nothing_for_long() {
    let root = tempfile::tempdir().unwrap();
    let storage = open(root.path());
    let half_written = file_of(&storage, "logins", "Alice", "json.Xy12ab.new");
    let of_0_1_0 = file_of(&storage, "logins", "Alice", "json.new");
    let kill = |half_written: &Path| fs::copy(file_of(&storage, "logins", "Alice", "json"), half_written).unwrap();
    connect(&storage, "Alice").await;
    kill(&half_written);
    storage.forget("Alice").await.unwrap();
    assert!(!half_written.exists());
    connect(&storage, "Alice").await;
    kill(&half_written);
    kill(&of_0_1_0);
    drop(storage);
    let storage = open(root.path());
    assert!(!half_written.exists() && !of_0_1_0.exists());
    assert!(storage.login("Alice").await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_twice_within_11_seconds_though_the_process_ends_in_between() {
    let root = tempfile::tempdir().unwrap();
    let clock = Clock::following_tokio(DateTime::from_timestamp(1000, 0).unwrap());
    let open = || Storage::open(root.path(), Purpose::Serve, surroundings(&clock)).unwrap();
    let storage = open();
    assert!(storage.send(7).await && !storage.send(7).await && storage.send(8).await);
    storage.end_in_order().await;
    drop(storage);
    tokio::time::sleep(Duration::from_secs(4)).await;
    let storage = open();
    assert!(!storage.send(7).await && storage.send(9).await);
    let rest = storage.rests_until(7).unwrap() - Instant::now();
    assert!((6..=7).contains(&rest.as_secs()), "{rest:?}");
    drop(storage);
    // That one has not ended in order: what it has sent is not known.
    let storage = open();
    assert!(!storage.send(1).await);
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert!(storage.send(1).await);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_for_11_seconds_where_it_is_not_known_what_was_sent_before() {
    let root = tempfile::tempdir().unwrap();
    let clock = Clock::following_tokio(DateTime::from_timestamp(1000, 0).unwrap());
    let open = || Storage::open(root.path(), Purpose::Serve, surroundings(&clock)).unwrap();
    let plans = root.path().join("plans.json");
    let storage = open();
    connect(&storage, "Alice").await;
    assert!(storage.send(7).await, "nobody has sent anything before the first start");
    drop(storage);
    let check_rests = async |storage: Storage| {
        assert!(!storage.send(7).await);
        tokio::time::sleep(Duration::from_secs(11)).await;
        assert!(storage.send(7).await);
    };
    // It was killed before it has stored a plan.
    check_rests(open()).await;
    write(&plans, b"\0");
    check_rests(open()).await;
    fs::remove_file(&plans).unwrap();
    fs::create_dir(&plans).unwrap();
    check_rests(open()).await;
}

#[tokio::test]
async fn nobody_who_would_refresh_a_forgotten_login_leaves_a_trace_of_it() {
    let root = tempfile::tempdir().unwrap();
    let (storage, beside) = (open(root.path()), joined(root.path()));
    let login = connect(&storage, "Alice").await;
    assert!(storage.can_rotate("Alice", login.version).await.unwrap());
    beside.forget("Alice").await.unwrap();
    assert!(!storage.can_rotate("Alice", login.version).await.unwrap());
    assert!(matches!(rotate(&storage, &login, 2).await, Err(RotateError::Stale)));
    assert_eq!(fs::read_dir(root.path().join("logins")).unwrap().count(), 0);
}
