//! Making accounts: the same for the sign-up page, the set-up link and the command.

use super::password_hashing::{Busy, Hasher};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::password::NewPassword;
use crate::domain::registration::FieldProblem;
use crate::domain::security_log::{BY_OPERATOR, SecurityEvent};
use crate::domain::session::Origin;
use crate::domain::user::{EmailAddress, Role, User, Username, fold};
use crate::outcome::Error;
use crate::store::{Database, security_log, users};

/// A person whose every field was checked, before the password is hashed.
#[derive(Clone, Debug)]
pub struct NewPerson {
    username: Username,
    email: EmailAddress,
    password: Option<NewPassword>,
}

/// What somebody wrote about themselves.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// The user name.
    pub username: &'a str,
    /// The e-mail address.
    pub email: &'a str,
    /// The password; only an operator may leave it out.
    pub password: Option<&'a str>,
}

/// Checks what somebody wrote about themselves.
///
/// # Errors
/// All problems at once, in the order of the fields.
pub fn check(written: Credentials<'_>) -> Result<NewPerson, Vec<FieldProblem>> {
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
        (Ok(username), Ok(email), Ok(password)) => Ok(NewPerson { username, email, password }),
        _ => Err(problems),
    }
}

impl NewPerson {
    /// The hash to store; nothing when an operator left the password out.
    ///
    /// # Errors
    /// [`Busy`] when too many passwords wait.
    pub async fn hash(&self, hasher: &Hasher) -> Result<Option<String>, Busy> {
        match &self.password {
            Some(password) => hasher.hash(password.secret().clone()).await.map(Some),
            None => Ok(None),
        }
    }

    /// The address.
    pub fn email(&self) -> &EmailAddress {
        &self.email
    }
}

/// Makes the account. An operator vouches for the address; a person's own word proves nothing and
/// reserves nothing. `origin` is where the person did it; nothing when an operator does it.
///
/// # Errors
/// A taken user name, or a proven address that is taken.
pub fn create(
    tx: &mut Database,
    now: UnixTime,
    person: (&NewPerson, Option<&str>),
    standing: (Role, bool, Option<&Origin>),
) -> Result<User, Error<Vec<FieldProblem>>> {
    create_as(tx, now, Id::next(now), person, standing)
}

/// The same under a key that was promised before: an invited person's.
///
/// # Errors
/// A taken user name, or a proven address that is taken.
pub fn create_as(
    tx: &mut Database,
    now: UnixTime,
    id: Id<User>,
    (person, hash): (&NewPerson, Option<&str>),
    (role, is_vouched, origin): (Role, bool, Option<&Origin>),
) -> Result<User, Error<Vec<FieldProblem>>> {
    let taken = |field, message: &str| Error::Refused(vec![FieldProblem { field, message: message.to_owned() }]);
    let username_folded = fold(person.username.as_str());
    if users::find_by_username(tx, &username_folded)?.is_some() {
        return Err(taken("username", "This user name is taken."));
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
        verified_email_folded: is_vouched.then_some(email_folded),
        email_verified_at: is_vouched.then_some(now),
        password_hash: hash.map(str::to_owned),
        role,
        disabled_at: None,
        deleted_at: None,
        created_at: now,
        about: None,
        homepage: None,
        allow_contact: true,
    };
    users::insert(tx, &user)?;
    let by = if origin.is_none() { BY_OPERATOR } else { "" };
    security_log::append(tx, now, user.id, (SecurityEvent::AccountCreated, by), origin)?;
    Ok(user)
}
