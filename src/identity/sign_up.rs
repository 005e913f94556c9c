//! Sign-up: who may create an account for themselves.

use serde::Serialize;

use super::account::AccountRefusal;
use super::email;
use super::emailed_links::requester;
use super::new_user::{self, NewUser};
use super::password_hashing::Busy;
use super::second_step::{Caller, FirstProof, SignInOutcome};
use super::session::Origin;
use super::sign_in::SignInContext;
use super::throttle::{LinkTo, Throttled};
use crate::clock::UnixTime;
use crate::domain::authentication::BY_PASSWORD;
use crate::domain::id::Id;
use crate::domain::registration::FieldProblem;
use crate::domain::session::Session;
use crate::domain::user::{EmailAddress, Role, User, fold};
use crate::outcome::{Error, transact};
use crate::store::{Database, users};

/// The setting `registration`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RegistrationPolicy {
    /// Everyone may sign up.
    Open,
    /// Only operators create accounts.
    Closed,
    /// Only invited users may sign up.
    Invite,
    /// Everyone with an email address of these domains may sign up.
    Domains(Vec<String>),
}

/// Why no account was created.
#[derive(Clone, Debug)]
pub enum SignUpRefusal {
    /// Users may not sign up here by themselves.
    Closed,
    /// The problems of the fields.
    Problems(Vec<FieldProblem>),
    /// The invitation is unknown, used or expired.
    LinkEnded,
    /// The queue of the password hasher is full, or too many codes were emailed.
    Busy,
}

impl From<Busy> for SignUpRefusal {
    fn from(_: Busy) -> Self {
        Self::Busy
    }
}

impl From<Throttled> for SignUpRefusal {
    fn from(_: Throttled) -> Self {
        Self::Busy
    }
}

impl RegistrationPolicy {
    /// Whether the sign-up page exists.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open | Self::Domains(_))
    }

    /// Whether a user may invite this email address: where operators create accounts, only an administrator
    /// may; where only some domains may sign up, invitations go only to those (ours).
    pub(super) fn permits_invitation(&self, inviter: &User, to: &EmailAddress) -> Result<(), AccountRefusal> {
        match self {
            _ if inviter.role == Role::Admin => Ok(()),
            Self::Open | Self::Invite => Ok(()),
            Self::Closed => Err(AccountRefusal::Forbidden("Only the people who run this server invite here.")),
            Self::Domains(domains) if !is_of(domains, to) => {
                Err(AccountRefusal::Invalid(format!("Use an e-mail address of: {}.", domains.join(", "))))
            }
            Self::Domains(_) => Ok(()),
        }
    }

    fn permits(&self, person: &NewUser) -> Result<(), SignUpRefusal> {
        match self {
            Self::Open => Ok(()),
            Self::Closed | Self::Invite => Err(SignUpRefusal::Closed),
            Self::Domains(domains) => {
                if is_of(domains, person.email()) {
                    return Ok(());
                }
                let message = format!("Use an e-mail address of: {}.", domains.join(", "));
                Err(SignUpRefusal::Problems(vec![FieldProblem { field: "email", message }]))
            }
        }
    }
}

fn is_of(domains: &[String], email: &EmailAddress) -> bool {
    let domain = email.as_str().rsplit('@').next().unwrap_or_default().to_lowercase();
    domains.iter().any(|allowed| allowed.to_lowercase() == domain)
}

/// Creates an account for a user who signs up by a program of the platform.
///
/// # Errors
/// [`SignUpRefusal`], or why the store failed.
pub async fn sign_up_for_program(
    context: SignInContext<'_>,
    now: UnixTime,
    policy: &RegistrationPolicy,
    (person, origin): (NewUser, &Origin),
) -> Result<Id<User>, Error<SignUpRefusal>> {
    make(context, now, policy, (person, origin, None), |_, user: &User| Ok((user.id, None))).await
}

/// Creates an account and signs its user in. Refused until the first account exists: that one is created by the
/// set-up link or the command. `next` is the path at which the emailed link continues.
///
/// # Errors
/// [`SignUpRefusal`], or why the store failed.
pub async fn sign_up(
    context: SignInContext<'_>,
    now: UnixTime,
    policy: &RegistrationPolicy,
    (person, caller, next): (NewUser, Caller, Option<&str>),
) -> Result<SignInOutcome, Error<SignUpRefusal>> {
    let (sign_in_policy, origin) = (context.sign_in_policy(), caller.origin.clone());
    let admit = move |tx: &mut Database, user: &User| {
        // The account is new: there is nothing yet that an emailed code would protect.
        let first = FirstProof { user, methods: &BY_PASSWORD, knows_mailbox: true };
        let entered = sign_in_policy.admit(tx, now, first, &caller);
        let entered = entered.map_err(|error| error.map_refusal(SignUpRefusal::from))?;
        let session = entered.session();
        Ok((entered, session))
    };
    make(context, now, policy, (person, &origin, next.map(str::to_owned)), admit).await
}

async fn make<T, F>(
    context: SignInContext<'_>,
    now: UnixTime,
    policy: &RegistrationPolicy,
    (person, origin, next): (NewUser, &Origin, Option<String>),
    mut finish: F,
) -> Result<T, Error<SignUpRefusal>>
where
    T: Send + 'static,
    F: FnMut(&mut Database, &User) -> Result<(T, Option<Id<Session>>), Error<SignUpRefusal>> + Send + 'static,
{
    policy.permits(&person).map_err(Error::Refused)?;
    let hash = person.hash(context.hasher).await.map_err(|busy| Error::Refused(busy.into()))?;
    // An email beyond this network's limit is not sent now; the user may request it after signing in.
    let asks = context
        .throttle
        .attempt_link(context.store, now, LinkTo::Prove(&fold(person.email().as_str())), &origin.address)
        .await?;
    let (mail, requester, origin) = (context.mail.clone(), requester(now, origin), origin.clone());
    let made = transact(&context.store.for_unauthenticated(), move |tx| {
        if users::is_empty(tx)? {
            return Err(Error::Refused(SignUpRefusal::Closed));
        }
        let standing = (Role::Author, false, Some(&origin));
        let created = new_user::create(tx, now, (&person, hash.as_deref()), standing);
        let user = created.map_err(|error| error.map_refusal(SignUpRefusal::Problems))?;
        let (made, session) = finish(tx, &user)?;
        if asks {
            email::ask_new_person(tx, now, (&mail, &requester), (&user, next.as_deref()), session)?;
        }
        Ok(made)
    })
    .await;
    context.mail.wake();
    made
}
