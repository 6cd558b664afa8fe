//! The consent page, where a person picks an account and lets an application read its data.

use askama::Template;
use url::Url;
use url::form_urlencoded;

use super::app::App;
use super::call::Params;
use super::person::{Person, SCOPES};

/// What an application asks for on the consent page, checked.
#[derive(Debug)]
pub(super) struct ConsentRequest {
    pub(super) client_id: String,
    /// The redirect URI as it was given: the code is exchanged with the same text.
    pub(super) redirect_uri: String,
    pub(super) scopes: Vec<String>,
    callback: Url,
    state: String,
}

impl ConsentRequest {
    /// Reads the address of the page; the error is what the service says about the first mistake.
    pub(super) fn read(params: &Params, apps: &[App]) -> Result<Self, String> {
        let required = |name: &str| params.get(name).ok_or_else(|| format!("invalid_request: {name} is missing"));
        if required("response_type")? != "code" {
            return Err("unsupported_response_type: response_type must be code".to_owned());
        }
        let client_id = required("client_id")?;
        let app = apps.iter().find(|app| app.client_id == client_id);
        let app = app.ok_or("invalid_client: this client_id is not registered")?;
        let redirect_uri = required("redirect_uri")?;
        let callback = app.callback(redirect_uri).ok_or("redirect_uri_mismatch: The redirect URI is not registered")?;
        Ok(Self {
            client_id: client_id.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            scopes: scopes(required("scope")?)?,
            callback,
            state: required("state")?.to_owned(),
        })
    }

    /// The address to which a person who agrees is sent.
    pub(super) fn accept(&self, code: &str) -> String {
        self.answer("code", code)
    }

    /// The address to which a person who refuses is sent.
    fn refuse(&self) -> String {
        self.answer("error", "access_denied")
    }

    fn answer(&self, name: &str, value: &str) -> String {
        let mut to = self.callback.clone();
        to.query_pairs_mut().append_pair(name, value).append_pair("state", &self.state);
        to.into()
    }

    /// The page with a link for each person, which is this page's address and the choice.
    pub(super) fn page<'a>(&self, params: &Params, people: impl Iterator<Item = &'a Person>) -> String {
        let choices = people.map(|person| Choice {
            name: &person.name,
            query: form_urlencoded::Serializer::new(String::new())
                .extend_pairs(params.0.iter().filter(|(name, _)| *name != "selecteduser"))
                .append_pair("selecteduser", &person.userid.to_string())
                .finish(),
        });
        let page = ConsentPage {
            client_id: &self.client_id,
            scope: &self.scopes.join(", "),
            choices: choices.collect(),
            refuse: self.refuse(),
        };
        page.render().expect("the template only writes text, and into a string")
    }
}

impl App {
    /// The redirect URI as a URL, if it is a registered one or continues the path or the query of one.
    fn callback(&self, redirect_uri: &str) -> Option<Url> {
        let asked = Url::parse(redirect_uri).ok().filter(|url| url.fragment().is_none())?;
        let continues = |registered: &String| Url::parse(registered).is_ok_and(|url| continues(&asked, &url));
        self.redirect_uris.iter().any(continues).then_some(asked)
    }
}

fn continues(asked: &Url, registered: &Url) -> bool {
    let same_host = asked.scheme() == registered.scheme()
        && asked.host() == registered.host()
        && asked.port_or_known_default() == registered.port_or_known_default()
        && asked.username() == registered.username()
        && asked.password() == registered.password();
    let rest_of_path = asked.path().strip_prefix(registered.path());
    let query = |url: &Url| url.query().unwrap_or_default().to_owned();
    same_host
        && query(asked).starts_with(&query(registered))
        && rest_of_path.is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || registered.path().ends_with('/'))
}

fn scopes(text: &str) -> Result<Vec<String>, String> {
    let known = |scope: &str| {
        let unknown = || format!("invalid_scope: {scope} is no scope; they are separated by commas");
        SCOPES.contains(&scope).then(|| scope.to_owned()).ok_or_else(unknown)
    };
    text.split(',').map(known).collect()
}

struct Choice<'a> {
    name: &'a str,
    query: String,
}

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Simulated Withings</title></head>
<body>
<h1>Simulated Withings: who are you?</h1>
<p>The application <b>{{ client_id }}</b> asks for {{ scope }}.</p>
<ul>
{% for choice in choices %}<li><a href="?{{ choice.query }}">{{ choice.name }}</a></li>
{% endfor %}</ul>
<p><a href="{{ refuse }}">Refuse</a></p>
</body>
</html>
"#
)]
struct ConsentPage<'a> {
    client_id: &'a str,
    scope: &'a str,
    choices: Vec<Choice<'a>>,
    refuse: String,
}
