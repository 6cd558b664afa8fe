//! Reading the body of a form.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::{Request, StatusCode};

use super::activity::Activity;
use super::response::{self, Response};

/// The largest body, bytes: more than any address that a person pastes, and than any notification.
const BODY_LIMIT: usize = 8 * 1024;

/// How long a client may take to send the body.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The body of a form that came whole, in time, and is no larger than it may be; else the response that says so.
pub(super) async fn read(request: Request<Incoming>) -> Result<Bytes, Response> {
    let _awaited = request.extensions().get().map(Activity::await_body);
    let body = Limited::new(request.into_body(), BODY_LIMIT).collect();
    match tokio::time::timeout(TIMEOUT, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(response::text(StatusCode::PAYLOAD_TOO_LARGE, "This is too long to be what belongs here."))
        }
        Ok(Err(_)) => Err(response::text(StatusCode::BAD_REQUEST, "The form did not arrive whole.")),
        Err(_) => Err(response::text(StatusCode::REQUEST_TIMEOUT, "The form did not arrive in time.")),
    }
}
