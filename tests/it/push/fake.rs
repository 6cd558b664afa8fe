//! A server that takes lines as VictoriaMetrics does, and fails as it is told.

use std::collections::VecDeque;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use flate2::read::GzDecoder;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use withings_exporter::history::Series;

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

    /// Where it takes lines.
    pub(super) fn url(&self) -> String {
        format!("http://ann:sesame@{}/api/v1/import/prometheus", self.address)
    }

    /// Expects that it took these lines, in this order.
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
                    state.taken.extend(body.lines().map(str::to_owned));
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

/// The head and the unpacked body of the next request; `None` when there is none.
async fn request(stream: &mut BufReader<TcpStream>) -> Option<(String, String)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        stream.read_line(&mut head).await.ok().filter(|bytes| *bytes > 0)?;
    }
    let head = head.to_lowercase();
    let length = head.lines().find_map(|it| it.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.ok()?;
    let mut text = String::new();
    GzDecoder::new(&body[..]).read_to_string(&mut text).unwrap();
    Some((head, text))
}

/// The lines of these series, in order.
pub(super) fn lines(series: &[Series]) -> Vec<String> {
    let lines = series.iter().flat_map(|it| it.samples.iter().map(move |sample| (it, sample)));
    let line = |(series, sample): (&Series, &withings_exporter::history::Sample)| {
        let profile = &series.labels[2].1;
        let labels = format!("instance=\"home:10064\",job=\"withings\",profile=\"{profile}\"");
        format!("{}{{{labels}}} {} {}000", series.name, sample.value, sample.at)
    };
    lines.map(line).collect()
}
