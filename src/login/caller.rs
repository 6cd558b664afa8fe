//! A call with a profile's login: it gets a token, waits for its turn, is made, and after a refusal of the token is repeated
//! once with a new one.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use secrecy::ExposeSecret;
use tokio::time::sleep_until;

use super::{LoginError, Logins};
use crate::storage::{Claim, Class, Login};
use crate::withings::envelope::Remedy;
use crate::withings::error::CallError;
use crate::withings::prune::{self, Prune};
use crate::withings::request::Request;
use crate::withings::rows::{PageRows, Rows};
use crate::withings::wire::AnswerPage;

/// More pages than any history has: their offsets grow, but they never end.
const MOST_PAGES: usize = 2000;

/// Makes calls for one profile.
#[derive(Clone)]
pub struct Caller {
    pub(super) logins: Logins,
    pub(super) profile: Arc<str>,
    class: Class,
    /// The claim that the calls are made for: when it has ended, no further page is asked for.
    claim: Option<Claim>,
    pub(super) unconfirmed: Option<UnconfirmedLogin>,
}

/// A login that nobody has confirmed, which is not the profile's.
#[derive(Clone)]
pub(super) struct UnconfirmedLogin {
    pub(super) login: Login,
    /// The address of the client that has brought it.
    client: IpAddr,
}

impl Caller {
    pub(super) fn new(logins: Logins, profile: Arc<str>, class: Class, claim: Option<Claim>) -> Self {
        Self { logins, profile, class, claim, unconfirmed: None }
    }

    /// Makes calls with a login that nobody has confirmed, in turn with all others that anybody can cause.
    pub(super) fn of_unconfirmed(logins: Logins, profile: Arc<str>, login: Login, client: IpAddr) -> Self {
        let unconfirmed = Some(UnconfirmedLogin { login, client });
        Self { unconfirmed, ..Self::new(logins, profile, Class::Exchange, None) }
    }

    /// The profile's name.
    #[must_use]
    pub fn profile(&self) -> &Arc<str> {
        &self.profile
    }

    /// Withings' id of the person of the profile; `None` without a login.
    #[must_use]
    pub fn user_id(&self) -> Option<Arc<str>> {
        self.logins.storage().logins().get(&self.profile).map(|known| Arc::clone(&known.login.user_id))
    }

    /// The present time by Withings' clock, Unix seconds.
    #[must_use]
    pub fn server_now(&self) -> i64 {
        self.logins.server_now()
    }

    /// Makes a call and follows its pages: gives all rows, or none.
    pub async fn rows<P: AnswerPage>(&self, request: &Request) -> Result<Vec<P::Row>, LoginError> {
        self.pruned_rows::<P>(request, prune::nothing).await
    }

    /// Makes a call like [`rows`](Self::rows), and lets `prune` leave out rows as soon as they are many.
    pub async fn pruned_rows<P: AnswerPage>(
        &self,
        request: &Request,
        prune: Prune<P::Row>,
    ) -> Result<Vec<P::Row>, LoginError> {
        let mut rows = Rows::<P>::new(prune);
        self.pages(request, &mut rows).await?;
        Ok(rows.kept())
    }

    /// Asks for all pages of a request.
    async fn pages(&self, request: &Request, rows: &mut dyn PageRows) -> Result<(), LoginError> {
        let mut offset = None;
        for _ in 0..MOST_PAGES {
            // In a box: what a page waits for goes through many layers, down to a statement of the database.
            let Some(next) = Box::pin(self.page(request, offset, rows)).await? else { return Ok(()) };
            let previous = offset.replace(next).unwrap_or(0);
            if next <= previous {
                return Err(self.endless(request, CallError::SameOffset { previous, offset: next }));
            }
        }
        Err(self.endless(request, CallError::EndlessPages(MOST_PAGES)))
    }

    /// Asks for one page, and returns the offset of the next one.
    async fn page(
        &self,
        request: &Request,
        offset: Option<i64>,
        rows: &mut dyn PageRows,
    ) -> Result<Option<i64>, LoginError> {
        let login = self.token(None).await?;
        match self.call(&login, request, offset, rows).await {
            Err(LoginError::Call(error)) if error.remedy() == Remedy::RefreshToken => {}
            answer => return answer,
        }
        let login = self.token(Some(&login)).await?;
        self.call(&login, request, offset, rows).await
    }

    /// One call with one token. Data, and the answer that a permission lacks, tell that the token works and was used: only then
    /// is the previous refresh token dead, and dropped. Whether a limit or a broken service answers before it looks at the token is
    /// not known.
    async fn call(
        &self,
        login: &Login,
        request: &Request,
        offset: Option<i64>,
        rows: &mut dyn PageRows,
    ) -> Result<Option<i64>, LoginError> {
        self.turn(digest(&login.user_id, request, offset)).await?;
        let client = self.logins.client();
        let answer = client.page(login.access_token.expose_secret(), request, offset, rows).await;
        let is_accepted = answer.as_ref().err().is_none_or(|error| error.remedy() == Remedy::SwitchOff);
        if is_accepted && login.previous_refresh_token.is_some() {
            self.prove(login).await;
        }
        self.check_claim()?;
        Ok(answer?)
    }

    /// Waits until the call may be made: it has its turn in the budget, and Withings does not refuse it as a repetition. The
    /// repetition is asked about again after the turn, for an identical call may have been sent meanwhile.
    async fn turn(&self, digest: u64) -> Result<(), LoginError> {
        let storage = self.logins.storage();
        loop {
            while let Some(at) = storage.rests_until(digest) {
                sleep_until(at).await;
            }
            match &self.unconfirmed {
                None => self.logins.client().turn(self.class).await?,
                Some(unconfirmed) => {
                    self.logins.exchange_turn(unconfirmed.client).await.map_err(CallError::from)?;
                }
            }
            self.renew_claim().await?;
            if storage.send(digest).await {
                return Ok(());
            }
        }
    }

    /// Renews the claim before a page is asked for, and fails if it has ended.
    async fn renew_claim(&self) -> Result<(), LoginError> {
        let Some(claim) = &self.claim else { return Ok(()) };
        if self.logins.storage().renew(claim).await { Ok(()) } else { Err(LoginError::Superseded) }
    }

    /// Fails if the claim has ended: a person has logged in, or the configuration has changed, and the answer is not needed.
    fn check_claim(&self) -> Result<(), LoginError> {
        let is_current = self.claim.as_ref().is_none_or(|claim| self.logins.storage().is_current(claim));
        if is_current { Ok(()) } else { Err(LoginError::Superseded) }
    }

    fn endless(&self, request: &Request, error: CallError) -> LoginError {
        self.logins.telemetry().failure(request.call, error.reason());
        error.into()
    }
}

/// A digest of what makes two calls identical for Withings: person, call and arguments, but not the token.
fn digest(user_id: &str, request: &Request, offset: Option<i64>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (user_id, request.call, request.form(offset)).hash(&mut hasher);
    hasher.finish()
}
