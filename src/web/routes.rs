//! Which path answers what, to which methods.

use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::{Method, Request, StatusCode};

use super::answer::{self, Answer};
use super::{App, landing, login, scrape, webhook};

/// Answers one request.
pub(super) async fn answer(app: &App, request: Request<Incoming>) -> Answer {
    let mut answer = match Route::at(request.uri().path(), app) {
        None => answer::text(StatusCode::NOT_FOUND, "There is nothing at this address."),
        Some(route) if !route.methods().contains(request.method()) => refuse_method(route),
        Some(route) => route.answer(app, request).await,
    };
    answer::set(&mut answer, X_CONTENT_TYPE_OPTIONS, "nosniff");
    answer
}

#[derive(Clone, Copy)]
enum Route {
    Metrics,
    Landing,
    Style,
    Authorize,
    Adopt,
    Callback,
    Healthy,
    Ready,
    /// Where Withings posts. Whoever does not know the address finds nothing there.
    Webhook,
}

impl Route {
    fn at(path: &str, app: &App) -> Option<Self> {
        match path {
            _ if path == &*app.telemetry_path => Some(Self::Metrics),
            "/" => Some(Self::Landing),
            "/style.css" => Some(Self::Style),
            "/authorize" => Some(Self::Authorize),
            "/adopt" => Some(Self::Adopt),
            "/callback" => Some(Self::Callback),
            "/-/healthy" => Some(Self::Healthy),
            "/-/ready" => Some(Self::Ready),
            _ if app.inbox.as_ref().is_some_and(|it| it.is_at(path)) => Some(Self::Webhook),
            _ => None,
        }
    }

    fn methods(self) -> &'static [Method] {
        match self {
            // Each GET begins a login, so there is no HEAD.
            Self::Authorize => &[Method::GET, Method::POST],
            Self::Adopt => &[Method::POST],
            Self::Webhook => &[Method::GET, Method::HEAD, Method::POST],
            _ => &[Method::GET, Method::HEAD],
        }
    }

    /// The answer to an allowed method. HEAD is answered as GET; hyper leaves the body out.
    async fn answer(self, app: &App, request: Request<Incoming>) -> Answer {
        let query = request.uri().query().unwrap_or_default();
        match self {
            Self::Metrics => scrape::page(app, request.headers()).await,
            Self::Landing => landing::page(app).await,
            Self::Style => answer::style(),
            Self::Authorize if request.method() == Method::POST => login::submit(app, request).await,
            Self::Authorize => login::begin(app, query).await,
            Self::Adopt => login::adopt(app, request).await,
            // Withings checks with HEAD that the address is there; a code is never taken from that.
            Self::Callback if request.method() == Method::HEAD => answer::text(StatusCode::OK, "Here."),
            Self::Callback => login::callback(app, query).await,
            Self::Healthy => answer::text(StatusCode::OK, "withings-exporter is healthy."),
            Self::Ready => ready(app),
            Self::Webhook => webhook::answer(app, request).await,
        }
    }
}

fn refuse_method(route: Route) -> Answer {
    let methods: Vec<_> = route.methods().iter().map(Method::as_str).collect();
    let methods = methods.join(", ");
    let mut answer = answer::text(StatusCode::METHOD_NOT_ALLOWED, &format!("Only {methods} can be used here."));
    answer.headers_mut().insert(ALLOW, HeaderValue::from_str(&methods).expect("names of methods are ASCII"));
    answer
}

fn ready(app: &App) -> Answer {
    if *app.ready.borrow() {
        answer::text(StatusCode::OK, "withings-exporter is ready.")
    } else {
        answer::text(
            StatusCode::SERVICE_UNAVAILABLE,
            "Not ready yet: waiting until each connected profile was restored from storage or tried once at Withings.",
        )
    }
}
