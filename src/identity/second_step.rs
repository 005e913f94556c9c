//! The second step of sign-in, and the only way to a session: after a first factor [`SignInPolicy::admit`]
//! opens a session or starts a step. Until the step is finished there is no session, no cookie and no code for
//! an app (`docs/threat-model.md#b18`, `docs/threat-model.md#e20`): the step is a row that only the page's own
//! key finds.
//!
//! [`finish()`] judges codes. Other kinds of proof are judged by their callers, which call
//! [`SignInPolicy::complete`] in the same transaction.

mod finish;

use std::sync::Arc;

pub use finish::{StepProof, StepRefusal, find, find_pending, finish};

use super::emailed_links::requester;
use super::factors::{self, Factors};
use super::new_device;
use super::session::{self, NewSession, Origin};
use super::throttle::Throttled;
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::one_time_code::{self, new_mailed_code};
use crate::domain::passkey::Passkey;
use crate::domain::second_factor::{
    FactorPolicy, REMEMBERED, RememberedBrowserRecord, STEP_LIFE, SignInStepRecord, WINDOW,
};
use crate::domain::secret::{Secret, sha256_base64url};
use crate::domain::security_log::SecurityEvent;
use crate::domain::session::Session;
use crate::domain::space_separated::SpaceSeparated;
use crate::domain::token::{RememberedBrowser, SessionKey, SignInStep, Token};
use crate::domain::user::{EmailAddress, User};
use crate::mail::Mail;
use crate::mail::second_factor::SignInCode;
use crate::outcome::Error;
use crate::store::{Database, Result as StoreResult, remembered_browsers, security_log, sign_in_steps, users};
use crate::tokens::TokenSettings;
use crate::tokens::last_use::LastUse;

/// Codes that are emailed to one user in 15 minutes, counted like wrong ones (ours).
const MOST_MAILED: i64 = 5;
/// The label under which emailed codes are digested, bound to their step.
const MAILED: &str = "mailed-code";
/// What a code adds to the methods (`amr`) of a session (RFC 8176 §2): recovery codes and emailed codes are
/// one-time passwords too.
pub const BY_CODE: [&str; 2] = ["otp", "mfa"];

/// Decides after the first factor whether a session opens or a second step starts.
#[derive(Clone)]
pub struct SignInPolicy {
    pub token_settings: Arc<TokenSettings>,
    pub last_use: Arc<LastUse>,
    pub mail: Arc<Mail>,
    /// The second factors that the operator requires.
    pub factor_policy: FactorPolicy,
}

/// The browser that signs in: its origin, and its tokens of remembered browsers.
#[derive(Clone, Debug)]
pub struct Caller {
    pub origin: Origin,
    /// The tokens in its cookie that may replace a second step.
    pub remembered: Vec<Token<RememberedBrowser>>,
}

/// A first factor that was verified.
#[derive(Clone, Copy, Debug)]
pub struct FirstProof<'a> {
    /// The user, as read in this transaction.
    pub user: &'a User,
    /// The methods (`amr`).
    pub methods: &'a [&'a str],
    /// Whether it also proved that the user reads their mailbox; then an emailed code would prove nothing more.
    pub knows_mailbox: bool,
}

/// The result of a first factor.
#[derive(Debug)]
pub enum SignInOutcome {
    SignedIn(Token<SessionKey>),
    /// A second step is required, on its own page.
    Step(Box<PendingStep>),
}

impl SignInOutcome {
    /// Returns the session that was opened, unless a second step is required.
    pub fn session(&self) -> Option<Id<Session>> {
        match self {
            Self::SignedIn(key) => Some(key.id()),
            Self::Step(_) => None,
        }
    }
}

/// A second step that waits to be finished.
#[derive(Clone, Debug)]
pub struct PendingStep {
    /// The secret that the page's form sends back. It must not be put into a URL.
    pub key: Token<SignInStep>,
    pub user: User,
    pub asks: SecondStepKind,
    /// The passkeys that are accepted too.
    pub passkeys: Vec<Passkey>,
}

/// What the second step requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondStepKind {
    /// A code of the authenticator app, or a recovery code.
    Code,
    /// The code that was emailed.
    MailedCode,
    /// A passkey: the operator requires a second factor, and the user has no other.
    Passkey,
    /// Setting up a second factor, since the operator requires one.
    SetUp,
}

/// The result of a finished second step.
#[derive(Debug)]
pub struct FinishedStep {
    pub session: Token<SessionKey>,
    /// The token of the remembered browser, which skips the step next time.
    pub remembered: Option<Token<RememberedBrowser>>,
    /// Recovery codes, when the step set up the first factor.
    pub recovery_codes: Option<Vec<Secret>>,
}

/// Returns the digest of the password hash that a step stores, to notice a password change.
fn password_fingerprint(user: &User) -> Option<String> {
    user.password_digest.as_ref().map(|hash| sha256_base64url(hash.as_bytes()))
}

impl SignInPolicy {
    /// Returns what a user must show after the first factor, not considering remembered browsers.
    pub fn asks(&self, user: &User, factors: &Factors) -> Option<SecondStepKind> {
        let is_mailed = self.factor_policy.mails_codes && self.mail.is_on() && user.proven_email().is_some();
        match factors.is_any() {
            true => Some(SecondStepKind::Code),
            false if is_mailed => Some(SecondStepKind::MailedCode),
            false if !self.factor_policy.is_required => None,
            // The mailbox is the only factor of a user who may not add another yet.
            false if factors.passkeys.is_empty() && !self.may_add_credentials(user) => Some(SecondStepKind::MailedCode),
            false => Some(if factors.passkeys.is_empty() { SecondStepKind::SetUp } else { SecondStepKind::Passkey }),
        }
    }

    /// Whether a user may add credentials that last, for their account or for an application of theirs. Where
    /// mail works they must prove their email address first: before that, someone else may have signed up with
    /// it (`docs/decisions/0005-proof-of-an-email-address.md`). An account without an address has no such
    /// doubt.
    pub fn may_add_credentials(&self, user: &User) -> bool {
        !self.mail.is_on() || user.email.is_none() || user.proven_email().is_some()
    }

    /// Whether a user with only these factors left meets the operator's requirement.
    pub fn suffices(&self, user: &User, left: &Factors) -> bool {
        self.asks(user, left) != Some(SecondStepKind::SetUp)
    }

    /// Whether a user has no second factor although the operator requires one.
    ///
    /// # Errors
    /// When the store fails.
    pub fn lacks_factor(&self, db: &mut Database, user: &User) -> StoreResult<bool> {
        Ok(!self.suffices(user, &factors::find(db, user.id)?))
    }

    /// Opens a session after the first factor, or starts the second step. The caller holds the lock of the
    /// user's row, and verified the first factor in this transaction.
    ///
    /// # Errors
    /// [`Throttled`] when too many codes were emailed.
    pub fn admit(
        &self,
        tx: &mut Database,
        now: UnixTime,
        first: FirstProof<'_>,
        caller: &Caller,
    ) -> Result<SignInOutcome, Error<Throttled>> {
        let factors = factors::find(tx, first.user.id)?;
        let asks = self.asks(first.user, &factors);
        let asks = asks.filter(|asks| *asks != SecondStepKind::MailedCode || !first.knows_mailbox);
        let is_remembered = asks.is_some_and(|asks| asks != SecondStepKind::SetUp)
            && is_remembered(tx, now, first.user.id, &caller.remembered)?;
        let Some(asks) = asks.filter(|_| !is_remembered) else {
            let opened = NewSession { methods: first.methods.iter().collect(), second_factor_pending: is_remembered };
            // A user who came by their mailbox, and a new user, get another email already.
            if first.knows_mailbox {
                new_device::record(tx, now, (first.user.id, &caller.origin))?;
            } else {
                new_device::record_and_notify(tx, now, &self.mail, (first.user, &caller.origin))?;
            }
            let lifetimes = &self.token_settings.lifetimes;
            return Ok(SignInOutcome::SignedIn(session::open(
                tx,
                now,
                lifetimes,
                (first.user.id, &caller.origin),
                opened,
            )?));
        };
        let key = Token::<SignInStep>::generate(Id::next(now));
        let network = new_device::counted_network(tx, now, (first.user.id, &caller.origin))?;
        let emailed_code_digest = match asks {
            SecondStepKind::MailedCode => {
                users::lock(tx, first.user.id)?;
                if sign_in_steps::count_mailed(tx, now.plus(-WINDOW), (first.user.id, &network))? >= MOST_MAILED {
                    return Err(Error::Refused(Throttled(WINDOW)));
                }
                self.mail_code(tx, now, (first.user, key.id()), &caller.origin)?
            }
            SecondStepKind::Code | SecondStepKind::Passkey | SecondStepKind::SetUp => None,
        };
        let step = SignInStepRecord {
            id: key.id(),
            digest: key.digest(),
            user_id: first.user.id,
            methods: first.methods.iter().collect(),
            password_fingerprint: password_fingerprint(first.user),
            emailed_code_digest,
            failures: 0,
            created_at: now,
            expires_at: now.plus(STEP_LIFE),
            used_at: None,
            network,
        };
        sign_in_steps::insert(tx, &step)?;
        Ok(SignInOutcome::Step(Box::new(PendingStep {
            key,
            user: first.user.clone(),
            asks,
            passkeys: factors.passkeys,
        })))
    }

    fn mail_code(
        &self,
        tx: &mut Database,
        now: UnixTime,
        (user, step): (&User, Id<SignInStepRecord>),
        origin: &Origin,
    ) -> StoreResult<Option<String>> {
        let Some(to) = user.email.as_deref().and_then(|email| email.parse::<EmailAddress>().ok()) else {
            return Ok(None);
        };
        let code = new_mailed_code();
        let digest = one_time_code::digest(&self.token_settings.keys, (MAILED, step.number()), &code);
        self.mail.write(tx, (&to, &requester(now, origin)), &SignInCode { code, lifetime: STEP_LIFE })?;
        Ok(Some(digest))
    }

    /// Finishes a step by a proof that this transaction verified; `shown` are the methods that it adds to the
    /// session.
    ///
    /// # Errors
    /// [`StepRefusal::Ended`] when the step was finished meanwhile.
    pub fn complete(
        &self,
        tx: &mut Database,
        now: UnixTime,
        (step, shown): (&SignInStepRecord, &[&str]),
        (origin, remembers): (&Origin, bool),
    ) -> Result<FinishedStep, Error<StepRefusal>> {
        if !sign_in_steps::finish(tx, now, step.id)? {
            return Err(Error::Refused(StepRefusal::Ended));
        }
        let methods = step.methods.union(&shown.iter().collect::<SpaceSeparated>());
        let opened = NewSession { methods, second_factor_pending: false };
        if let Some(user) = users::find(tx, step.user_id)? {
            new_device::record_and_notify(tx, now, &self.mail, (&user, origin))?;
        }
        let session = session::open(tx, now, &self.token_settings.lifetimes, (step.user_id, origin), opened)?;
        let remembered = if remembers { Some(remember(tx, now, step.user_id, origin)?) } else { None };
        Ok(FinishedStep { session, remembered, recovery_codes: None })
    }
}

/// Whether one of a browser's tokens replaces the second step of this user.
fn is_remembered(
    db: &mut Database,
    now: UnixTime,
    user: Id<User>,
    tokens: &[Token<RememberedBrowser>],
) -> StoreResult<bool> {
    if tokens.is_empty() {
        return Ok(false);
    }
    let ids: Vec<_> = tokens.iter().map(Token::id).collect();
    let known = remembered_browsers::find(db, now, user, &ids)?;
    Ok(known.iter().any(|known| tokens.iter().any(|token| known.digest.matches(&token.digest()))))
}

fn remember(
    tx: &mut Database,
    now: UnixTime,
    user: Id<User>,
    origin: &Origin,
) -> StoreResult<Token<RememberedBrowser>> {
    let token = Token::<RememberedBrowser>::generate(Id::next(now));
    let record = RememberedBrowserRecord {
        id: token.id(),
        digest: token.digest(),
        user_id: user,
        user_agent: origin.kept_user_agent(),
        address: origin.address.clone(),
        created_at: now,
        expires_at: now.plus(REMEMBERED),
    };
    remembered_browsers::insert(tx, &record)?;
    security_log::append(tx, now, user, (SecurityEvent::DeviceRemembered, ""), Some(origin))?;
    Ok(token)
}
