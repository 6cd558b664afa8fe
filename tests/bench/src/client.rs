//! A scraper: one connection that is kept, and the headers that Prometheus sends.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What Prometheus 3 asks for.
const ACCEPT: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                      application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;\
                      q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

/// Whether the page is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Plain,
    Gzip,
}

impl Encoding {
    pub(crate) const BOTH: [Self; 2] = [Self::Plain, Self::Gzip];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
        }
    }
}

/// A connection to a server.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    /// The header that says who it is, a whole line; empty without a password.
    authorization: String,
    /// The body of the last answer.
    pub(crate) body: Vec<u8>,
}

/// The head of an answer.
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    /// The name and the value of the cookie that it sets.
    pub(crate) cookie: Option<String>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let stream = BufReader::with_capacity(64 * 1024, stream);
        Ok(Self { stream, authorization: String::new(), body: Vec::new() })
    }

    /// Shows these credentials, a user and a password in Base64, with each request from now on.
    pub(crate) fn authorize(&mut self, credentials: &str) {
        self.authorization = format!("Authorization: Basic {credentials}\r\n");
    }

    /// Has each wait for an answer fail after this time.
    pub(crate) fn wait_at_most(&self, patience: Duration) -> io::Result<()> {
        self.stream.get_ref().set_read_timeout(Some(patience))
    }

    /// Takes the page of metrics; an error if it is not answered with one.
    pub(crate) fn scrape(&mut self, encoding: Encoding) -> io::Result<()> {
        self.scrape_target("/metrics", encoding)
    }

    /// The same for what `target` names of the page.
    pub(crate) fn scrape_target(&mut self, target: &str, encoding: Encoding) -> io::Result<()> {
        let accept_encoding = match encoding {
            Encoding::Plain => "identity",
            Encoding::Gzip => "gzip",
        };
        let headers = format!(
            "Accept: {ACCEPT}\r\nAccept-Encoding: {accept_encoding}\r\nUser-Agent: Prometheus/3.1.0\r\n\
             X-Prometheus-Scrape-Timeout-Seconds: 10\r\n"
        );
        match self.get(target, &headers)?.status {
            200 => Ok(()),
            status => Err(io::Error::other(format!("status {status}"))),
        }
    }

    /// Sends a GET with these headers, whole lines, and reads the answer.
    pub(crate) fn get(&mut self, target: &str, headers: &str) -> io::Result<Head> {
        let authorization = &self.authorization;
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{authorization}{headers}\r\n");
        self.stream.get_mut().write_all(request.as_bytes())?;
        let status = self.line()?;
        let status = status.get(9..12).and_then(|code| code.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        let (mut length, mut location, mut cookie) = (None, None, None);
        while let Some((name, value)) = self.line()?.split_once(": ") {
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().ok(),
                "location" => location = Some(value.to_owned()),
                "set-cookie" => cookie = value.split(';').next().map(str::to_owned),
                _ => {}
            }
        }
        self.body.clear();
        match length {
            Some(length) => self.read(length)?,
            None => self.read_chunks()?,
        }
        Ok(Head { status, location, cookie })
    }

    fn read_chunks(&mut self) -> io::Result<()> {
        loop {
            let length = u64::from_str_radix(&self.line()?, 16).map_err(io::Error::other)?;
            self.read(length)?;
            self.line()?;
            if length == 0 {
                return Ok(());
            }
        }
    }

    fn read(&mut self, length: u64) -> io::Result<()> {
        let read = self.stream.by_ref().take(length).read_to_end(&mut self.body)?;
        if read as u64 == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        line.truncate(line.trim_end().len());
        Ok(line)
    }
}
