//! Which path answers what, to which methods.

use std::net::IpAddr;

use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::{Method, Request, StatusCode};

use super::pages::MessagePage;
use super::response::{self, Response};
use super::security::InForce;
use super::{App, hosts, landing, login, reload, scrape, webhook};
use crate::paths::OwnPath;

/// Answers one request, if its client may come in.
pub(super) async fn respond(app: &App, client: IpAddr, request: Request<Incoming>) -> Response {
    let security = app.security.in_force();
    let is_head = request.method() == Method::HEAD;
    let route = Route::at(request.uri().path(), app);
    let refusal = refuse(app, &security, client, &request, route).await;
    let mut response = match (refusal, route) {
        (Some(refusal), _) => refusal,
        (None, None) => MessagePage::not_found(request.uri().path()).response(),
        (None, Some(route)) if !route.methods().contains(request.method()) => refuse_method(route),
        (None, Some(route)) => route.respond(app, client, request).await,
    };
    response::set(&mut response, X_CONTENT_TYPE_OPTIONS, "nosniff");
    security.add_headers(&mut response);
    if is_head { response::without_body(response) } else { response }
}

/// The response to a request that is not let in.
async fn refuse(
    app: &App,
    security: &InForce,
    client: IpAddr,
    request: &Request<Incoming>,
    route: Option<Route>,
) -> Option<Response> {
    let is_open = matches!(route, Some(Route::Own(path)) if path.is_open());
    let names_are_free = is_open || security.knows_clients();
    let refusal = hosts::refuse_headers(request)
        .or_else(|| if names_are_free { None } else { app.hosts.refuse(request, || app.logins.redirect_uri()) });
    if refusal.is_some() || is_open { refusal } else { security.refuse(request, client).await }
}

#[derive(Clone, Copy)]
enum Route {
    Metrics,
    Own(OwnPath),
}

impl Route {
    fn at(path: &str, app: &App) -> Option<Self> {
        if path == &*app.telemetry_path {
            return Some(Self::Metrics);
        }
        let is_there = |own: &OwnPath| match own {
            OwnPath::Reload => app.reloads.is_some(),
            // A client that does not know the whole address finds nothing there.
            OwnPath::Webhook => app.inbox.is_at(&path[own.as_str().len()..]),
            _ => true,
        };
        OwnPath::at(path).filter(is_there).map(Self::Own)
    }

    fn methods(self) -> &'static [Method] {
        match self {
            // Each GET begins a login, so there is no HEAD.
            Self::Own(OwnPath::Authorize) => &[Method::GET, Method::POST],
            Self::Own(OwnPath::Reload) => &[Method::POST],
            Self::Own(OwnPath::Webhook) => &[Method::GET, Method::HEAD, Method::POST],
            _ => &[Method::GET, Method::HEAD],
        }
    }

    /// The response to an allowed method. HEAD is answered as GET.
    async fn respond(self, app: &App, client: IpAddr, request: Request<Incoming>) -> Response {
        let Self::Own(path) = self else { return scrape::page(app, request).await };
        match path {
            OwnPath::Landing => landing::page(app, &request),
            OwnPath::Style => response::style(),
            OwnPath::Authorize if request.method() == Method::POST => login::submit(app, client, request).await,
            OwnPath::Authorize => login::begin(app, client, &request).await,
            // Withings checks with HEAD that the address is there; a code is never taken from that.
            OwnPath::Callback if request.method() == Method::HEAD => response::text(StatusCode::OK, "Here."),
            OwnPath::Callback => login::callback(app, client, &request).await,
            OwnPath::Healthy => response::text(StatusCode::OK, "withings-exporter is healthy."),
            OwnPath::Ready => ready(app),
            OwnPath::Reload => reload::respond(app, &request).await,
            OwnPath::Webhook => webhook::respond(app, request).await,
        }
    }
}

fn refuse_method(route: Route) -> Response {
    let methods: Vec<_> = route.methods().iter().map(Method::as_str).collect();
    let methods = methods.join(", ");
    let mut response = response::text(StatusCode::METHOD_NOT_ALLOWED, &format!("Only {methods} can be used here."));
    response.headers_mut().insert(ALLOW, HeaderValue::from_str(&methods).expect("names of methods are ASCII"));
    response
}

fn ready(app: &App) -> Response {
    if *app.ready.borrow() {
        response::text(StatusCode::OK, "withings-exporter is ready.")
    } else {
        response::text(
            StatusCode::SERVICE_UNAVAILABLE,
            "Not ready yet: waiting until each connected profile was restored from storage or tried once at Withings.",
        )
    }
}
