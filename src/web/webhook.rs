//! What Withings posts when it has news: answered at once.

use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};

use super::answer::{self, Answer};
use super::{App, form};
use crate::config::WEBHOOK_PATH;
use crate::webhooks::Receipt;

/// Whether this path is the one that Withings calls.
pub(super) fn is_at(app: &App, path: &str) -> bool {
    path.strip_prefix(WEBHOOK_PATH).is_some_and(|secret| app.inbox.is_at(secret))
}

/// GET, HEAD and POST without a body are Withings' test whether the address is there.
pub(super) async fn answer(app: &App, request: Request<Incoming>) -> Answer {
    if request.method() == Method::POST {
        match form::read(request).await {
            Ok(body) if body.is_empty() => {}
            // What is of no use is answered like the rest, or Withings would send it again for hours.
            Ok(body) => match app.inbox.take(&body) {
                Receipt::Taken => {}
                Receipt::Busy => {
                    return answer::text(StatusCode::SERVICE_UNAVAILABLE, "Too much waits; send it again.");
                }
            },
            Err(answer) => return answer,
        }
    }
    answer::text(StatusCode::OK, "Here.")
}
