//! Requests to callback URLs: the test of a URL, and the notifications with their retries.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::{Url, form_urlencoded};

use super::call::Call;
use super::cloud::Cloud;
use super::notify::QueuedNotification;

/// A callback URL must answer within so long, as documented.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// How long from one look for new events in beds to the next, while there is a subscription to them.
const BED_INTERVAL: Duration = Duration::from_secs(30);

/// How long from one look for retries that are due to the next: a test may move the clock at any time.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Whether the callback URL that a call of `/notify` gives answers HEAD with 200, as the service tests it.
pub(super) async fn callback_answers(cloud: &Cloud, call: &Call) -> bool {
    let is_new = call.path == "/notify" && call.action() == Some("subscribe");
    match call.params.get("callbackurl").filter(|_| is_new) {
        Some(url) => send(cloud, Method::HEAD, url, String::new()).await == Some(200),
        None => false,
    }
}

/// Delivers notifications for ever.
pub(super) async fn deliver(cloud: Cloud) -> Infallible {
    let wakeup = cloud.model().notifications.wakeup.clone();
    loop {
        let now = cloud.clock().unix();
        let has_bed_subscription = cloud.model().tell_of_beds();
        let due = cloud.model().notifications.take_due(now);
        for notification in due {
            let http = send(&cloud, Method::POST, &notification.url, form(&notification)).await;
            let time = cloud.clock().now();
            cloud.model().notifications.note_delivery(notification, http, time);
        }
        let next = cloud.model().notifications.next_due();
        match next {
            Some(at) if at <= cloud.clock().unix() => {}
            Some(_) => drop(timeout(RETRY_INTERVAL, wakeup.notified()).await),
            None if has_bed_subscription => drop(timeout(BED_INTERVAL, wakeup.notified()).await),
            None => wakeup.notified().await,
        }
    }
}

fn form(notification: &QueuedNotification) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(&notification.fields).finish()
}

/// The HTTP status of the answer, if it comes in time.
async fn send(cloud: &Cloud, method: Method, url: &str, form: String) -> Option<u16> {
    let address = cloud.model().notifications.address(url)?;
    let url = Url::parse(url).ok()?;
    timeout(ANSWER_TIMEOUT, exchange(address, method, &url, form)).await.ok()?
}

async fn exchange(address: SocketAddr, method: Method, url: &Url, form: String) -> Option<u16> {
    let stream = TcpStream::connect(address).await.ok()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    let request = Request::builder()
        .method(method)
        .uri(&url[url::Position::BeforePath..url::Position::AfterQuery])
        .header(HOST, url.host_str().unwrap_or_default())
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::<Bytes>::from(form))
        .ok()?;
    // The connection ends when the sender is dropped.
    tokio::spawn(connection);
    sender.send_request(request).await.ok().map(|response| response.status().as_u16())
}
