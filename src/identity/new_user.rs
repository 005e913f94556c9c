//! Creation of accounts: the same for the sign-up page, invitations, the set-up link and the command.

use super::password_hashing::{Busy, Hasher};
use crate::clock::UnixTime;
use crate::domain::deception::{self, Deception};
use crate::domain::held_name::{HELD, HeldName};
use crate::domain::id::Id;
use crate::domain::password::NewPassword;
use crate::domain::registration::FieldProblem;
use crate::domain::security_log::{BY_OPERATOR, SecurityEvent};
use crate::domain::session::Origin;
use crate::domain::user::{EmailAddress, Role, User, Username, fold};
use crate::outcome::Error;
use crate::store::{Database, Result as StoreResult, StoreError, clients, held_names, security_log, users};

/// A new user whose fields are valid, before the password is hashed.
#[derive(Clone, Debug)]
pub struct NewUser {
    username: Username,
    email: EmailAddress,
    password: Option<NewPassword>,
}

/// The submitted fields of a new user.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    pub username: &'a str,
    pub email: &'a str,
    /// The password; only an operator may omit it.
    pub password: Option<&'a str>,
}

/// Checks the fields of a new user.
///
/// # Errors
/// All problems at once, in the order of the fields.
pub fn check(written: Credentials<'_>) -> Result<NewUser, Vec<FieldProblem>> {
    let Credentials { username, email, password } = written;
    let problem = |field, error: &dyn std::fmt::Display| FieldProblem { field, message: error.to_string() };
    let mut problems = Vec::new();
    let parsed_username = username.parse::<Username>().map_err(|error| problems.push(problem("username", &error)));
    let parsed_email = email.parse::<EmailAddress>().map_err(|error| problems.push(problem("email", &error)));
    let parsed_password = password
        .map(|password| NewPassword::check(password, username))
        .transpose()
        .map_err(|error| problems.push(problem("password", &error)));
    match (parsed_username, parsed_email, parsed_password) {
        (Ok(username), Ok(email), Ok(password)) => Ok(NewUser { username, email, password }),
        _ => Err(problems),
    }
}

impl NewUser {
    /// Returns the hash to store; `None` when an operator omitted the password.
    ///
    /// # Errors
    /// [`Busy`] when the queue of the password hasher is full.
    pub async fn hash(&self, hasher: &Hasher) -> Result<Option<String>, Busy> {
        match &self.password {
            Some(password) => hasher.hash(password.secret().clone()).await.map(Some),
            None => Ok(None),
        }
    }

    /// Returns the email address.
    pub fn email(&self) -> &EmailAddress {
        &self.email
    }
}

/// Returns what a user name that its user chose could be mistaken for; `None` when it is not misleading.
///
/// # Errors
/// When the store fails.
pub(super) fn find_deception(tx: &mut Database, name: &Username) -> Result<Option<Deception>, StoreError> {
    let verified = clients::list_verified_names(tx)?;
    Ok(deception::find_deception(name.as_str(), verified.iter().map(|(_, name)| name.as_str())))
}

/// Creates the account. An operator vouches for the email address; an address that a user only claims is
/// unproven and reserves nothing. `origin` is where the user did it; `None` for an operator.
///
/// # Errors
/// A taken or misleading user name, or a taken email address where it counts as proven.
pub fn create(
    tx: &mut Database,
    now: UnixTime,
    person: (&NewUser, Option<&str>),
    standing: (Role, bool, Option<&Origin>),
) -> Result<User, Error<Vec<FieldProblem>>> {
    create_as(tx, now, Id::next(now), person, standing)
}

/// Like [`create`] with an id that was promised before, to an invited user.
///
/// # Errors
/// A taken or misleading user name, or a taken email address where it counts as proven.
pub fn create_as(
    tx: &mut Database,
    now: UnixTime,
    id: Id<User>,
    (person, hash): (&NewUser, Option<&str>),
    (role, is_vouched, origin): (Role, bool, Option<&Origin>),
) -> Result<User, Error<Vec<FieldProblem>>> {
    let taken = |field, message: &str| Error::Refused(vec![FieldProblem { field, message: message.to_owned() }]);
    let username_folded = fold(person.username.as_str());
    if !is_free(tx, now, &username_folded, id)? {
        return Err(taken("username", "This user name is taken."));
    }
    // An operator, and the first administrator, may choose any name.
    if let (Some(_), Role::Author | Role::Consumer) = (origin, role)
        && let Some(deception) = find_deception(tx, &person.username)?
    {
        return Err(taken("username", &deception.to_string()));
    }
    let email_folded = fold(person.email.as_str());
    if is_vouched && users::find_by_login(tx, &email_folded)?.is_some() {
        return Err(taken("email", "Somebody has this e-mail address."));
    }
    let user = User {
        id,
        username: person.username.as_str().to_owned(),
        username_folded,
        email: Some(person.email.as_str().to_owned()),
        verified_email_folded: is_vouched.then(|| email_folded.clone()),
        email_verified_at: is_vouched.then_some(now),
        password_digest: hash.map(str::to_owned),
        role,
        disabled_at: None,
        deleted_at: None,
        created_at: now,
        about: None,
        homepage: None,
        allow_contact: true,
        email_folded: Some(email_folded),
    };
    users::insert(tx, &user)?;
    is_still_free(tx, now, &user.username_folded, id)?;
    let by = if origin.is_none() { BY_OPERATOR } else { "" };
    security_log::append(tx, now, user.id, (SecurityEvent::AccountCreated, by), origin)?;
    Ok(user)
}

/// Returns the active user with this folded user name or email address: by the name, by the proven address, or
/// by an unproven address that only one account has.
///
/// # Errors
/// When the store fails.
pub(super) fn find_active(db: &mut Database, folded: &str) -> StoreResult<Option<User>> {
    let named = users::find_by_login(db, folded)?;
    // This query always runs, so that known and unknown names take the same time.
    let unproven = if folded.contains('@') { users::find_by_unproven_email(db, folded)? } else { None };
    Ok(match named {
        Some(user) => Some(user).filter(User::is_active),
        None => unproven,
    })
}

/// Whether a user may have this folded user name: no other user has it, and it is not held for another.
///
/// # Errors
/// When the store fails.
pub(super) fn is_free(tx: &mut Database, now: UnixTime, folded: &str, id: Id<User>) -> StoreResult<bool> {
    let is_had = users::find_by_username(tx, folded)?.is_some_and(|other| other.id != id);
    Ok(!is_had && held_names::find_holder(tx, now, folded)?.is_none_or(|holder| holder == id))
}

/// Checks again after a name was written: its previous user may have given it up in a transaction that ended
/// while this one waited for the name, and then it is held for them.
///
/// # Errors
/// [`StoreError::Conflict`] when it is not free any more.
pub(super) fn is_still_free(tx: &mut Database, now: UnixTime, folded: &str, id: Id<User>) -> StoreResult<()> {
    if is_free(tx, now, folded, id)? { Ok(()) } else { Err(StoreError::Conflict) }
}

/// Holds the user name that a user gives up.
///
/// # Errors
/// When the store fails.
pub(super) fn hold_name(tx: &mut Database, now: UnixTime, user: &User) -> StoreResult<()> {
    let (id, username_folded) = (Id::next(now), user.username_folded.clone());
    held_names::hold(tx, &HeldName { id, user_id: user.id, username_folded, expires_at: now.plus(HELD) })
}
