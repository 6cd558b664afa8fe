//! Where Withings posts notifications: they are answered at once.

use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};

use super::form;
use super::response::{self, Response};
use crate::webhooks::{Inbox, Receipt};

/// Takes a notification. GET, HEAD and POST without a body are Withings' test whether the address is there.
pub(super) async fn respond(inbox: &Inbox, request: Request<Incoming>) -> Response {
    if request.method() == Method::POST {
        match form::read(request).await {
            Ok(body) if body.is_empty() => {}
            // What is of no use is answered like the rest, or Withings would send it again for hours.
            Ok(body) => match inbox.take(&body).await {
                Receipt::Taken => {}
                Receipt::Busy => {
                    return response::text(StatusCode::SERVICE_UNAVAILABLE, "Too much waits; send it again.");
                }
            },
            Err(response) => return response,
        }
    }
    response::text(StatusCode::OK, "Here.")
}
