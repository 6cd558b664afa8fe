//! What other tests rely on.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::Pid;

use super::server::{home, processes, program, run, state, until};
use super::{Cluster, Cuttable, Database, shared};
use crate::certificates::certificates;
use crate::program::spawn;

/// Asks for TLS as a client does first, and gives what the server answers: `N`, for it has none.
fn greeting(connection: &mut TcpStream) -> io::Result<u8> {
    let mut answer = [0];
    connection.read_exact(&mut answer).map(|()| answer[0])
}

fn greet(connection: &mut TcpStream) {
    connection.write_all(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]).unwrap();
}

/// Expects that nothing has come yet, not even an end.
fn check_silent(connection: &mut TcpStream) {
    connection.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert_eq!(greeting(connection).unwrap_err().kind(), ErrorKind::WouldBlock);
    connection.set_read_timeout(None).unwrap();
}

#[test]
fn a_confirmed_commit_is_on_the_standby_that_takes_over() {
    let primary = Cluster::new();
    primary.create_database("app");
    let standby = primary.standby("second");
    primary.wait_for("second");
    primary.psql("app", "CREATE TABLE logins (version int); INSERT INTO logins VALUES (7)");
    primary.kill();
    standby.promote();
    assert_eq!(standby.psql("app", "UPDATE logins SET version = 8 RETURNING version"), "8");
    // And it has the same identity.
    let identity = "SELECT system_identifier FROM pg_control_system()";
    primary.start();
    assert_eq!(primary.psql("app", identity), standby.psql("app", identity));
}

#[test]
fn a_commit_survives_a_kill_and_a_frozen_server_answers_later() {
    let cluster = Cluster::new();
    cluster.psql("postgres", "CREATE TABLE logins AS SELECT 7 AS version");
    cluster.kill();
    cluster.start();
    cluster.pause();
    let mut connection = TcpStream::connect(cluster.address()).unwrap();
    greet(&mut connection);
    check_silent(&mut connection);
    cluster.resume();
    assert_eq!(greeting(&mut connection).unwrap(), b'N');
    assert_eq!(cluster.psql("postgres", "SELECT version FROM logins"), "7");
    cluster.stop();
    cluster.start();
    assert_eq!(cluster.psql("postgres", "SELECT version FROM logins"), "7");
}

#[test]
fn a_cut_way_holds_its_connection_until_it_heals_or_is_closed() {
    let way = Cuttable::to(shared().address());
    let mut connection = TcpStream::connect(way.address()).unwrap();
    greet(&mut connection);
    assert_eq!(greeting(&mut connection).unwrap(), b'N');
    way.cut();
    let mut late = TcpStream::connect(way.address()).unwrap();
    greet(&mut late);
    check_silent(&mut late);
    way.heal();
    assert_eq!(greeting(&mut late).unwrap(), b'N');
    way.cut();
    way.close();
    greeting(&mut connection).unwrap_err();
    greeting(&mut late).unwrap_err();
}

#[test]
fn a_database_is_its_tests_own_and_can_be_copied_and_restored() {
    let [first, second] = [Database::empty(), Database::empty()];
    first.psql("CREATE TABLE logins AS SELECT 7 AS version");
    assert_eq!(second.psql("SELECT to_regclass('logins') IS NULL"), "t");
    let copy = Database::like(&first);
    shared().restore(second.name(), &shared().dump(first.name()));
    for database in [first, second, copy] {
        assert_eq!(database.psql("SELECT version FROM logins"), "7");
        let mut psql = program("psql", home());
        psql.args(["--no-psqlrc", "--no-align", "--tuples-only", "--command", "SELECT current_database()"]);
        assert_eq!(run(psql.arg(database.url()), "").unwrap().trim_end(), database.name());
    }
}

#[test]
fn tls_and_a_password_are_asked_for() {
    let certificates = certificates();
    // The server's user reads it.
    let authority = home().join("ca.crt");
    fs::copy(certificates.path().join("ca.crt"), &authority).unwrap();
    let cluster = Cluster::with_tls(certificates.path(), "server");
    cluster.require_password("hush");
    let url = cluster.url("postgres").replace("disable", "verify-full");
    let mut psql = program("psql", home());
    psql.args([
        "--no-psqlrc",
        "--no-align",
        "--tuples-only",
        "--command",
        "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    ]);
    psql.env("PGPASSWORD", "hush").env("PGSSLROOTCERT", &authority).arg(url);
    assert_eq!(run(&mut psql, "").unwrap(), "t\n");
}

/// This test starts itself in a process of its own and kills that.
#[test]
fn a_killed_test_leaves_nothing_behind() {
    const VARIABLE: &str = "WITHINGS_TEST_KILLED";
    if env::var_os(VARIABLE).is_some() {
        let cluster = Cluster::new();
        cluster.pause();
        let processes = processes(cluster.first_process()).into_iter().map(|process| process.to_string());
        println!("\nleft {} {}", cluster.folder.display(), processes.collect::<Vec<_>>().join(" "));
        loop {
            thread::park();
        }
    }
    let mut own = Command::new(env::current_exe().unwrap());
    own.args(["--exact", "--nocapture", "postgres::tests::a_killed_test_leaves_nothing_behind"]);
    let mut child = spawn(own.env(VARIABLE, "1").stdout(Stdio::piped())).unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let left = lines.find_map(|line| line.strip_prefix("left ").map(str::to_owned)).unwrap();
    let (folder, processes) = left.split_once(' ').unwrap();
    let processes: Vec<_> = processes.split(' ').map(|id| Pid::from_raw(id.parse().unwrap()).unwrap()).collect();
    assert!(processes.len() > 1 && processes.iter().all(|process| state(*process).as_deref() == Some("T")), "{left}");
    child.kill().unwrap();
    child.wait().unwrap();
    until("the end of everything", || {
        let is_over = processes.iter().all(|process| state(*process).is_none());
        (is_over && !Path::new(folder).parent().unwrap().exists()).then_some(())
    });
}
