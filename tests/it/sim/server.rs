//! A simulated cloud on a port of its own, and the smallest client that can talk to it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::DateTime;
use serde_json::Value;
use tokio::sync::oneshot;
use withings_exporter::clock::Clock;
use withings_exporter::sim::{self, App, Cloud, Limits, UserId};

/// Monday, 2 March 2026, 18:00 UTC.
pub(crate) const NOW: i64 = 1_772_474_400;
pub(crate) const REDIRECT: &str = "http://localhost:10064/callback";
pub(crate) const ALL_SCOPES: &str = "user.info,user.metrics,user.activity";

/// A clock that stands at [`NOW`].
pub(crate) fn clock() -> Clock {
    Clock::frozen(DateTime::from_timestamp(NOW, 0).unwrap())
}

/// A served cloud with an application and no limits; it ends when this value is dropped.
pub(crate) struct Server {
    pub(crate) cloud: Cloud,
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) http: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// The pair of a login.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Server {
    pub(crate) fn start(cloud: Cloud) -> Self {
        cloud.limits(Limits::OFF);
        cloud.register(App {
            client_id: "app".to_owned(),
            client_secret: "secret".to_owned(),
            redirect_uris: vec![REDIRECT.to_owned()],
        });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = cloud.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                sim::serve(listener, served, async { drop(stopped.await) }).await;
            });
        });
        Self { cloud, address, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.cloud.clock().advance(Duration::from_secs(seconds));
    }

    /// Sends these bytes and reads until the server closes.
    pub(crate) fn send(&self, request: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // A server may refuse before it has read everything.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        Answer::parse(&String::from_utf8(answer).unwrap())
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n\r\n").as_bytes())
    }

    pub(crate) fn post(&self, path: &str, token: Option<&str>, form: &[(&str, &str)]) -> Answer {
        let form = encoded(form);
        let bearer = token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
        let head = format!("POST {path} HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n{bearer}");
        let rest = format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n", form.len());
        self.send(format!("{head}{rest}{form}").as_bytes())
    }

    /// The consent page at an address that asks for every scope, with these additions or changes.
    pub(crate) fn consent(&self, changes: &[(&str, &str)]) -> Answer {
        let usual = [
            ("response_type", "code"),
            ("client_id", "app"),
            ("redirect_uri", REDIRECT),
            ("scope", ALL_SCOPES),
            ("state", "s1"),
        ];
        let kept = usual.into_iter().filter(|(name, _)| changes.iter().all(|(other, _)| other != name));
        let params: Vec<_> = kept.chain(changes.iter().copied()).collect();
        self.get(&format!("/oauth2_user/authorize2?{}", encoded(&params)))
    }

    /// A code for a person who agrees.
    pub(crate) fn code(&self, user: UserId) -> String {
        self.consent(&[("selecteduser", &user.to_string())]).redirect_param("code")
    }

    pub(crate) fn exchange(&self, code: &str) -> Answer {
        self.token(&[("grant_type", "authorization_code"), ("code", code), ("redirect_uri", REDIRECT)])
    }

    pub(crate) fn refresh(&self, refresh: &str) -> Answer {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", refresh)])
    }

    pub(crate) fn token(&self, grant: &[(&str, &str)]) -> Answer {
        let client = [("action", "requesttoken"), ("client_id", "app"), ("client_secret", "secret")];
        let kept = client.into_iter().filter(|(name, _)| grant.iter().all(|(other, _)| other != name));
        self.post("/v2/oauth2", None, &kept.chain(grant.iter().copied()).collect::<Vec<_>>())
    }

    pub(crate) fn login(&self, user: UserId) -> Tokens {
        self.exchange(&self.code(user)).tokens()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        let served = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || matches!(served, Some(Ok(()))), "the server has panicked");
    }
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let http = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        Self { http, head: head.to_owned(), body: body.to_owned() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The body of a good answer.
    pub(crate) fn ok(&self) -> Value {
        let mut json = self.json();
        assert_eq!(json["status"], 0, "{json}");
        json["body"].take()
    }

    /// The status of an envelope, which is HTTP 200 whatever it says.
    pub(crate) fn status(&self) -> i64 {
        assert_eq!(self.http, 200);
        self.json()["status"].as_i64().unwrap()
    }

    pub(crate) fn tokens(&self) -> Tokens {
        let body = self.ok();
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        Tokens { access: text("access_token"), refresh: text("refresh_token") }
    }

    /// A parameter of the address that the answer redirects to.
    pub(crate) fn redirect_param(&self, name: &str) -> String {
        assert_eq!(self.http, 302, "{}", self.body);
        let location = url::Url::parse(self.header("location").unwrap()).unwrap();
        location.query_pairs().find(|(parameter, _)| parameter == name).unwrap().1.into_owned()
    }
}

fn encoded(params: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish()
}
