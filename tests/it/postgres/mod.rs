//! Real servers of PostgreSQL: one that tests share, and own ones that are stopped, frozen, killed, copied and promoted.

mod cuttable;
pub(crate) mod database;
mod server;
mod tests;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal};

pub(crate) use self::cuttable::Cuttable;
pub(crate) use self::database::{Database, shared};
pub(crate) use self::server::until;
use self::server::{freeze, give, home, processes, program, run, send, state, within};
use crate::config::write;
use crate::program::spawn;

/// What every server is told: small, on this host alone, and with nothing outside of its folder. It syncs to the disk, which
/// is PostgreSQL's own default.
const SETTINGS: [(&str, &str); 11] = [
    ("listen_addresses", "127.0.0.1"),
    ("max_connections", "100"),
    ("shared_buffers", "16MB"),
    ("dynamic_shared_memory_type", "mmap"),
    ("jit", "off"),
    ("timezone", "GMT"),
    ("log_timezone", "GMT"),
    // After a kill nothing is lost that a file at a time would save.
    ("recovery_init_sync_method", "syncfs"),
    // A standby that was away for a while comes back at once and finds what it missed.
    ("wal_keep_size", "64MB"),
    ("wal_retrieve_retry_interval", "100ms"),
    ("wal_receiver_status_interval", "1s"),
];

/// Why there is a process to send a signal to.
const RUNS: &str = "the test has not stopped the server before";

/// A server with its data. It ends at once when this value is dropped, and with this process however that ends.
///
/// Its superuser is `postgres`, who needs no password unless [`Cluster::require_password`] says so. What the tests themselves
/// ask goes through a Unix socket, so neither TLS nor a password nor a cut way concerns it.
pub(crate) struct Cluster {
    name: String,
    folder: PathBuf,
    address: SocketAddr,
    settings: Vec<(String, String)>,
    server: Mutex<Option<Child>>,
}

impl Cluster {
    /// Starts a new server with an identity of its own.
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// Starts a new server with these settings besides, as `postgresql.conf` names them.
    pub(crate) fn with(settings: &[(&str, &str)]) -> Self {
        let cluster = Self::initialized(settings);
        cluster.start();
        cluster
    }

    /// Starts a new server that speaks TLS to who asks for it, with a certificate of this folder, which
    /// [`crate::certificates`] has made: `name` with `.crt` and `.key`.
    pub(crate) fn with_tls(certificates: &Path, name: &str) -> Self {
        let cluster = Self::initialized(&[("ssl", "on")]);
        for extension in ["crt", "key"] {
            let file = cluster.data().join(format!("server.{extension}"));
            fs::copy(certificates.join(format!("{name}.{extension}")), &file).unwrap();
            give(&file, 0o600);
        }
        cluster.start();
        cluster
    }

    /// Starts a second node that follows this one. It has a copy of all settings, and commits do not wait for it until
    /// [`Cluster::wait_for`]. `name` is its name there.
    pub(crate) fn standby(&self, name: &str) -> Self {
        let standby = Self::prepared(name, self.settings.clone());
        let mut copy = self.client("pg_basebackup");
        copy.args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "--pgdata"]).arg(standby.data());
        run(&mut copy, "").unwrap();
        standby.start();
        let following = format!(
            "SELECT count(*) FROM pg_stat_replication WHERE application_name = '{name}' AND state = 'streaming'"
        );
        until("the standby to follow", || (self.psql("postgres", &following) == "1").then_some(()));
        standby
    }

    /// A new data directory, and no server yet.
    fn initialized(settings: &[(&str, &str)]) -> Self {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let cluster = Self::prepared("primary", settings);
        let mut initdb = program("initdb", &cluster.folder);
        initdb.args(["--username=postgres", "--auth=trust", "--locale=C", "--encoding=UTF8", "--wal-segsize=1"]);
        // Nobody needs these data after a power cut.
        initdb.args(["--no-sync", "--no-instructions", "--pgdata"]).arg(cluster.data());
        run(&mut initdb, "").unwrap();
        cluster
    }

    /// A folder and a port, and no data yet.
    fn prepared(name: &str, settings: Vec<(String, String)>) -> Self {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let folder = home().join(LAST.fetch_add(1, Ordering::Relaxed).to_string());
        fs::create_dir(&folder).unwrap();
        give(&folder, 0o700);
        let address = (Ipv4Addr::LOCALHOST, free_port()).into();
        Self { name: name.to_owned(), folder, address, settings, server: Mutex::default() }
    }

    /// Starts the server again, at the same address with the same data, and waits until it answers.
    pub(crate) fn start(&self) {
        let mut server = self.server.lock().unwrap();
        assert!(server.is_none(), "it is running");
        let child = server.insert(self.spawn());
        let id = child.id().to_string();
        until("the server to be ready", || {
            assert!(child.try_wait().unwrap().is_none(), "the server has ended:\n{}", self.log());
            let file = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
            let lines: Vec<_> = file.lines().map(str::trim).collect();
            let is_ready = matches!(lines.last(), Some(&("ready" | "standby")));
            (is_ready && lines[0] == id).then_some(())
        });
    }

    fn spawn(&self) -> Child {
        let log = fs::File::options().create(true).append(true).open(self.folder.join("log")).unwrap();
        let mut command = program("postgres", &self.folder);
        command.arg("-D").arg(self.data()).arg("-k").arg(&self.folder);
        command.args(["-p", &self.address.port().to_string(), "-c", &format!("cluster_name={}", self.name)]);
        let own = self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in SETTINGS.into_iter().chain(own) {
            command.args(["-c", &format!("{name}={value}")]);
        }
        spawn(command.stdout(log.try_clone().unwrap()).stderr(log)).unwrap()
    }

    /// Stops the server in order: sessions are ended, and what was written is on the disk and on the standbys.
    pub(crate) fn stop(&self) {
        let mut child = self.server.lock().unwrap().take().expect(RUNS);
        send(Pid::from_child(&child), Signal::INT);
        until("the server to stop", || child.try_wait().unwrap());
    }

    /// Kills every process of the server at once, as a power cut does.
    pub(crate) fn kill(&self) {
        kill(&mut self.server.lock().unwrap().take().expect(RUNS));
    }

    /// Freezes every process of the server: its connections stay open, and nobody is answered.
    pub(crate) fn pause(&self) {
        freeze(self.first_process());
    }

    /// Lets a frozen server go on.
    pub(crate) fn resume(&self) {
        let first = self.first_process();
        for process in processes(first) {
            send(process, Signal::CONT);
        }
    }

    fn first_process(&self) -> Pid {
        Pid::from_child(self.server.lock().unwrap().as_ref().expect(RUNS))
    }

    /// Makes this standby a primary, and waits until it is one.
    pub(crate) fn promote(&self) {
        assert_eq!(self.psql("postgres", "SELECT pg_promote()"), "t");
    }

    /// Lets every commit wait for these standbys, as `synchronous_standby_names` has them; for none with an empty text.
    pub(crate) fn wait_for(&self, standbys: &str) {
        self.psql("postgres", &format!("ALTER SYSTEM SET synchronous_standby_names = '{standbys}'"));
        self.psql("postgres", "SELECT pg_reload_conf()");
        // The processes that feed the standbys read the settings each at their own time.
        let is_set = format!(
            "SELECT current_setting('synchronous_standby_names') = '{standbys}' AND NOT EXISTS (SELECT FROM \
             pg_stat_replication WHERE (sync_state = 'async') = (position(application_name IN '{standbys}') > 0))"
        );
        until("the settings to be read", || (self.psql("postgres", &is_set) == "t").then_some(()));
        // The process that makes checkpoints tells the others who commit; it has read the settings before it makes one.
        self.psql("postgres", "CHECKPOINT");
    }

    /// Lets nobody in over TCP without this password, which has no quotation mark.
    pub(crate) fn require_password(&self, password: &str) {
        self.psql("postgres", &format!("ALTER ROLE postgres PASSWORD '{password}'"));
        let rules = "local all all trust\nlocal replication all trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
        write(&self.data().join("pg_hba.conf"), rules);
        self.psql("postgres", "SELECT pg_reload_conf()");
        until("the rules to be read", || {
            let mut psql = program("psql", &self.folder);
            psql.args(["--no-psqlrc", "--no-password", "--command", "SELECT 1", &self.url("postgres")]);
            run(&mut psql, "").err()
        });
    }

    /// Makes an empty database.
    pub(crate) fn create_database(&self, name: &str) {
        self.create_database_like(name, "template0");
    }

    /// Makes a database with what is in another one, to which nobody may be connected meanwhile.
    pub(crate) fn create_database_like(&self, name: &str, template: &str) {
        self.psql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {template}"));
    }

    /// What `psql` prints after these commands: rows in lines, columns between `|`. It stops at the first that fails.
    #[track_caller]
    pub(crate) fn psql(&self, database: &str, sql: &str) -> String {
        self.try_psql(database, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// As [`Cluster::psql`], with the messages where it fails.
    pub(crate) fn try_psql(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut psql = self.client("psql");
        psql.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"]);
        run(psql.args(["--dbname", database]), sql).map(|printed| printed.trim_end().to_owned())
    }

    /// A database as SQL, as `pg_dump` makes it for [`Cluster::restore`].
    pub(crate) fn dump(&self, database: &str) -> String {
        run(self.client("pg_dump").args(["--dbname", database]), "").unwrap()
    }

    /// Fills an empty database from a dump.
    pub(crate) fn restore(&self, database: &str, dump: &str) {
        self.psql(database, dump);
    }

    /// Where the server listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a database, without TLS.
    pub(crate) fn url(&self, database: &str) -> String {
        Self::url_at(self.address, database)
    }

    /// The URL of a database of a server that is reached at this address, such as [`Cuttable::address`].
    pub(crate) fn url_at(address: SocketAddr, database: &str) -> String {
        format!("postgres://postgres@{address}/{database}?sslmode=disable")
    }

    /// What the server has logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// One of the programs that ask the server, through its socket.
    fn client(&self, name: &str) -> Command {
        let mut command = program(name, &self.folder);
        command.arg("--host").arg(&self.folder);
        command.args(["--port", &self.address.port().to_string(), "--username=postgres"]);
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut child) = self.server.get_mut().ok().and_then(Option::take) {
            let first = Pid::from_child(&child);
            let all = processes(first);
            send(first, Signal::QUIT);
            for process in &all {
                send(*process, Signal::CONT);
            }
            let is_over = |child: &mut Child| {
                child.try_wait().ok().flatten()?;
                all.iter().all(|process| state(*process).is_none()).then_some(())
            };
            if within(Duration::from_secs(10), || is_over(&mut child)).is_none() {
                kill(&mut child);
            }
        }
        remove_shared_memory(&self.data());
        if std::thread::panicking() {
            eprintln!("PostgreSQL, {}:\n{}", self.name, self.log());
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Kills every process of a server. Frozen before, none of them sees another one's end.
fn kill(first: &mut Child) {
    let id = Pid::from_child(first);
    freeze(id);
    let all = processes(id);
    for process in &all {
        send(*process, Signal::KILL);
    }
    first.wait().unwrap();
    until("the end of the server", || all.iter().all(|process| state(*process).is_none()).then_some(()));
}

/// Removes what a killed server has left in the kernel, for its number is limited.
fn remove_shared_memory(data: &Path) {
    let Ok(file) = fs::read_to_string(data.join("postmaster.pid")) else { return };
    if let Some(id) = file.lines().nth(6).and_then(|line| line.split_whitespace().nth(1)) {
        let _ = run(Command::new("ipcrm").args(["-m", id]), "");
    }
}

/// A port where no server listens, below those that the kernel gives to clients: a server that starts again finds it free.
fn free_port() -> u16 {
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    std::iter::repeat_with(|| fastrand::u16(20_000..30_000)).find(is_free).expect("the iterator has no end")
}
