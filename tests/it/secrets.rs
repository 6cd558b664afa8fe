//! What must stay secret stays so, and what comes from outside changes nothing and costs little.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;

use url::Url;
use withings_exporter::sim::{Cloud, Failure, Fault};

use crate::http_client::Answer;
use crate::installation::{CLIENT_SECRET, Ended, Installation, Program, free_address};
use crate::world::World;

/// A flood may cost so much memory, in bytes, which allocators keep.
const FLOOD_COSTS: u64 = 32 << 20;

/// A run of the program, and everything that it has served and printed.
struct Run {
    installation: Installation,
    address: SocketAddr,
    /// The secrets, which must never be seen.
    secrets: Vec<String>,
    /// The texts that were seen, by their origin.
    seen: Vec<(String, String)>,
}

impl Run {
    fn start() -> (Self, Program) {
        let address = free_address();
        let base_url = format!("http://localhost:{}", address.port());
        let installation = Installation::new(&["Mum", "Dad"], &base_url);
        let exporter = installation.serve(address);
        (Self { installation, address, secrets: vec![CLIENT_SECRET.to_owned()], seen: Vec::new() }, exporter)
    }

    /// Keeps what was served, but for the two headers that must carry a state.
    fn note(&mut self, place: &str, answer: Answer) -> String {
        let (headers, body) = answer.parts();
        let headers = headers.into_iter().filter(|(name, _)| name != "location" && name != "set-cookie");
        self.seen.extend(headers.map(|(name, value)| (format!("{place}: {name}"), value)));
        self.seen.push((place.to_owned(), body.clone()));
        body
    }

    fn get(&mut self, target: &str, status: u16) -> String {
        let answer = self.installation.request(self.address, "GET", target, "");
        assert_eq!(answer.status, status, "{target}: {}", answer.body);
        self.note(target.split('?').next().unwrap(), answer)
    }

    fn post(&mut self, target: &str, fields: &[(&str, &str)], status: u16) -> String {
        let answer = self.installation.post(self.address, target, fields);
        assert_eq!(answer.status, status, "{target}: {}", answer.body);
        self.note(target, answer)
    }

    /// Begins the login of `profile` and gives the address of the callback after the person's consent.
    fn consent(&mut self, profile: &str, person: &str) -> String {
        let target = format!("/authorize?profile={profile}");
        let begun = self.installation.request(self.address, "GET", &target, "");
        let consent = begun.header("location").unwrap().to_owned();
        self.note("/authorize", begun);
        let callback = self.installation.agree(&consent, person);
        let address = Url::parse("http://localhost").unwrap().join(&callback).unwrap();
        self.secrets.extend(address.query_pairs().map(|(_, value)| value.into_owned()));
        callback
    }

    fn log_in(&mut self, profile: &str, person: &str, status: u16) -> String {
        let callback = self.consent(profile, person);
        self.get(&callback, status)
    }

    fn until_failed(&self, call: &str, reason: &str) {
        let row = format!("withings_exporter_api_request_failures_total{{call=\"{call}\",reason=\"{reason}\"}} ");
        self.installation.until_metrics(self.address, &row, |page| page.contains(&row));
    }

    fn note_end(&mut self, program: &str, ended: Ended) {
        self.seen.push((format!("{program}'s output"), ended.output));
        self.seen.push((format!("{program}'s log"), ended.errors));
    }

    /// Expects that no secret was seen anywhere, and that all of them are worth looking for.
    fn check(mut self) {
        self.secrets.extend(self.installation.cloud.secrets());
        assert!(self.secrets.iter().all(|secret| secret.len() >= 16), "{:?}", self.secrets);
        let stored = self.installation.stored();
        assert!(
            self.secrets.iter().any(|secret| stored.iter().any(|(_, file)| file.contains(secret))),
            "no token is stored"
        );
        for secret in &self.secrets {
            for (place, text) in &self.seen {
                assert!(!text.contains(secret), "{secret} is in {place}:\n{text}");
            }
        }
    }
}

/// A step of a login that must fail, and where.
fn go_wrong(run: &mut Run) {
    let fault = |failure, action: &str| run.installation.cloud.fault(Fault::new(failure).on(action));
    fault(Failure::InvalidToken, "getmeas");
    fault(Failure::InsufficientScope, "getsummary");
    fault(Failure::InvalidParams, "get");
    fault(Failure::Http(502), "getdevice");
    run.log_in("Mum", "Alice", 200);
    for (call, reason) in
        [("getmeas", "auth"), ("getsummary", "scope"), ("sleep_get", "invalid_request"), ("getdevice", "http")]
    {
        run.until_failed(call, reason);
    }
    run.installation.cloud.heal();
    run.get("/", 200);
    run.installation.cloud.fault(Fault::new(Failure::Http(502)).on("requesttoken"));
    run.log_in("Mum", "Alice", 502);
}

#[test]
fn a_whole_life_of_logins_shows_no_secret_anywhere() {
    let (mut run, exporter) = Run::start();
    let callback = run.consent("Mum", "Alice");
    run.get(&callback, 200);
    run.get(&callback, 200);
    run.installation.until_weight(run.address, "Mum", true);
    go_wrong(&mut run);

    // A code that was never given, pasted with a state that was.
    let callback = run.consent("Dad", "Bob");
    let state = callback.split("state=").nth(1).unwrap();
    run.secrets.push("c0de-that-is-wrong".to_owned());
    run.post("/authorize", &[("pasted", &format!("http://nas/?code=c0de-that-is-wrong&state={state}"))], 502);
    run.get("/callback?code=c0de-that-is-wrong", 400);
    run.get("/callback?code=c0de-that-is-wrong&state=c0de-that-is-wrong", 400);
    let callback = run.consent("Dad", "Bob");
    run.post("/authorize", &[("pasted", &format!("http://localhost{callback}"))], 200);
    run.log_in("Mum", "Bob", 409);
    let asked = run.log_in("Dad", "Zoë", 409);
    let confirmation = asked.split("name=\"replace\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let replaced = run.post("/authorize", &[("replace", confirmation)], 200);
    assert!(!replaced.contains(confirmation), "{replaced}");
    run.installation.cloud.fault(Fault::new(Failure::TooManyRequests { wait_seconds: Some(60) }).on("requesttoken"));
    run.log_in("Mum", "Alice", 502);
    run.get("/authorize?profile=Mum", 503);
    for (target, status) in [("/", 200), ("/metrics", 200), ("/-/healthy", 200), ("/-/ready", 200), ("/nothing", 404)] {
        run.get(target, status);
    }
    let forgotten = run.installation.start(&["forget", "Dad"]).end();
    assert_eq!(forgotten.code, Some(0));
    run.note_end("forget", forgotten);
    let ended = exporter.terminate();
    for event in ["connected", "a call failed", "a new token pair was stored", "a login was not finished"] {
        assert!(ended.errors.contains(event), "{event} is missing in\n{}", ended.errors);
    }
    run.note_end("serve", ended);
    run.check();
}

#[test]
fn a_flood_grows_nothing_and_disturbs_no_login_under_way() {
    let (mut run, exporter) = Run::start();
    run.get("/", 200);
    let callback = run.consent("Mum", "Alice");
    let before = exporter.memory();
    let bogus: Vec<_> = (0..2000).map(|n| format!("/callback?code=bogus-{n}&state=bogus-{n}")).collect();
    run.installation.flood(run.address, &bogus, 400);
    let starts = vec!["/authorize?profile=Mum".to_owned(); 500];
    run.installation.flood(run.address, &starts, 302);
    let after = exporter.memory();
    assert!(after < before + FLOOD_COSTS, "{before} bytes became {after}");
    let largest = run.installation.stored().into_iter().map(|(_, file)| file.len()).max().unwrap();
    assert!(largest < 512 * 1024, "a file of {largest} bytes");
    let page = run.get(&callback, 200);
    assert!(page.contains("Mum is connected"), "{page}");
    let ended = exporter.terminate();
    assert!(!ended.errors.contains("bogus-"), "{}", ended.errors);
}

/// A household with one profile and no login.
async fn household() -> World {
    World::start(&["Mum"], |clock| Cloud::with_history(7, 1, clock)).await
}

/// Every file of the exporter and its content.
fn files(world: &World) -> BTreeMap<String, Vec<u8>> {
    let root = world.disk.path();
    let folders = [root.to_owned(), root.join("logins"), root.join("readings"), root.join("callbacks")];
    let entries =
        folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_file()).map(|path| (path.display().to_string(), fs::read(path).unwrap())).collect()
}

#[tokio::test(crate = "crate::paused")]
async fn the_pages_of_a_login_are_kept_by_nobody_and_load_nothing_from_elsewhere() {
    let world = household().await;
    let [alice, bob, ..] = &world.cloud.accounts()[..] else { panic!("the household is larger") };
    let mut pages = vec![world.get("/").await, world.get("/authorize?profile=Granny").await];
    pages.push(world.get("/callback").await);
    pages.push(world.log_in("Mum", alice).await);
    pages.push(world.log_in("Mum", bob).await);
    pages.push(world.get("/").await);
    world.cloud.fault(Fault::new(Failure::Http(502)).on("requesttoken"));
    pages.push(world.log_in("Mum", alice).await);
    assert_eq!(pages.iter().map(|page| page.status).collect::<Vec<_>>(), [200, 404, 400, 200, 409, 200, 502]);
    for page in pages {
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert!(["no-referrer", "same-origin", "origin"].contains(&page.header("referrer-policy").unwrap()));
        let policy = page.header("content-security-policy").unwrap();
        for rule in ["default-src 'none'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(rule), "{rule} is missing in {policy}");
        }
        for link in page.body.split(['"', '\'']).filter(|link| link.contains("//")) {
            assert!(!page.body.contains(&format!("=\"{link}\"")), "{link} is elsewhere:\n{}", page.body);
        }
        assert!(!page.body.contains("<script") && !page.body.contains(" style="), "{}", page.body);
    }
    let begun = world.get("/authorize?profile=Mum").await;
    let headers = ["cache-control", "referrer-policy"].map(|name| begun.header(name));
    assert_eq!(headers, [Some("no-store"), Some("no-referrer")]);
    let cookie = begun.header("set-cookie").unwrap();
    assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Lax"), "{cookie}");
}

#[tokio::test(crate = "crate::paused")]
async fn looking_at_pages_changes_nothing_and_a_login_only_begins() {
    let world = household().await;
    let [alice, bob, ..] = &world.cloud.accounts()[..] else { panic!("the household is larger") };
    world.log_in("Mum", alice).await;
    world.until_up("Mum").await;
    let asked = world.log_in("Mum", bob).await;
    let confirmation = asked.body.split("name=\"replace\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let before = files(&world);
    let requests = world.cloud.requests().len();
    let looks = [
        "/",
        "/metrics",
        "/style.css",
        "/-/healthy",
        "/-/ready",
        "/nothing",
        "/callback",
        "/callback?code=c&state=s",
        "/callback?error=access_denied&state=s",
        "/authorize",
        "/authorize?profile=Granny",
        &format!("/authorize?replace={confirmation}"),
    ];
    for target in looks {
        for method in ["GET", "HEAD"] {
            world.request(method, target, "").await;
        }
    }
    assert_eq!(files(&world), before);
    assert_eq!(world.request("HEAD", "/authorize?profile=Mum", "").await.status, 405);
    assert_eq!(files(&world), before);
    assert_eq!(world.get("/authorize?profile=Mum").await.status, 302);
    let after = files(&world);
    let changed: Vec<_> = after.keys().filter(|path| after.get(*path) != before.get(*path)).collect();
    assert!(matches!(changed[..], [path] if path.ends_with("/pending.json")), "{changed:?}");
    assert_eq!(world.cloud.requests().len(), requests, "Withings was asked");
}

#[tokio::test(crate = "crate::paused")]
async fn the_forms_of_other_sites_are_refused() {
    let mut world = household().await;
    let [alice, bob, ..] = &world.cloud.accounts()[..] else { panic!("the household is larger") };
    world.log_in("Mum", alice).await;
    world.until_up("Mum").await;
    let asked = world.log_in("Mum", bob).await;
    let confirmation = asked.body.split("name=\"replace\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    world.stop_exporter().await;
    world.config.profiles = vec!["Granny".into(), "Dad".into()];
    world.start_exporter().await;
    let callback = world.consent("Dad", bob).await;
    let before = files(&world);
    let forms: [(&str, &[(&str, &str)]); 2] = [
        ("/authorize", &[("pasted", &format!("http://localhost{callback}"))]),
        ("/authorize", &[("replace", confirmation)]),
    ];
    for from in
        ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: https://evil.example", "Origin: null"]
    {
        for (target, fields) in forms {
            let answer = world.post_from(&format!("{from}\r\n"), target, fields).await;
            assert_eq!(answer.status, 403, "{from} {target}: {}", answer.body);
        }
    }
    assert_eq!(files(&world), before);
    let own = "Sec-Fetch-Site: same-origin\r\n";
    let (target, fields) = forms[0];
    let answer = world.post_from(own, target, fields).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}
