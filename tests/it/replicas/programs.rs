//! The program itself, once or more, on a database: what it logs, and `authorize` beside it.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use url::Url;
use withings_exporter::sim::{Account, Failure, Fault, Person};
use withings_exporter::zone::Zone;

use super::Replicas;
use super::logins::TOKENS_LIVE;
use crate::config::exporter;
use crate::http_client::{Answer, Connection};
use crate::installation::{Program as Interactive, free_address};
use crate::program::{Program, spawn, until};
use crate::webhooks::{HOST, move_to};

/// Withings' id of the person, which stands in no text by chance.
const USER: u64 = 918_273_645;

/// A name that only Withings knows.
const NAME: &str = "Wilhelmina";

/// Programs that serve, and everything that people have seen of them.
struct Programs {
    each: Vec<(SocketAddr, Program)>,
    replicas: Replicas,
    account: Account,
    seen: String,
    secrets: Vec<String>,
}

impl Programs {
    /// Three of them with all that they can log, and one profile.
    async fn start() -> Self {
        let mut replicas = Replicas::asleep(1, &["Alice"]).await;
        replicas.each[0].config.webhooks = true;
        move_to(&mut replicas.each[0], HOST);
        let account = replicas.cloud.add_person(Person::new(USER, NAME, Zone::UTC));
        replicas.configure();
        let url = replicas.each[0].database.as_ref().unwrap().url.clone();
        let mut each = Vec::new();
        for number in 0..3 {
            let address = free_address();
            let mut command = exporter(replicas.folder.path());
            command.args(["--log.level", "debug", "--storage.url", &url, "--storage.key-file", "key"]);
            command.args(["--web.listen-address", &address.to_string()]);
            each.push((address, Program::start(&mut command, &replicas.folder.path().join(format!("{number}.log")))));
        }
        replicas.cloud.host(HOST, each[1].0);
        let key = std::fs::read_to_string(replicas.folder.path().join("key")).unwrap();
        let keys = key.lines().filter_map(|line| line.strip_prefix("key: "));
        let secrets: Vec<_> = keys.chain(["secret-of-the-app"]).map(str::to_owned).collect();
        assert_eq!(secrets.len(), 2, "{key}");
        let programs = Self { each, replicas, account, seen: String::new(), secrets };
        for (address, _) in &programs.each {
            until("the program to listen", async || tokio::net::TcpStream::connect(address).await.ok()).await;
        }
        programs
    }

    /// An answer of one of them, in the one browser; its headers may lead on.
    async fn get(&mut self, program: usize, target: &str) -> Answer {
        let cookies = &self.replicas.each[0].cookies;
        let mut connection = Connection::open(self.each[program].0).await;
        let answer = connection.request("GET", target, &cookies.header()).await;
        cookies.keep(&answer);
        self.seen += &answer.body;
        answer
    }

    /// Begins a login at one of them, and gives the path of the callback.
    async fn consent(&mut self, program: usize) -> String {
        let begun = self.get(program, "/authorize?profile=Alice").await;
        let consent = begun.header("location").unwrap_or_else(|| panic!("{}", begun.body));
        let callback = self.replicas.each[0].agree(consent, &self.account).await;
        let address = Url::parse("http://localhost").unwrap().join(&callback).unwrap();
        self.secrets.extend(address.query_pairs().map(|(_, value)| value.into_owned()));
        callback
    }

    /// Tells one of them of a weight.
    async fn notify(&self, program: usize, path: &str, user: u64) {
        let form = format!("userid={user}&appli=1&startdate=1&enddate=2");
        let request = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{form}", form.len());
        let mut connection = Connection::open(self.each[program].0).await;
        connection.send(&request).await;
        assert_eq!(connection.answer("POST").await.status, 200);
    }

    /// Waits until one of them has logged this.
    async fn until_said(&self, text: &str) {
        let is_said = || self.each.iter().any(|(_, program)| program.said().contains(text));
        until(text, async || is_said().then_some(())).await;
    }

    /// Expects none of the secrets in what was seen and logged, nor in a dump, and nothing by which Withings knows the person in
    /// what was seen and logged.
    fn check(mut self) {
        self.secrets.extend(self.replicas.cloud.secrets());
        let dump = self.replicas.home.server().dump(self.replicas.home.name());
        for (_, program) in &self.each {
            self.seen += &program.said();
        }
        for secret in &self.secrets {
            assert!(secret.len() >= 16, "it may be in a text by chance: {secret}");
            // Bytes are dumped as hexadecimal digits.
            let digits = secret.bytes().fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"));
            assert!(!dump.contains(secret) && !dump.contains(&digits), "{secret} is in the dump");
            let line = self.seen.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{secret}");
        }
        for external in [&USER.to_string(), NAME] {
            let line = self.seen.lines().find(|line| line.contains(external));
            assert_eq!(line, None, "{external}");
        }
    }
}

#[tokio::test]
async fn no_log_page_or_dump_of_many_programs_has_a_secret() {
    let mut programs = Programs::start().await;
    let callback = programs.consent(0).await;
    assert_eq!(programs.get(1, &callback).await.status, 200);
    programs.until_said("connected").await;
    let account = programs.account.clone();
    until("a subscription", async || (!account.subscriptions().is_empty()).then_some(())).await;
    let path = Url::parse(&account.subscriptions()[0].0).unwrap().path().to_owned();
    programs.secrets.push(path.rsplit('/').next().unwrap().to_owned());
    programs.notify(0, &path, USER).await;
    programs.notify(2, &path, 1).await;
    programs.until_said("a notification came").await;
    // What goes wrong is logged more fully.
    programs.replicas.cloud.fault(Fault::new(Failure::InvalidToken).on("getmeas"));
    programs.replicas.cloud.fault(Fault::new(Failure::Http(502)).on("getsummary"));
    programs.replicas.jump(Duration::from_mins(10));
    programs.until_said("a call failed").await;
    programs.replicas.jump(Duration::from_hours(13));
    programs.until_said("a new token pair was stored").await;
    let callback = programs.consent(2).await;
    assert_eq!(programs.get(0, "/callback?code=c0de-that-is-wrong&state=c0de-that-is-wrong").await.status, 400);
    programs.replicas.cloud.fault(Fault::new(Failure::Http(502)).on("requesttoken"));
    assert_eq!(programs.get(0, &callback).await.status, 502);
    programs.until_said("a login was not finished").await;
    for program in 0..3 {
        for target in ["/", "/metrics", "/metrics?shard=0/1", "/metrics?shard=none", "/-/ready", "/nothing"] {
            programs.get(program, target).await;
        }
    }
    let forgotten = programs.replicas.command(&["forget", "Alice"]).await;
    programs.seen += &forgotten.says;
    programs.check();
}

#[tokio::test]
async fn a_login_of_the_command_authorize_is_used_by_the_replicas() {
    let mut replicas = Replicas::asleep(2, &["Alice"]).await;
    // No browser of this host opens it, so the address is pasted.
    for world in &mut replicas.each {
        move_to(world, "elsewhere.example");
    }
    replicas.cloud.access_token_lifetime(TOKENS_LIVE.as_secs().cast_signed());
    replicas.wake().await;
    replicas.weigh("Alice", 72);
    replicas.configure();
    let mut command = exporter(replicas.folder.path());
    let url = replicas.each[0].database.as_ref().unwrap().url.clone();
    command.args(["authorize", "Alice", "--storage.url", &url, "--storage.key-file", "key"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut authorize = Interactive::of(spawn(&mut command).unwrap());
    // The cloud is on this thread.
    let begun = tokio::task::spawn_blocking(move || {
        let consent = authorize.line(|line| line.contains("authorize2?")).trim().to_owned();
        (authorize, consent)
    });
    let (mut authorize, consent) = begun.await.unwrap();
    let world = &replicas.each[1];
    authorize.type_line(&world.agree(&consent, &world.account("Alice")).await);
    let ended = tokio::task::spawn_blocking(move || authorize.end()).await.unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.output.contains("Alice is connected."), "{ended:?}");
    replicas.until_weight("Alice", 72).await;
    // They refresh it as any other.
    replicas.cloud.access_token_lifetime(3 * 3600);
    replicas.weigh("Alice", 73);
    replicas.jump(TOKENS_LIVE);
    replicas.until_weight("Alice", 73).await;
    assert_eq!(replicas.rotations("Alice"), (1, 0));
}
