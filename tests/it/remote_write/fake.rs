//! A server that takes remote write, and fails as it is told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use withings_exporter::remote_write::TimeSeries;

use super::shown;
use crate::http_server::request;

/// What happens to the next request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fate {
    /// It is answered with this status, headers (whole lines) and body, and not taken.
    Answered(u16, &'static str, &'static str),
    /// It is never answered.
    Hangs,
    /// The connection ends before it was taken.
    Cut,
    /// It is taken, and the connection ends before the answer.
    AnswerLost,
}

/// The server. Requests without a fate are taken.
#[derive(Clone)]
pub(super) struct Fake {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    fates: VecDeque<Fate>,
    heads: Vec<String>,
    taken: Vec<String>,
}

impl Fake {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let fake = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let serving = fake.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        fake
    }

    /// The next requests, one after the other, have these fates.
    pub(super) fn will(&self, fates: impl IntoIterator<Item = Fate>) {
        self.state.lock().unwrap().fates.extend(fates);
    }

    /// Where it takes samples.
    pub(super) fn url(&self) -> String {
        format!("http://ann:sesame@{}/api/v1/write", self.address)
    }

    /// Expects that it took these samples, as [`lines`] has them, in this order.
    #[track_caller]
    pub(super) fn check_taken(&self, expected: &[String]) {
        let taken = &self.state.lock().unwrap().taken;
        let other = taken.iter().zip(expected).find(|(taken, expected)| taken != expected);
        assert_eq!((other, taken.len()), (None, expected.len()));
    }

    /// Line and headers of every request, in lower case.
    pub(super) fn heads(&self) -> Vec<String> {
        self.state.lock().unwrap().heads.clone()
    }

    async fn serve(self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        while let Some((head, body)) = request(&mut stream).await {
            let fate = {
                let mut state = self.state.lock().unwrap();
                state.heads.push(head);
                let fate = state.fates.pop_front();
                if matches!(fate, None | Some(Fate::AnswerLost)) {
                    state.taken.extend(lines(&series(&body)));
                }
                fate
            };
            let (status, headers, text) = match fate {
                None => (204, "", ""),
                Some(Fate::Answered(status, headers, text)) => (status, headers, text),
                Some(Fate::Hangs) => std::future::pending().await,
                Some(Fate::Cut | Fate::AnswerLost) => return,
            };
            let answer = format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\n\r\n{text}", text.len());
            stream.get_mut().write_all(answer.as_bytes()).await.unwrap();
        }
    }
}

/// The series of a body.
fn series(body: &[u8]) -> Vec<TimeSeries> {
    write_request(&snap::raw::Decoder::new().decompress_vec(body).unwrap())
}

/// The series of a `WriteRequest`.
fn write_request(message: &[u8]) -> Vec<TimeSeries> {
    fields(message).map(|(_, series)| time_series(series.bytes())).collect()
}

fn time_series(message: &[u8]) -> TimeSeries {
    let mut series = TimeSeries::default();
    for (number, field) in fields(message) {
        let mut inner = fields(field.bytes()).map(|(_, field)| field);
        let (first, second) = (inner.next().unwrap(), inner.next().unwrap());
        match number {
            1 => series.labels.push((first.text(), second.text())),
            _ => series.samples.push((second.number().cast_signed() / 1000, f64::from_bits(first.number()))),
        }
    }
    series
}

/// A field of a message of protocol buffers.
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Field<'a> {
    fn number(&self) -> u64 {
        let Self::Number(number) = self else { panic!("a message, and not a number") };
        *number
    }

    fn bytes(&self) -> &'a [u8] {
        let Self::Bytes(bytes) = self else { panic!("a number, and not a message") };
        bytes
    }

    fn text(&self) -> String {
        String::from_utf8(self.bytes().into()).unwrap()
    }
}

/// The fields of a message with their numbers.
fn fields(mut message: &[u8]) -> impl Iterator<Item = (u64, Field<'_>)> {
    std::iter::from_fn(move || {
        let (tag, rest) = (!message.is_empty()).then(|| varint(message))?;
        let (field, rest) = match tag & 7 {
            0 => {
                let (number, rest) = varint(rest);
                (Field::Number(number), rest)
            }
            1 => (Field::Number(u64::from_le_bytes(rest[..8].try_into().unwrap())), &rest[8..]),
            2 => {
                let (length, rest) = varint(rest);
                let (bytes, rest) = rest.split_at(usize::try_from(length).unwrap());
                (Field::Bytes(bytes), rest)
            }
            other => panic!("a wire type that remote write does not have: {other}"),
        };
        message = rest;
        Some((tag >> 3, field))
    })
}

/// The number that a message begins with, and what follows.
fn varint(message: &[u8]) -> (u64, &[u8]) {
    let length = message.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let (bytes, rest) = message.split_at(length);
    (bytes.iter().rev().fold(0, |number, byte| number << 7 | u64::from(byte & 0x7f)), rest)
}

/// The samples of these series, in order.
pub(super) fn lines(series: &[TimeSeries]) -> Vec<String> {
    let line = |series: &TimeSeries, (at, value): &(i64, f64)| format!("{} {value} {at}", shown(&series.labels));
    series.iter().flat_map(|series| series.samples.iter().map(|sample| line(series, sample))).collect()
}
