//! Codes and tokens: what is alive, until when, and what kills it.

use super::UserId;
use super::noise::Noise;

/// A code lives so long, in seconds.
const CODE_SECONDS: i64 = 30;
/// An access token lives so long, in seconds, unless a test wants otherwise.
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
    /// As documented (default): it lives on until the new access token is first used, or for 8 h. Used again, it gives
    /// another pair, and the one that nobody had used dies.
    #[default]
    Grace,
    /// As some operators report: used again, it takes every token of this login with it.
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
    /// The login it descends from.
    login: u64,
    /// The refresh token it was given for.
    parent: Option<String>,
    issued: i64,
    /// How long its access token lives, in seconds.
    pub(super) lifetime: i64,
    /// When its refresh token was first used.
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
    mint: Noise,
    minted: u64,
    codes: Vec<Code>,
    pairs: Vec<Pair>,
}

impl Logins {
    pub(super) fn new(mint: Noise) -> Self {
        Self {
            rotation: Rotation::default(),
            access_seconds: ACCESS_SECONDS,
            mint,
            minted: 0,
            codes: Vec::new(),
            pairs: Vec::new(),
        }
    }

    /// A code for this grant, to be exchanged with the same redirect URI.
    pub(super) fn give_code(&mut self, grant: Grant, redirect_uri: &str, now: i64) -> String {
        self.codes.retain(|it| it.is_alive(now));
        let text = self.mint();
        self.codes.push(Code { text: text.clone(), grant, redirect_uri: redirect_uri.to_owned(), issued: now });
        text
    }

    /// The first pair of a login. `None`: the code is unknown, used or old, or was given to another application or URI.
    pub(super) fn exchange(&mut self, client_id: &str, code: &str, redirect_uri: &str, now: i64) -> Option<Pair> {
        let meant = |it: &Code| it.text == code && it.grant.client_id == client_id && it.redirect_uri == redirect_uri;
        let place = self.codes.iter().position(|it| meant(it) && it.is_alive(now))?;
        let grant = self.codes.swap_remove(place).grant;
        let login = self.minted;
        Some(self.issue(grant, login, None, now))
    }

    /// The next pair of a login. `None`: the refresh token is dead, or was never given to this application.
    pub(super) fn refresh(&mut self, client_id: &str, refresh: &str, now: i64) -> Option<Pair> {
        let mine = |it: &Pair| it.refresh == refresh && it.grant.client_id == client_id;
        let place = self.pairs.iter().position(mine)?;
        let (login, reused) = (self.pairs[place].login, self.pairs[place].replaced.is_some());
        if reused && self.rotation == Rotation::Strict {
            self.kill(|it| it.login == login);
        }
        if !self.pairs[place].refresh_lives(now) {
            return None;
        }
        self.kill(|it| it.parent.as_deref() == Some(refresh));
        let pair = &mut self.pairs[place];
        pair.replaced.get_or_insert(now);
        pair.access_dead = true;
        let grant = pair.grant.clone();
        Some(self.issue(grant, login, Some(refresh.to_owned()), now))
    }

    /// The grant of a live access token. Its first use is the end of the refresh token that it was given for.
    pub(super) fn authenticate(&mut self, access: &str, now: i64) -> Option<Grant> {
        let pair = self.pairs.iter().find(|it| it.access == access && it.access_lives(now))?.clone();
        let parent = self.pairs.iter_mut().find(|it| pair.parent.as_ref() == Some(&it.refresh));
        if let Some(parent) = parent {
            parent.refresh_dead = true;
        }
        Some(pair.grant)
    }

    /// Whose access token, refresh token or code this is or was.
    pub(super) fn owner(&self, secret: &str) -> Option<&Grant> {
        let code = self.codes.iter().find(|it| it.text == secret).map(|it| &it.grant);
        code.or_else(|| self.pairs.iter().find(|it| it.access == secret || it.refresh == secret).map(|it| &it.grant))
    }

    /// The end of all logins of a user.
    pub(super) fn revoke(&mut self, user: UserId) {
        self.codes.retain(|it| it.grant.user != user);
        self.kill(|it| it.grant.user == user);
    }

    pub(super) fn live(&self, user: UserId, now: i64) -> LiveTokens {
        let pairs = || self.pairs.iter().filter(|it| it.grant.user == user);
        LiveTokens {
            access: pairs().filter(|it| it.access_lives(now)).count(),
            refresh: pairs().filter(|it| it.refresh_lives(now)).count(),
        }
    }

    /// The pair that was given last to a user's applications.
    pub(super) fn latest(&self, user: UserId) -> Option<&Pair> {
        self.pairs.iter().rfind(|it| it.grant.user == user)
    }

    fn issue(&mut self, grant: Grant, login: u64, parent: Option<String>, now: i64) -> Pair {
        self.pairs.retain(|it| !it.is_forgotten(now));
        let (access, refresh) = (self.mint(), self.mint());
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

    fn kill(&mut self, doomed: impl Fn(&Pair) -> bool) {
        for pair in self.pairs.iter_mut().filter(|it| doomed(it)) {
            pair.access_dead = true;
            pair.refresh_dead = true;
        }
    }

    /// A secret that was never given before.
    fn mint(&mut self) -> String {
        self.minted += 1;
        self.mint.fork(self.minted).hex()
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
