//! Which path answers what, to which methods.

use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::{Method, Request, StatusCode};

use super::answer::{self, Answer};
use super::{App, landing, login, reload, scrape, webhook};

/// Answers one request, if its sender may come in.
pub(super) async fn answer(app: &App, request: Request<Incoming>) -> Answer {
    let security = app.security.in_force();
    let is_head = request.method() == Method::HEAD;
    let route = Route::at(request.uri().path(), app);
    let refusal = if route.is_some_and(Route::is_open) { None } else { security.refuse(&request).await };
    let mut answer = match (refusal, route) {
        (Some(refusal), _) => refusal,
        (None, None) => answer::text(StatusCode::NOT_FOUND, "There is nothing at this address."),
        (None, Some(route)) if !route.methods().contains(request.method()) => refuse_method(route),
        (None, Some(route)) => route.answer(app, request).await,
    };
    answer::set(&mut answer, X_CONTENT_TYPE_OPTIONS, "nosniff");
    security.add_headers(&mut answer);
    if is_head { answer::without_body(answer) } else { answer }
}

#[derive(Clone, Copy)]
enum Route {
    Metrics,
    Landing,
    Style,
    Authorize,
    Callback,
    Healthy,
    Ready,
    Reload,
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
            "/callback" => Some(Self::Callback),
            "/-/healthy" => Some(Self::Healthy),
            "/-/ready" => Some(Self::Ready),
            "/-/reload" if app.reloads.is_some() => Some(Self::Reload),
            _ if webhook::is_at(app, path) => Some(Self::Webhook),
            _ => None,
        }
    }

    /// Whether everybody may come here without a password, and as often as they like: probes, Withings, and people whom
    /// it sends back. The callback takes nothing without the `state` that a login began with, the address that Withings
    /// posts to is a secret itself, and the style sheet is that of its page.
    fn is_open(self) -> bool {
        matches!(self, Self::Callback | Self::Style | Self::Healthy | Self::Ready | Self::Webhook)
    }

    fn methods(self) -> &'static [Method] {
        match self {
            // Each GET begins a login, so there is no HEAD.
            Self::Authorize => &[Method::GET, Method::POST],
            Self::Reload => &[Method::POST],
            Self::Webhook => &[Method::GET, Method::HEAD, Method::POST],
            _ => &[Method::GET, Method::HEAD],
        }
    }

    /// The answer to an allowed method. HEAD is answered as GET.
    async fn answer(self, app: &App, request: Request<Incoming>) -> Answer {
        let query = request.uri().query().unwrap_or_default();
        match self {
            Self::Metrics => scrape::page(app, query, request.headers()).await,
            Self::Landing => landing::page(app),
            Self::Style => answer::style(),
            Self::Authorize if request.method() == Method::POST => login::submit(app, request).await,
            Self::Authorize => login::begin(app, query).await,
            // Withings checks with HEAD that the address is there; a code is never taken from that.
            Self::Callback if request.method() == Method::HEAD => answer::text(StatusCode::OK, "Here."),
            Self::Callback => login::callback(app, query).await,
            Self::Healthy => answer::text(StatusCode::OK, "withings-exporter is healthy."),
            Self::Ready => ready(app),
            Self::Reload => reload::answer(app, &request).await,
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
