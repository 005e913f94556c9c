//! Decides what happens between an authorization request and its answer: log in, ask for consent, or answer at once
//! (OpenID Connect Core §3.1.2.1 and §3.1.2.3).

use super::authorization::AuthorizationRequest;
use super::consent::Allowed;
use super::openid::id_token::Hint;
use super::parameters::Parameters;
use super::problem::Problem;
use super::request_start::RequestStart;
use super::signing::Signer;
use crate::clock::UnixTime;
use crate::domain::authentication::CLASSES;
use crate::domain::prompt::Prompt;
use crate::domain::secret::Secret;
use crate::domain::session::Session;
use crate::domain::user::{User, fold};
use crate::store::{Database, StoreError};

/// The parameters of a request that say how the person is asked.
#[derive(Clone, Debug, Default)]
pub struct PromptOptions {
    /// Which pages the request demands or forbids.
    pub prompt: Prompt,
    /// The greatest age of the sign-in, in seconds.
    pub max_age: Option<i64>,
    /// The user whom the application expects.
    pub login_hint: Option<String>,
    /// The person whose ID token the application sent (`id_token_hint`).
    pub id_token_hint: IdTokenHint,
    /// Whether it prefers a sign-in with two factors (`acr_values`, OpenID Connect Core §3.1.2.1): the first name
    /// in the list that this server knows decides.
    pub two_factors: bool,
}

/// The person whom an `id_token_hint` means.
#[derive(Clone, Debug, Default)]
pub enum IdTokenHint {
    /// There is no hint.
    #[default]
    Absent,
    /// Not read yet; [`AuthorizationRequest::read_hint`] reads it.
    Unread(Secret),
    /// The person in UUID form: this server issued the ID token to this client.
    Person(String),
    /// Not an ID token that this server issued to this client.
    Unknown,
}

/// The person who is signed in, with what they allowed this application before.
#[derive(Clone, Copy, Debug)]
pub struct SessionState<'a> {
    pub user: &'a User,
    pub session: &'a Session,
    pub allowed: &'a Allowed,
    /// Whether they have a second factor.
    pub has_factor: bool,
}

/// The next step of an authorization request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The person has to log in, or to log in again.
    LogIn,
    /// The sign-up page is shown.
    SignUp,
    /// The second factor is asked for.
    ShowFactor,
    /// The consent page is shown.
    Ask,
    /// The request is answered at once.
    Answer,
    /// The request is refused: a page is needed and none may be shown, or the answer would be about another person.
    Refuse(Problem),
}

impl PromptOptions {
    /// Reads the options from a request.
    ///
    /// # Errors
    /// [`Problem::InvalidPrompt`] or [`Problem::InvalidMaxAge`] when that parameter is not valid.
    pub fn parse(parameters: &Parameters) -> Result<Self, Problem> {
        let prompt =
            parameters.get("prompt").map(str::parse).transpose().map_err(|_not_alone| Problem::InvalidPrompt)?;
        let seconds = |text: &str| text.parse().ok().filter(|_| text.bytes().all(|digit| digit.is_ascii_digit()));
        let max_age = match parameters.get("max_age").map(seconds) {
            None => None,
            Some(Some(max_age)) => Some(max_age),
            Some(None) => return Err(Problem::InvalidMaxAge),
        };
        let login_hint = parameters.get("login_hint").map(str::to_owned);
        let id_token_hint =
            parameters.get("id_token_hint").map_or(IdTokenHint::Absent, |hint| IdTokenHint::Unread(Secret::new(hint)));
        let mut classes = parameters.get("acr_values").unwrap_or_default().split(' ');
        let two_factors = classes.find(|class| CLASSES.contains(class)) == Some(CLASSES[1]);
        Ok(Self { prompt: prompt.unwrap_or_default(), max_age, login_hint, id_token_hint, two_factors })
    }

    /// Whether the person has to log in although there is a session: `prompt=login`, a sign-in that is older than
    /// `max_age`, or another person than the ID token's, and no sign-in since the request began. `max_age=0` means
    /// `prompt=login`.
    pub fn must_log_in(
        &self,
        now: UnixTime,
        (session, user): (&Session, &User),
        request_start: Option<&RequestStart>,
    ) -> bool {
        let is_too_old = self.max_age.is_some_and(|most| most == 0 || now.since(session.authenticated_at) > most);
        let has_logged_in = request_start.is_some_and(|request_start| request_start.is_before_sign_in_of(session));
        (self.prompt.login || is_too_old || self.hints_at_another_user(user)) && !has_logged_in
    }

    /// Whether the ID token means another person; the answer may be about that person only (§3.1.2.1). A token that
    /// cannot be read means no person: where a page can be shown it counts as absent, because a client may keep it
    /// longer than we keep its key; with `prompt=none` it counts as another person's (ours).
    fn hints_at_another_user(&self, user: &User) -> bool {
        match &self.id_token_hint {
            IdTokenHint::Absent => false,
            IdTokenHint::Person(sub) => *sub != user.id.uuid(),
            IdTokenHint::Unread(_) | IdTokenHint::Unknown => self.prompt.none,
        }
    }

    /// Whether the `login_hint` names another user than this one.
    fn names_another_user(&self, user: &User) -> bool {
        let hint = self.login_hint.as_deref().map(fold);
        let email = user.email.as_deref().map(fold);
        hint.is_some_and(|hint| hint != fold(&user.username) && Some(&hint) != email.as_ref())
    }
}

impl AuthorizationRequest {
    /// Whether a later step needs the start time of the request.
    pub fn needs_request_start(&self) -> bool {
        let PromptOptions { prompt, max_age, .. } = &self.prompt_options;
        let has_hint = !matches!(self.prompt_options.id_token_hint, IdTokenHint::Absent);
        prompt.login || prompt.select_account || max_age.is_some() || has_hint || self.pushed.is_some()
    }

    /// Reads the person from the ID token. Its expiry is ignored, and its client must be this one (§3.1.2.1: a
    /// session of that person with this client).
    ///
    /// # Errors
    /// When the store fails.
    pub fn read_hint(&mut self, db: &mut Database, signer: &Signer) -> Result<(), StoreError> {
        if let IdTokenHint::Unread(text) = &self.prompt_options.id_token_hint {
            let ours = Hint::read(db, signer, text.expose())?.filter(|hint| hint.aud == self.client.client_id);
            self.prompt_options.id_token_hint = ours.map_or(IdTokenHint::Unknown, |hint| IdTokenHint::Person(hint.sub));
        }
        Ok(())
    }

    /// Decides the next step. A consent counts only for an address that proves who receives the answer.
    pub fn next_step(
        &self,
        now: UnixTime,
        request_start: Option<&RequestStart>,
        session_state: Option<SessionState<'_>>,
    ) -> Step {
        let prompt = self.prompt_options.prompt;
        let or_refuse = |step, problem| if prompt.none { Step::Refuse(problem) } else { step };
        let Some(SessionState { user, session, allowed, has_factor }) = session_state else {
            let step = if prompt.create { Step::SignUp } else { Step::LogIn };
            return or_refuse(step, Problem::LoginRequired);
        };
        if self.prompt_options.must_log_in(now, (session, user), request_start) {
            return or_refuse(Step::LogIn, Problem::LoginRequired);
        }
        // Another person has logged in: only the ID token's person may be answered about (§3.1.2.1).
        if self.prompt_options.hints_at_another_user(user) {
            return Step::Refuse(Problem::LoginRequired);
        }
        // A voluntary claim (§5.5.1.1): a person who has no second factor, or cannot be asked, continues without it.
        if self.prompt_options.two_factors && has_factor && !session.has_shown_factor() && !prompt.none {
            return Step::ShowFactor;
        }
        let is_allowed = self.has_proven_address() && allowed.covers(self);
        // Only an application that the person allowed gets this answer: another one must not learn by guessing
        // names who is signed in at the browser (ours).
        if prompt.none && is_allowed && self.prompt_options.names_another_user(user) {
            return Step::Refuse(Problem::AccountSelectionRequired);
        }
        // A person who logged in for this request has chosen the account.
        let has_chosen = request_start.is_some_and(|request_start| request_start.is_before_sign_in_of(session));
        let must_see = prompt.consent || (prompt.select_account && !has_chosen);
        if is_allowed && !must_see { Step::Answer } else { or_refuse(Step::Ask, Problem::ConsentRequired) }
    }
}
