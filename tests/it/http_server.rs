//! A tiny HTTP/1.1 server that keeps what it is sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A server that takes JSON at every path.
#[derive(Clone)]
pub(crate) struct Inbox {
    address: SocketAddr,
    /// Heads of requests in lower case, with the bodies.
    taken: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Inbox {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let inbox = Self { address: listener.local_addr().unwrap(), taken: Arc::default() };
        let serving = inbox.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(BufReader::new(stream)));
            }
        });
        inbox
    }

    /// The URL of a path, in lower case, on this server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The bodies of the requests to this path so far.
    pub(crate) fn taken(&self, path: &str) -> Vec<Value> {
        let taken = self.taken.lock().unwrap();
        let to_path = taken.iter().filter(|(head, _)| head.split_whitespace().nth(1) == Some(path));
        to_path.map(|(_, body)| body.clone()).collect()
    }

    async fn serve(self, mut stream: BufReader<TcpStream>) {
        while let Some((head, body)) = request(&mut stream).await {
            let body = serde_json::from_slice(&body).unwrap();
            self.taken.lock().unwrap().push((head, body));
            stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        }
    }
}

/// The head of the next request, in lower case, and its body; `None` when there is none.
pub(crate) async fn request(stream: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        stream.read_line(&mut head).await.ok().filter(|bytes| *bytes > 0)?;
    }
    let head = head.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, body))
}
