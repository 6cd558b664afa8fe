//! What a key file may be, and what becomes of it.

use std::fs::Permissions;

use super::super::seal::{Context, Kind};
use super::*;

const CONTEXT: Context = Context { kind: Kind::Login, name: "Alice", version: 1 };
const UUID: &str = "5f0c6e1a-93f4-4c2b-8d1e-0a9b7c6d5e4f";
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER_KEY: &str = "HwECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A file with this text and mode, in a folder of its own.
fn file(text: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let mut file = File::create_new(&path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.set_permissions(Permissions::from_mode(mode)).unwrap();
    (folder, path)
}

#[track_caller]
fn check_refused(text: &str, part_of_message: &str) {
    let (_folder, path) = file(text, 0o600);
    let message = Keys::load(&path).unwrap_err().to_string();
    assert!(message.starts_with(&path.display().to_string()) && message.contains(part_of_message), "{text}: {message}");
    assert!(!message.contains("AAEC") && !message.contains("s3cret"), "{message}");
}

#[test]
fn a_new_file_is_for_this_user_alone_and_has_all_that_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    assert_eq!(renew(&path).unwrap(), Renewed::Made);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let keys = Keys::load(&path).unwrap();
    let sealed = keys.seal(&CONTEXT, b"s3cret");
    let again = Keys::load(&path).unwrap();
    assert_eq!(again.open(&CONTEXT, &sealed).unwrap().expose_secret(), b"s3cret");
    assert!(is_uuid(again.installation()));
    assert_eq!(make(&path).unwrap_err().to_string(), format!("{}: the key file is there already", path.display()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
}

#[test]
fn a_new_key_comes_first_and_none_is_dropped() {
    let (_folder, path) = file(&format!("installation: {UUID}\nkey: {KEY}\n"), 0o600);
    let before = Keys::load(&path).unwrap();
    let old = before.seal(&CONTEXT, b"s3cret");
    assert_eq!(renew(&path).unwrap(), Renewed::Added);
    let keys = Keys::load(&path).unwrap();
    assert_eq!(keys.installation(), UUID);
    assert_eq!(keys.open(&CONTEXT, &old).unwrap().expose_secret(), b"s3cret");
    assert!(before.open(&CONTEXT, &keys.seal(&CONTEXT, b"s3cret")).is_err(), "the new one seals");
    let text = fs::read(&path).unwrap();
    let message = renew(&path).unwrap_err().to_string();
    assert!(message.contains("has two keys already"), "{message}");
    assert_eq!(fs::read(&path).unwrap(), text);
}

#[test]
fn a_new_key_leaves_permissions_as_they_are_and_follows_no_link() {
    let (folder, path) = file(&format!("installation: {UUID}\nkey: {KEY}\n"), 0o400);
    renew(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o400);
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(Keys::load(&link).is_ok(), "Kubernetes mounts secrets as links");
    let message = renew(&link).unwrap_err().to_string();
    assert!(message.contains("symbolic link"), "{message}");
}

#[test]
fn comments_blank_lines_and_spaces_are_taken() {
    let text = format!("# of the study\r\n\n  installation :  {UUID} \r\nkey:{KEY}\n# before May\nkey: {OTHER_KEY}");
    let (_folder, path) = file(&text, 0o600);
    assert_eq!(Keys::load(&path).unwrap().installation(), UUID);
}

#[test]
fn a_mistake_is_told_with_its_line_and_without_the_key() {
    let installation = format!("installation: {UUID}\n");
    let key = format!("key: {KEY}\n");
    check_refused("", "names no installation");
    check_refused(&key, "names no installation");
    check_refused(&installation, "has no key");
    check_refused(&format!("{installation}{installation}{key}"), "line 2");
    check_refused(&format!("installation: s3cret\n{key}"), "line 1 of the key file: an installation is a UUID");
    check_refused(&format!("{installation}s3cret\n"), "line 2 of the key file is neither");
    check_refused(&format!("{installation}keys: {KEY}\n"), "line 2 of the key file is neither");
    for wrong in
        ["s3cret", "", "AAEC", &KEY[..43], &format!("{KEY}AAEC"), "-AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="]
    {
        check_refused(&format!("# mine\n{installation}key: {wrong}\n"), "line 3 of the key file: a key is the base64");
    }
    check_refused(&format!("{installation}{key}{key}"), "the same key twice");
    check_refused(&format!("{installation}{key}key: {OTHER_KEY}\n{key}"), "more than two keys");
}

#[test]
fn a_file_that_others_may_read_is_refused() {
    let text = format!("installation: {UUID}\nkey: {KEY}\n");
    let is_root = process::user() == 0;
    for (mode, is_taken) in [(0o600, true), (0o400, true), (0o440, is_root), (0o640, is_root)] {
        let (_folder, path) = file(&text, mode);
        assert_eq!(Keys::load(&path).is_ok(), is_taken, "{mode:o}");
    }
    for mode in [0o644, 0o604, 0o666, 0o660, 0o620, 0o601, 0o610] {
        let (_folder, path) = file(&text, mode);
        let message = Keys::load(&path).unwrap_err().to_string();
        assert!(message.contains(&format!("(mode {mode:03o})")) && message.contains("chmod 600"), "{message}");
    }
}

#[test]
fn a_file_of_root_may_be_read_by_a_group_and_one_of_another_user_is_refused() {
    let text = format!("installation: {UUID}\nkey: {KEY}\n");
    let (_folder, path) = file(&text, 0o440);
    let found = fs::metadata(&path).unwrap();
    let (owner, stranger) = (found.uid(), found.uid() + 1);
    let checked = check_closed(&path, &found, stranger);
    if owner == 0 {
        assert!(checked.is_ok(), "as Kubernetes mounts secrets for a group");
    } else {
        assert!(matches!(checked, Err(Problem::Owner { .. })));
    }
}

#[test]
fn what_is_no_file_is_told_from_one_that_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("key");
    let message = Keys::load(&missing).unwrap_err().to_string();
    assert!(message.contains(&format!("storage new-key --storage.key-file {}", missing.display())), "{message}");
    let message = Keys::load(folder.path()).unwrap_err().to_string();
    assert!(message.contains("cannot be read: "), "{message}");
    let elsewhere = folder.path().join("missing").join("key");
    let message = make(&elsewhere).unwrap_err().to_string();
    assert!(message.contains("cannot be written: "), "{message}");
}
