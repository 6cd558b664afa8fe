//! What lies where a file should: a pipe, a device, a gigabyte, brackets without end. Nothing hangs, and the mistake says what
//! it is.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};
use std::thread;
use std::time::Duration;

use rustix::fs::{CWD, Mode, mkfifoat};
use rustix::process::Signal;
use tempfile::TempDir;
use tracing::level_filters::LevelFilter;
use withings_exporter::sim::{Measure, MeasureGroup};
use withings_exporter::web::Security;

use crate::certificates::certificates;
use crate::config::{exporter, write};
use crate::log::Log;
use crate::program::{Program, fed, until};
use crate::world::World;

const CONFIG: &str = "withings:\n  client_id: id\n  client_secret_file: secret.txt\n  profiles: !secret people\n";
const WEB: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";

/// Every file that is read at a start and again later.
const FILES: [&str; 6] = ["withings.yaml", "secret.txt", "secrets.yaml", "web.yml", "server.crt", "server.key"];

/// A folder with all of them.
fn folder() -> TempDir {
    let folder = certificates();
    for (name, text) in
        [("withings.yaml", CONFIG), ("secret.txt", "hush\n"), ("secrets.yaml", "people: Alice\n"), ("web.yml", WEB)]
    {
        write(&folder.path().join(name), text);
    }
    folder
}

fn check_config(folder: &Path) -> Output {
    fed(exporter(folder).args(["check-config", "--web.config.file", "web.yml"]), b"")
}

/// Expects that `check-config` refuses the folder whose file `name` was replaced, and says this.
#[track_caller]
fn check_refused(name: &str, replace: impl FnOnce(&Path), says: &str) {
    let folder = folder();
    fs::remove_file(folder.path().join(name)).unwrap();
    replace(&folder.path().join(name));
    let output = check_config(folder.path());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{name}: {said}");
    assert!(said.contains(says), "{name}: {said}");
}

fn pipe(path: &Path) {
    mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR).unwrap();
}

fn gigabyte(path: &Path) {
    File::create(path).unwrap().set_len(1 << 30).unwrap();
}

fn brackets(path: &Path) {
    write(path, &"[".repeat(100_000));
}

#[test]
fn devices_and_giants_are_refused() {
    assert_eq!(check_config(folder().path()).status.code(), Some(0));
    for name in FILES {
        check_refused(name, |path| symlink("/dev/zero", path).unwrap(), "it is a device or a socket");
        check_refused(name, gigabyte, "it has more than 8 MiB");
    }
}

#[test]
fn brackets_without_end_are_refused_before_they_are_parsed() {
    for name in ["withings.yaml", "secrets.yaml", "web.yml"] {
        check_refused(name, brackets, "more than 1000 opening brackets");
        check_refused(name, |path| write(path, &"{a: ".repeat(25_000)), "more than 1000 opening brackets");
    }
}

#[test]
fn a_pipe_that_nobody_writes_to_is_given_up() {
    check_refused("withings.yaml", pipe, "it is a FIFO, and not everything came through it within 5 seconds");
}

#[test]
fn a_pipe_is_read_at_the_start() {
    for name in FILES {
        let folder = folder();
        let path = folder.path().join(name);
        let text = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        pipe(&path);
        let writer = thread::spawn(move || File::create(path).unwrap().write_all(&text).unwrap());
        let output = check_config(folder.path());
        assert_eq!(output.status.code(), Some(0), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        writer.join().unwrap();
    }
}

#[test]
fn what_a_shell_makes_of_a_command_is_read() {
    let folder = TempDir::new().unwrap();
    write(&folder.path().join("sealed"), "withings: {client_id: id, client_secret: hush, profiles: Alice}\n");
    let mut shell = Command::new("bash");
    let script = "\"$0\" check-config --config.file <(cat sealed)";
    shell.current_dir(folder.path()).args(["-c", script, env!("CARGO_BIN_EXE_withings-exporter")]);
    let output = fed(&mut shell, b"");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

/// As Kubernetes does it, so that all files change at once.
#[test]
fn files_may_be_links() {
    let folder = folder();
    let data = folder.path().join("..data");
    fs::create_dir(&data).unwrap();
    for name in FILES {
        fs::rename(folder.path().join(name), data.join(name)).unwrap();
        symlink(Path::new("..data").join(name), folder.path().join(name)).unwrap();
    }
    assert_eq!(check_config(folder.path()).status.code(), Some(0));
}

#[tokio::test]
async fn a_pipe_that_comes_later_stops_neither_a_reload_nor_the_end() {
    for name in FILES {
        let folder = folder();
        let mut command = exporter(folder.path());
        command.args(["--web.listen-address", "127.0.0.1:0", "--web.config.file", "web.yml"]);
        let mut program = Program::start(&mut command, &folder.path().join("log"));
        program.address("").await;
        let path = folder.path().join(name);
        fs::remove_file(&path).unwrap();
        pipe(&path);
        program.signal(Signal::HUP);
        until(name, async || program.said().contains("it is a FIFO, which is read at the start only").then_some(()))
            .await;
        program.signal(Signal::TERM);
        assert_eq!(program.ended().await, Some(0), "{name}");
    }
}

#[tokio::test(crate = "crate::paused")]
async fn what_came_through_a_pipe_stays_in_force() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("web.yml");
    pipe(&path);
    let (to, again) = (path.clone(), path.clone());
    let writer = thread::spawn(move || File::create(to).unwrap().write_all(b"rate_limit:\n").unwrap());
    let mut world = World::with_accounts(&["Alice"]).await;
    world.security = Security::load(&path).unwrap();
    writer.join().unwrap();
    let log = Log::listen(LevelFilter::INFO);
    world.start_exporter().await;
    // The time of the pipe changes with what is written to it.
    let mut pipe = File::options().read(true).write(true).open(again).unwrap();
    pipe.write_all(b"no_such_key: 1\n").unwrap();
    world.pass(Duration::from_secs(10)).await;
    assert_eq!(world.get("/-/healthy").await.status, 200);
    assert!(!log.lines().iter().any(|line| line.contains("web configuration")), "{:?}", log.lines());
}

#[tokio::test(crate = "crate::paused")]
async fn a_login_file_that_is_none_holds_nothing_up() {
    for replace in [pipe, gigabyte, brackets, |path: &Path| symlink("/dev/zero", path).unwrap()] {
        let mut world = World::connected(&["Alice", "Bob"]).await;
        world.account("Alice").add(MeasureGroup::new(world.clock.unix(), [Measure::new(1, 72, 0)]));
        world.until_shown("Alice", "weight_kg", 72.0).await;
        let logins = fs::read_dir(world.disk.path().join("logins")).unwrap().map(|entry| entry.unwrap().path());
        let is_alices = |path: &std::path::PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with("alice-") && name.ends_with(".json")
        };
        let login = logins.into_iter().find(is_alices).unwrap();
        fs::remove_file(&login).unwrap();
        replace(&login);
        world.pass(Duration::from_mins(6)).await;
        assert_eq!(world.value("Alice", "weight_kg").await, Some(72.0));
        world.until_up("Bob").await;
        world.stop_exporter().await;
    }
}
