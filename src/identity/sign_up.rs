//! Signing up: who may make an account for themselves.

use serde::Serialize;

use super::password_hashing::{Busy, Hasher};
use super::people::{self, NewPerson};
use super::session::{self, Origin};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::lifetimes::Lifetimes;
use crate::domain::registration::FieldProblem;
use crate::domain::token::{SessionKey, Token};
use crate::domain::user::{Role, User};
use crate::outcome::{Error, transact};
use crate::store::{Database, Store, StoreError, users};

/// The setting `registration`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RegistrationPolicy {
    /// Anybody.
    Open,
    /// Nobody: an operator makes accounts.
    Closed,
    /// Only who was invited.
    Invite,
    /// Anybody with an address of these domains.
    Domains(Vec<String>),
}

/// Why no account was made.
#[derive(Clone, Debug)]
pub enum SignUpRefusal {
    /// The operator makes accounts here.
    Closed,
    /// What is wrong with the fields.
    Problems(Vec<FieldProblem>),
    /// Too many people sign up right now.
    Busy,
}

impl From<Busy> for SignUpRefusal {
    fn from(_: Busy) -> Self {
        Self::Busy
    }
}

impl RegistrationPolicy {
    /// Whether the page is offered at all.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open | Self::Domains(_))
    }

    fn permits(&self, person: &NewPerson) -> Result<(), SignUpRefusal> {
        match self {
            Self::Open => Ok(()),
            Self::Closed | Self::Invite => Err(SignUpRefusal::Closed),
            Self::Domains(domains) => {
                let domain = person.email().as_str().rsplit('@').next().unwrap_or_default().to_lowercase();
                if domains.iter().any(|allowed| allowed.to_lowercase() == domain) {
                    return Ok(());
                }
                let message = format!("Use an e-mail address of: {}.", domains.join(", "));
                Err(SignUpRefusal::Problems(vec![FieldProblem { field: "email", message }]))
            }
        }
    }
}

/// Makes an account for a person who signs up by a program of the platform.
///
/// # Errors
/// Why no account was made.
pub async fn sign_up_for_program(
    (store, hasher): (&Store, &Hasher),
    now: UnixTime,
    policy: &RegistrationPolicy,
    person: NewPerson,
) -> Result<Id<User>, Error<SignUpRefusal>> {
    make((store, hasher), now, policy, (person, |_, user: &User| Ok(user.id))).await
}

/// Makes an account and signs its person in. Closed until the first account exists: that one is
/// made by the set-up link or the command.
///
/// # Errors
/// Why no account was made.
pub async fn sign_up(
    (store, hasher): (&Store, &Hasher),
    now: UnixTime,
    (policy, lifetimes): (&RegistrationPolicy, Lifetimes),
    (person, origin): (NewPerson, Origin),
) -> Result<Token<SessionKey>, Error<SignUpRefusal>> {
    let open = move |tx: &mut Database, user: &User| session::open(tx, now, &lifetimes, (user.id, &origin));
    make((store, hasher), now, policy, (person, open)).await
}

async fn make<T, F>(
    (store, hasher): (&Store, &Hasher),
    now: UnixTime,
    policy: &RegistrationPolicy,
    (person, mut finish): (NewPerson, F),
) -> Result<T, Error<SignUpRefusal>>
where
    T: Send + 'static,
    F: FnMut(&mut Database, &User) -> Result<T, StoreError> + Send + 'static,
{
    policy.permits(&person).map_err(Error::Refused)?;
    let hash = person.hash(hasher).await.map_err(|busy| Error::Refused(busy.into()))?;
    transact(store, move |tx| {
        if users::is_empty(tx)? {
            return Err(Error::Refused(SignUpRefusal::Closed));
        }
        let created = people::create(tx, now, (&person, hash.as_deref()), (Role::Author, false));
        let user = created.map_err(|error| error.map_refusal(SignUpRefusal::Problems))?;
        Ok(finish(tx, &user)?)
    })
    .await
}
