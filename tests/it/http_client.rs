//! A tiny HTTP/1.1 client that sends exactly the bytes of a test, and shows exactly those that came back.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// One connection.
pub(crate) struct Connection(BufReader<TcpStream>);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    headers: Vec<(String, String)>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        Self::from(TcpStream::connect(address).await.unwrap())
    }

    /// Sends bytes as they are.
    pub(crate) async fn send(&mut self, bytes: &str) {
        self.0.get_mut().write_all(bytes.as_bytes()).await.unwrap();
    }

    /// Sends a request without a body. `headers` are whole lines, each with its end.
    pub(crate) async fn request(&mut self, method: &str, target: &str, headers: &str) -> Answer {
        self.request_to("localhost", method, target, headers).await
    }

    /// The same with another name of the host.
    pub(crate) async fn request_to(&mut self, host: &str, method: &str, target: &str, headers: &str) -> Answer {
        self.send(&format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n")).await;
        self.answer(method).await
    }

    /// Reads the answer to a request made with `method`.
    pub(crate) async fn answer(&mut self, method: &str) -> Answer {
        let status = self.line().await;
        let mut headers = Vec::new();
        while let Some((name, value)) = self.line().await.split_once(": ") {
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut answer = Answer { status: status[9..12].parse().unwrap(), body: String::new(), headers };
        if method != "HEAD" {
            let mut body = vec![0; answer.header("content-length").unwrap().parse().unwrap()];
            self.0.read_exact(&mut body).await.unwrap();
            answer.body = String::from_utf8(body).unwrap();
        }
        answer
    }

    /// Waits until the server has closed, and gives what it still sent.
    pub(crate) async fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).await.unwrap();
        rest
    }

    /// Waits until the server has begun to answer.
    pub(crate) async fn answering(&mut self) {
        self.0.fill_buf().await.unwrap();
    }

    /// The next line, without its end.
    pub(crate) async fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).await.unwrap();
        line.trim_end().to_owned()
    }
}

/// The cookies of one browser, which it sends to every server.
#[derive(Default)]
pub(crate) struct Cookies(Mutex<BTreeMap<String, String>>);

impl Cookies {
    /// Keeps those that an answer sets.
    pub(crate) fn keep(&self, answer: &Answer) {
        let set = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
        let cookies = set.filter_map(|(_, cookie)| cookie.split(';').next()?.split_once('='));
        let cookies = cookies.map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.0.lock().unwrap().extend(cookies);
    }

    /// The header with all of them, as a whole line; empty if there is none.
    pub(crate) fn header(&self) -> String {
        let cookies: Vec<_> = self.0.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if cookies.is_empty() { String::new() } else { format!("Cookie: {}\r\n", cookies.join("; ")) }
    }

    /// Forgets all of them, as another browser has none.
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap().clear();
    }
}

impl From<TcpStream> for Connection {
    fn from(stream: TcpStream) -> Self {
        Self(BufReader::new(stream))
    }
}

impl Answer {
    /// The headers, names in lower case, and the body.
    pub(crate) fn parts(self) -> (Vec<(String, String)>, String) {
        (self.headers, self.body)
    }

    /// The value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}
