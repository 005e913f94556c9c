//! What has to happen between an authorization request and its answer: log in, ask, or answer at once
//! (OpenID Connect Core §3.1.2.1 and §3.1.2.3).

use super::authorization::AuthorizationRequest;
use super::began::Began;
use super::consent::Allowed;
use super::openid::id_token::Hint;
use super::parameters::Parameters;
use super::problem::{
    ACCOUNT_SELECTION_REQUIRED, CONSENT_REQUIRED, INVALID_MAX_AGE, INVALID_PROMPT, LOGIN_REQUIRED, Problem,
};
use super::signing::Signer;
use crate::clock::UnixTime;
use crate::domain::authentication::CLASSES;
use crate::domain::prompt::Prompt;
use crate::domain::secret::Secret;
use crate::domain::session::Session;
use crate::domain::user::{User, fold};
use crate::store::{Database, StoreError};

/// What the application wishes of the person.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// How they are asked.
    pub prompt: Prompt,
    /// How many seconds ago they may have signed in.
    pub max_age: Option<i64>,
    /// Who it thinks they are.
    pub login_hint: Option<String>,
    /// Whom it shows an ID token of (`id_token_hint`).
    pub hinted: Hinted,
    /// Whether it prefers a sign-in by two factors (`acr_values`, OpenID Connect Core §3.1.2.1): in order
    /// of preference, names that we do not know aside.
    pub two_factors: bool,
}

/// Whom an `id_token_hint` means.
#[derive(Clone, Debug, Default)]
pub enum Hinted {
    /// There is no hint.
    #[default]
    Nobody,
    /// Not read yet: [`AuthorizationRequest::read_hint`] does.
    Unread(Secret),
    /// The person in UUID form, whose ID token we issued to this client.
    Person(String),
    /// No ID token that we issued to this client.
    Unknown,
}

/// The person at the browser, with what they allowed this application before.
#[derive(Clone, Copy, Debug)]
pub struct Sitting<'a> {
    /// Who.
    pub user: &'a User,
    /// Since when.
    pub session: &'a Session,
    /// What they allowed.
    pub allowed: &'a Allowed,
    /// Whether they have a second factor.
    pub has_factor: bool,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The person has to log in, again perhaps.
    LogIn,
    /// The person is offered to sign up.
    SignUp,
    /// The person shows their second factor.
    ShowFactor,
    /// The consent page is shown.
    Ask,
    /// The request is answered at once.
    Answer,
    /// Nothing may be shown, so it is refused.
    Refuse(&'static Problem),
}

impl Wishes {
    /// Reads them from a request.
    ///
    /// # Errors
    /// [`INVALID_PROMPT`] or [`INVALID_MAX_AGE`].
    pub fn parse(parameters: &Parameters) -> Result<Self, &'static Problem> {
        let prompt = parameters.get("prompt").map(str::parse).transpose().map_err(|_not_alone| &INVALID_PROMPT)?;
        let seconds = |text: &str| text.parse().ok().filter(|_| text.bytes().all(|digit| digit.is_ascii_digit()));
        let max_age = match parameters.get("max_age").map(seconds) {
            None => None,
            Some(Some(max_age)) => Some(max_age),
            Some(None) => return Err(&INVALID_MAX_AGE),
        };
        let login_hint = parameters.get("login_hint").map(str::to_owned);
        let hinted = parameters.get("id_token_hint").map_or(Hinted::Nobody, |hint| Hinted::Unread(Secret::new(hint)));
        let mut classes = parameters.get("acr_values").unwrap_or_default().split(' ');
        let two_factors = classes.find(|class| CLASSES.contains(class)) == Some(CLASSES[1]);
        Ok(Self { prompt: prompt.unwrap_or_default(), max_age, login_hint, hinted, two_factors })
    }

    /// Whether a session is not enough: `prompt=login`, a sign-in longer ago than `max_age`, or another
    /// person than the ID token's, and no sign-in since the request began. `max_age=0` is `prompt=login`.
    pub fn must_log_in(&self, now: UnixTime, (session, user): (&Session, &User), began: Option<&Began>) -> bool {
        let is_too_old = self.max_age.is_some_and(|most| most == 0 || now.since(session.authenticated_at) > most);
        let has_logged_in = began.is_some_and(|began| began.is_followed_by(session));
        (self.prompt.login || is_too_old || self.hints_at_another(user)) && !has_logged_in
    }

    /// Whether an ID token says that somebody else is meant, who alone may be answered about (§3.1.2.1).
    /// One that we cannot read names nobody: where a page can be shown it counts as absent, since a
    /// client may hold it longer than we hold its key; where none can, it proves nothing (ours).
    fn hints_at_another(&self, user: &User) -> bool {
        match &self.hinted {
            Hinted::Nobody => false,
            Hinted::Person(sub) => *sub != user.id.uuid(),
            Hinted::Unread(_) | Hinted::Unknown => self.prompt.none,
        }
    }

    /// Whether the application named somebody else than this person.
    fn name_another(&self, user: &User) -> bool {
        let hint = self.login_hint.as_deref().map(fold);
        let email = user.email.as_deref().map(fold);
        hint.is_some_and(|hint| hint != fold(&user.username) && Some(&hint) != email.as_ref())
    }
}

impl AuthorizationRequest {
    /// Whether it matters later when the request began.
    pub fn needs_its_beginning(&self) -> bool {
        let Wishes { prompt, max_age, .. } = &self.wishes;
        let has_hint = !matches!(self.wishes.hinted, Hinted::Nobody);
        prompt.login || prompt.select_account || max_age.is_some() || has_hint || self.pushed.is_some()
    }

    /// Reads whom an ID token means; its time does not count, and the client it was for does (§3.1.2.1:
    /// a session of that person with this client).
    ///
    /// # Errors
    /// When the store fails.
    pub fn read_hint(&mut self, db: &mut Database, signer: &Signer) -> Result<(), StoreError> {
        if let Hinted::Unread(text) = &self.wishes.hinted {
            let ours = Hint::read(db, signer, text.expose())?.filter(|hint| hint.aud == self.client.client_id);
            self.wishes.hinted = ours.map_or(Hinted::Unknown, |hint| Hinted::Person(hint.sub));
        }
        Ok(())
    }

    /// Decides what comes next. A consent counts only for an address that proves who gets the answer.
    pub fn next_step(&self, now: UnixTime, began: Option<&Began>, sitting: Option<Sitting<'_>>) -> Step {
        let prompt = self.wishes.prompt;
        let or_refuse = |step, problem| if prompt.none { Step::Refuse(problem) } else { step };
        let Some(Sitting { user, session, allowed, has_factor }) = sitting else {
            let step = if prompt.create { Step::SignUp } else { Step::LogIn };
            return or_refuse(step, &LOGIN_REQUIRED);
        };
        if self.wishes.must_log_in(now, (session, user), began) {
            return or_refuse(Step::LogIn, &LOGIN_REQUIRED);
        }
        // Somebody else logged in: the answer is about the ID token's person, or none (§3.1.2.1).
        if self.wishes.hints_at_another(user) {
            return Step::Refuse(&LOGIN_REQUIRED);
        }
        // A voluntary claim (§5.5.1.1): whoever has no second factor, or cannot be asked, goes on without.
        if self.wishes.two_factors && has_factor && !session.has_shown_factor() && !prompt.none {
            return Step::ShowFactor;
        }
        let is_allowed = self.has_proven_address() && allowed.covers(self);
        // Only who lets the application in is told apart: a stranger's must not learn by guessing names
        // who sits at the browser (ours).
        if prompt.none && is_allowed && self.wishes.name_another(user) {
            return Step::Refuse(&ACCOUNT_SELECTION_REQUIRED);
        }
        // Whoever logged in for this request chose the account by doing so.
        let has_chosen = began.is_some_and(|began| began.is_followed_by(session));
        let must_see = prompt.consent || (prompt.select_account && !has_chosen);
        if is_allowed && !must_see { Step::Answer } else { or_refuse(Step::Ask, &CONSENT_REQUIRED) }
    }
}
