//! The second step of signing in, and the one way to a session: whoever gave a first proof is let in by
//! [`SignInPolicy::admit`], or gets a step to finish. Until then there is no session, no cookie and no code for an app
//! (`docs/threat-model.md#b18`, `docs/threat-model.md#e20`): the step is a row that only the page's own key finds.
//!
//! What finishes a step is judged by [`finish()`] for codes. Whoever judges another kind of proof calls
//! [`SignInPolicy::complete`] in the transaction that judged it.

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
use crate::store::{
    Database, Result as StoreResult, StoreError, remembered_browsers, security_log, sign_in_steps, users,
};
use crate::tokens::TokenSettings;

/// Codes that are mailed to one person in a quarter of an hour, counted like wrong ones (ours).
const MOST_MAILED: i64 = 5;
/// The label under which mailed codes are digested, bound to their step.
const MAILED: &str = "mailed-code";
/// What a code adds to the methods of a session (RFC 8176 §2): recovery codes and mailed ones are one-time
/// passwords too.
pub const BY_CODE: [&str; 2] = ["otp", "mfa"];

/// Who opens the door after the first proof.
#[derive(Clone)]
pub struct SignInPolicy {
    /// Keys and lifetimes.
    pub token_settings: Arc<TokenSettings>,
    /// What writes letters.
    pub mail: Arc<Mail>,
    /// What the operator asks for.
    pub factor_policy: FactorPolicy,
}

/// A browser that wants in: where it is, and what it remembers of second steps before.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Where.
    pub origin: Origin,
    /// What its cookie holds.
    pub remembered: Vec<Token<RememberedBrowser>>,
}

/// A first proof that was right.
#[derive(Clone, Copy, Debug)]
pub struct FirstProof<'a> {
    /// Whose, as the transaction sees them now.
    pub user: &'a User,
    /// How (`amr`).
    pub methods: &'a [&'a str],
    /// Whether it also showed that they read their mailbox: a mailed code would prove nothing more.
    pub knows_mailbox: bool,
}

/// What a first proof comes to.
#[derive(Debug)]
pub enum SignInOutcome {
    /// A session.
    SignedIn(Token<SessionKey>),
    /// The second step, on a page of its own.
    Step(Box<PendingStep>),
}

impl SignInOutcome {
    /// The session that was opened, if nothing more is asked.
    pub fn session(&self) -> Option<Id<Session>> {
        match self {
            Self::SignedIn(key) => Some(key.id()),
            Self::Step(_) => None,
        }
    }
}

/// A step that waits.
#[derive(Clone, Debug)]
pub struct PendingStep {
    /// What the page's form brings back. It belongs into no address.
    pub key: Token<SignInStep>,
    /// Whose.
    pub user: User,
    /// What is asked for.
    pub asks: SecondStepKind,
    /// The passkeys that do as well.
    pub passkeys: Vec<Passkey>,
}

/// What the second step asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondStepKind {
    /// A code of the app, or a recovery code.
    Code,
    /// The code that was mailed.
    MailedCode,
    /// A passkey: the operator requires a second factor, and the person has no other.
    Passkey,
    /// To set a second factor up, since the operator requires one.
    SetUp,
}

/// A finished step.
#[derive(Debug)]
pub struct FinishedStep {
    /// The new session.
    pub session: Token<SessionKey>,
    /// What the browser keeps, to skip the step next time.
    pub remembered: Option<Token<RememberedBrowser>>,
    /// Recovery codes, when the step set the first factor up.
    pub recovery_codes: Option<Vec<Secret>>,
}

/// What a step remembers of the password: enough to see that it is another one.
fn judged(user: &User) -> Option<String> {
    user.password_hash.as_ref().map(|hash| sha256_base64url(hash.as_bytes()))
}

impl SignInPolicy {
    /// What a person has to show besides the first proof, remembered browsers aside.
    pub fn asks(&self, user: &User, factors: &Factors) -> Option<SecondStepKind> {
        let is_mailed = self.factor_policy.mails_codes && self.mail.is_on() && user.proven_email().is_some();
        match factors.is_any() {
            true => Some(SecondStepKind::Code),
            false if is_mailed => Some(SecondStepKind::MailedCode),
            false if !self.factor_policy.is_required => None,
            // The mailbox is the one factor of somebody who may not have another yet.
            false if factors.passkeys.is_empty() && !self.may_add_credentials(user) => Some(SecondStepKind::MailedCode),
            false => Some(if factors.passkeys.is_empty() { SecondStepKind::SetUp } else { SecondStepKind::Passkey }),
        }
    }

    /// Whether a person may set up what opens their account, or an application of theirs, for long. Where
    /// mail works they prove their address first: before that, the account may be a stranger's who signed up
    /// with it (`docs/decisions/0005-proof-of-an-email-address.md`). An account without any address is nobody else's.
    pub fn may_add_credentials(&self, user: &User) -> bool {
        !self.mail.is_on() || user.email.is_none() || user.proven_email().is_some()
    }

    /// Whether the operator lets a person be whom nothing but these would be left.
    pub fn suffices(&self, user: &User, left: &Factors) -> bool {
        self.asks(user, left) != Some(SecondStepKind::SetUp)
    }

    /// Whether a person has no second factor although the operator requires one.
    ///
    /// # Errors
    /// When the store fails.
    pub fn lacks_factor(&self, db: &mut Database, user: &User) -> StoreResult<bool> {
        Ok(!self.suffices(user, &factors::find(db, user.id)?))
    }

    /// Lets a person in after their first proof, or begins the second step. The caller holds the
    /// person's row, and judged the proof in this transaction.
    ///
    /// # Errors
    /// [`Throttled`] when too many codes were mailed.
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
            let opened = NewSession { methods: first.methods.iter().collect(), owes_factor: is_remembered };
            // A letter of another kind tells whoever came by their mailbox, and a new person of themselves.
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
        let mailed = match asks {
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
            judged: judged(first.user),
            mailed,
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
        let digest = digest.ok_or_else(|| StoreError::Unusable("the base key is missing".to_owned()))?;
        self.mail.write(tx, (&to, &requester(now, origin)), &SignInCode { code, lifetime: STEP_LIFE })?;
        Ok(Some(digest))
    }

    /// Finishes a step by a proof that this transaction judged to be right: `shown` is what it adds to
    /// the session's methods.
    ///
    /// # Errors
    /// [`StepRefusal::Ended`].
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
        let opened = NewSession { methods, owes_factor: false };
        if let Some(user) = users::find(tx, step.user_id)? {
            new_device::record_and_notify(tx, now, &self.mail, (&user, origin))?;
        }
        let session = session::open(tx, now, &self.token_settings.lifetimes, (step.user_id, origin), opened)?;
        let remembered = if remembers { Some(remember(tx, now, step.user_id, origin)?) } else { None };
        Ok(FinishedStep { session, remembered, recovery_codes: None })
    }
}

/// Whether one of a browser's tokens stands for a second step of this person.
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
