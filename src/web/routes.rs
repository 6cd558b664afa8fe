//! Which path answers what, to which methods.

use std::net::IpAddr;

use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::{Method, Request, StatusCode};

use super::pages::MessagePage;
use super::response::{self, Response};
use super::security::InForce;
use super::{App, ExporterPages, Reloads, hosts, landing, login, reload, scrape, webhook};
use crate::paths::OwnPath;
use crate::webhooks::Inbox;

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
    route: Option<Route<'_>>,
) -> Option<Response> {
    let is_open = route.is_some() && OwnPath::at(request.uri().path()).is_some_and(OwnPath::is_open);
    let names_are_free = is_open || security.knows_clients();
    let refusal = hosts::refuse_headers(request)
        .or_else(|| if names_are_free { None } else { app.hosts.refuse(request, || app.logins.redirect_uri()) });
    if refusal.is_some() || is_open { refusal } else { security.refuse(request, client).await }
}

/// What is at a path, with what its answer is made of.
#[derive(Clone, Copy)]
enum Route<'a> {
    Metrics(&'a ExporterPages),
    Landing(&'a ExporterPages),
    Style,
    Authorize,
    Callback,
    Healthy,
    Ready(&'a ExporterPages),
    Reload(&'a Reloads),
    Webhook(&'a Inbox),
}

impl<'a> Route<'a> {
    fn at(path: &str, app: &'a App) -> Option<Self> {
        let exporter = app.exporter.as_ref();
        if let Some(exporter) = exporter.filter(|exporter| path == &*exporter.telemetry_path) {
            return Some(Self::Metrics(exporter));
        }
        let own = OwnPath::at(path)?;
        Some(match own {
            OwnPath::Style => Self::Style,
            OwnPath::Authorize => Self::Authorize,
            OwnPath::Callback => Self::Callback,
            OwnPath::Landing => Self::Landing(exporter?),
            OwnPath::Healthy => exporter.map(|_| Self::Healthy)?,
            OwnPath::Ready => Self::Ready(exporter?),
            OwnPath::Reload => Self::Reload(exporter?.reloads.as_ref()?),
            // A client that does not know the whole address finds nothing there.
            OwnPath::Webhook => {
                Self::Webhook(Some(&exporter?.inbox).filter(|inbox| inbox.is_at(&path[own.as_str().len()..]))?)
            }
        })
    }

    fn methods(self) -> &'static [Method] {
        match self {
            // Each GET begins a login, so there is no HEAD.
            Self::Authorize => &[Method::GET, Method::POST],
            Self::Reload(_) => &[Method::POST],
            Self::Webhook(_) => &[Method::GET, Method::HEAD, Method::POST],
            _ => &[Method::GET, Method::HEAD],
        }
    }

    /// The response to an allowed method. HEAD is answered as GET.
    async fn respond(self, app: &App, client: IpAddr, request: Request<Incoming>) -> Response {
        match self {
            Self::Metrics(exporter) => scrape::page(exporter, request).await,
            Self::Landing(exporter) => landing::page(app, exporter, &request),
            Self::Style => response::style(),
            Self::Authorize if request.method() == Method::POST => login::submit(app, client, request).await,
            Self::Authorize => login::begin(app, client, &request).await,
            // Withings checks with HEAD that the address is there; a code is never taken from that.
            Self::Callback if request.method() == Method::HEAD => response::text(StatusCode::OK, "Here."),
            Self::Callback => login::callback(app, client, &request).await,
            Self::Healthy => response::text(StatusCode::OK, "withings-exporter is healthy."),
            Self::Ready(exporter) => ready(exporter),
            Self::Reload(reloads) => reload::respond(app, reloads, &request).await,
            Self::Webhook(inbox) => webhook::respond(inbox, request).await,
        }
    }
}

fn refuse_method(route: Route<'_>) -> Response {
    let methods: Vec<_> = route.methods().iter().map(Method::as_str).collect();
    let methods = methods.join(", ");
    let mut response = response::text(StatusCode::METHOD_NOT_ALLOWED, &format!("Only {methods} can be used here."));
    response.headers_mut().insert(ALLOW, HeaderValue::from_str(&methods).expect("names of methods are ASCII"));
    response
}

fn ready(exporter: &ExporterPages) -> Response {
    if *exporter.ready.borrow() {
        response::text(StatusCode::OK, "withings-exporter is ready.")
    } else {
        response::text(
            StatusCode::SERVICE_UNAVAILABLE,
            "Not ready yet: waiting until each connected profile was restored from storage or tried once at Withings.",
        )
    }
}
