//! Codes and tokens: how long each lives, and what ends it earlier.

use sha2::{Digest, Sha256};

use super::UserId;

/// A code lives so long, in seconds.
const CODE_SECONDS: i64 = 30;
/// An access token lives so long, in seconds, unless a test sets another time.
const ACCESS_SECONDS: i64 = 3 * 3600;
/// A refresh token lives so long, in seconds.
const REFRESH_SECONDS: i64 = 365 * 86_400;
/// A replaced refresh token lives so much longer, unless the new access token is used before, in seconds.
const GRACE_SECONDS: i64 = 8 * 3600;
/// Dead tokens are remembered so long, so that a call with one still has a user, in seconds.
const MEMORY_SECONDS: i64 = 86_400;

/// What happens to a refresh token once it was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rotation {
    /// As documented (default; the page "access and refresh tokens, no recover" of developer.withings.com): it lives on
    /// until the new access token is first used, or for 8 h. Used again, it gives another pair, and the unused one
    /// dies.
    #[default]
    Grace,
    /// As `Grace`, word for word: of an unused pair whose refresh token is used again the documentation says nothing, and here
    /// it lives on beside the other pair.
    Lenient,
    /// As `Grace`, and a dead refresh token that is used again ends every token of this login, as a service does that takes it
    /// for a stolen one.
    Watchful,
    /// As some operators report (home-assistant/core#42717, home-assistant/core#102886): used again, it ends every
    /// token of this login.
    Strict,
}

/// How many tokens of a user work at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveTokens {
    /// Access tokens.
    pub access: usize,
    /// Refresh tokens, a replaced one within its grace included.
    pub refresh: usize,
}

/// What a person has granted to an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) client_id: String,
    pub(super) user: UserId,
    pub(super) scopes: Vec<String>,
}

/// An access token and the refresh token that came with it.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) grant: Grant,
    pub(super) access: String,
    pub(super) refresh: String,
    /// The number of the login that the pair descends from.
    login: u64,
    /// The refresh token that the pair was given for.
    parent: Option<String>,
    issued: i64,
    /// How long the access token lives, in seconds.
    pub(super) lifetime: i64,
    /// When the refresh token was first used, Unix seconds.
    replaced: Option<i64>,
    access_dead: bool,
    refresh_dead: bool,
}

struct Code {
    text: String,
    grant: Grant,
    redirect_uri: String,
    issued: i64,
}

/// Every code and token given out and not yet forgotten.
pub(super) struct Logins {
    pub(super) rotation: Rotation,
    /// How long the access tokens live that are given from now on, in seconds.
    pub(super) access_seconds: i64,
    /// How long they live as the answers say; `None`: the truth.
    pub(super) announced_seconds: Option<i64>,
    /// Whether the answer to a refresh token names the user.
    pub(super) names_user: bool,
    /// What codes and tokens are made of.
    pub(super) key: String,
    /// How many codes and tokens were given.
    given: u64,
    codes: Vec<Code>,
    pairs: Vec<Pair>,
}

impl Logins {
    pub(super) fn new(key: String) -> Self {
        Self {
            rotation: Rotation::default(),
            access_seconds: ACCESS_SECONDS,
            announced_seconds: None,
            names_user: true,
            key,
            given: 0,
            codes: Vec::new(),
            pairs: Vec::new(),
        }
    }

    /// A code for this grant, to be exchanged with the same redirect URI.
    pub(super) fn give_code(&mut self, grant: Grant, redirect_uri: &str, now: i64) -> String {
        self.codes.retain(|code| code.is_alive(now));
        let text = self.new_secret();
        self.codes.push(Code { text: text.clone(), grant, redirect_uri: redirect_uri.to_owned(), issued: now });
        text
    }

    /// The first pair of a login. `None`: the code is unknown, used or old, or was given to another application or URI.
    pub(super) fn exchange(&mut self, client_id: &str, code: &str, redirect_uri: &str, now: i64) -> Option<Pair> {
        let meant = |given: &Code| {
            given.text == code && given.grant.client_id == client_id && given.redirect_uri == redirect_uri
        };
        let place = self.codes.iter().position(|given| meant(given) && given.is_alive(now))?;
        let grant = self.codes.swap_remove(place).grant;
        let login = self.given;
        Some(self.issue(grant, login, None, now))
    }

    /// The next pair of a login. `None`: the refresh token is dead, or was never given to this application.
    pub(super) fn refresh(&mut self, client_id: &str, refresh: &str, now: i64) -> Option<Pair> {
        let mine = |pair: &Pair| pair.refresh == refresh && pair.grant.client_id == client_id;
        let place = self.pairs.iter().position(mine)?;
        let pair = &self.pairs[place];
        let (login, is_reused, is_alive) = (pair.login, pair.replaced.is_some(), pair.refresh_lives(now));
        let ends_login = match self.rotation {
            Rotation::Grace | Rotation::Lenient => false,
            Rotation::Watchful => is_reused && !is_alive,
            Rotation::Strict => is_reused,
        };
        if ends_login {
            self.end(|pair| pair.login == login);
        }
        if ends_login || !is_alive {
            return None;
        }
        if self.rotation != Rotation::Lenient {
            self.end(|pair| pair.parent.as_deref() == Some(refresh));
        }
        let pair = &mut self.pairs[place];
        pair.replaced.get_or_insert(now);
        pair.access_dead = true;
        let grant = pair.grant.clone();
        Some(self.issue(grant, login, Some(refresh.to_owned()), now))
    }

    /// The grant of a live access token. Its first use is the end of the refresh token that it was given for.
    pub(super) fn authenticate(&mut self, access: &str, now: i64) -> Option<Grant> {
        let pair = self.pairs.iter().find(|pair| pair.access == access && pair.access_lives(now))?.clone();
        let parent = self.pairs.iter_mut().find(|older| pair.parent.as_ref() == Some(&older.refresh));
        if let Some(parent) = parent {
            parent.refresh_dead = true;
        }
        Some(pair.grant)
    }

    /// The grant of an access token, refresh token or code, dead or alive.
    pub(super) fn owner(&self, secret: &str) -> Option<&Grant> {
        let code = self.codes.iter().find(|code| code.text == secret).map(|code| &code.grant);
        code.or_else(|| {
            self.pairs.iter().find(|pair| pair.access == secret || pair.refresh == secret).map(|pair| &pair.grant)
        })
    }

    /// Every code and token ever given, dead or alive.
    pub(super) fn given(&self) -> impl Iterator<Item = String> {
        (1..=self.given).map(|number| self.secret(number))
    }

    /// Ends all logins of a user.
    pub(super) fn revoke(&mut self, user: UserId) {
        self.codes.retain(|code| code.grant.user != user);
        self.end(|pair| pair.grant.user == user);
    }

    /// How many tokens of a user work at this moment.
    pub(super) fn live(&self, user: UserId, now: i64) -> LiveTokens {
        let pairs = || self.pairs.iter().filter(|pair| pair.grant.user == user);
        LiveTokens {
            access: pairs().filter(|pair| pair.access_lives(now)).count(),
            refresh: pairs().filter(|pair| pair.refresh_lives(now)).count(),
        }
    }

    /// The pair that was given last to a user's applications.
    pub(super) fn latest(&self, user: UserId) -> Option<&Pair> {
        self.pairs.iter().rfind(|pair| pair.grant.user == user)
    }

    fn issue(&mut self, grant: Grant, login: u64, parent: Option<String>, now: i64) -> Pair {
        self.pairs.retain(|pair| !pair.is_forgotten(now));
        let (access, refresh) = (self.new_secret(), self.new_secret());
        let pair = Pair {
            grant,
            access,
            refresh,
            login,
            parent,
            issued: now,
            lifetime: self.access_seconds,
            replaced: None,
            access_dead: false,
            refresh_dead: false,
        };
        self.pairs.push(pair.clone());
        pair
    }

    fn end(&mut self, is_meant: impl Fn(&Pair) -> bool) {
        for pair in self.pairs.iter_mut().filter(|pair| is_meant(pair)) {
            pair.access_dead = true;
            pair.refresh_dead = true;
        }
    }

    /// A secret that was never given before.
    fn new_secret(&mut self) -> String {
        self.given += 1;
        self.secret(self.given)
    }

    /// The secret of this number, which nobody can tell without the key: forty hexadecimal digits.
    fn secret(&self, number: u64) -> String {
        let mut digits = format!("{:x}", Sha256::digest(format!("{} {number}", self.key)));
        digits.truncate(40);
        digits
    }
}

impl Pair {
    fn access_lives(&self, now: i64) -> bool {
        !self.access_dead && now - self.issued < self.lifetime
    }

    fn refresh_lives(&self, now: i64) -> bool {
        let in_grace = self.replaced.is_none_or(|at| now - at < GRACE_SECONDS);
        !self.refresh_dead && in_grace && now - self.issued < REFRESH_SECONDS
    }

    fn is_forgotten(&self, now: i64) -> bool {
        now - self.issued > MEMORY_SECONDS && !self.access_lives(now) && !self.refresh_lives(now)
    }
}

impl Code {
    fn is_alive(&self, now: i64) -> bool {
        now - self.issued < CODE_SECONDS
    }
}
