//! Personal tokens: a user gives a program of their own access to chosen resources or scopes, for a time or
//! without an end.

use serde_json::Value;

use super::issue::record;
use super::personal_tokens;
use crate::clock::UnixTime;
use crate::domain::access_list::{AccessList, Entry, Tier};
use crate::domain::grant::{Grant, GrantKind};
use crate::domain::id::Id;
use crate::domain::scope::Scope;
use crate::domain::security_log::SecurityEvent;
use crate::domain::session::Origin;
use crate::domain::token::{PersonalToken, Token};
use crate::domain::token_in_use::Person;
use crate::domain::token_record::{TokenKind, TokenRecord};
use crate::domain::user::{Role, User};
use crate::outcome::Error;
use crate::store::resources::{self, Tiers};
use crate::store::{Database, StoreError, grants, security_log, tokens};

/// The longest description, in characters.
pub const MAX_DESCRIPTION: usize = 100;

/// The operator's limits on tokens that users create (the settings `tokens.*`).
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Whether a token may be created without an end.
    pub allow_permanent: bool,
    /// The longest lifetime, in seconds.
    pub max_lifetime: Option<i64>,
    /// Whether resources that the platform did not register here are accepted.
    pub accept_unknown_resources: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { allow_permanent: true, max_lifetime: None, accept_unknown_resources: true }
    }
}

/// A personal token that a user wants to create.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// What it is for, written by the user.
    pub description: String,
    /// The resources and tiers that it opens.
    pub access_list: Option<AccessList>,
    /// Scopes of APIs that it holds.
    pub scope: Scope,
    /// The lifetime in seconds; `None` for a token without an end.
    pub valid_for: Option<i64>,
    /// Whether the user will put it into links that others see.
    pub is_shared: bool,
}

/// Why no token is created, with a message for the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PersonalRefusal {
    /// A field is invalid.
    #[error("{0}")]
    Invalid(String),
    /// The user's role or the operator does not allow it.
    #[error("{0}")]
    Forbidden(String),
    /// The resource is not registered here, and the operator requires that; the index of the entry.
    #[error("The resource of accessList[{0}] is not registered here.")]
    UnknownResource(usize),
}

impl PersonalRefusal {
    fn invalid<T>(message: &str) -> Result<T, Error<Self>> {
        Err(Error::Refused(Self::Invalid(message.to_owned())))
    }
}

/// A lifetime that is not allowed. Each endpoint reports it with its own parameter and unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifeRefusal {
    /// Less than one second.
    TooShort,
    /// Longer than this maximum in seconds, or without an end.
    TooLong(i64),
    /// Without an end, which the operator does not allow.
    Endless,
}

/// Returns the lifetime of a token for which `valid_for` seconds are requested.
///
/// # Errors
/// [`LifeRefusal`] when the operator does not allow it.
pub fn lifetime(valid_for: Option<i64>, limits: &Limits) -> Result<Option<i64>, LifeRefusal> {
    match (valid_for, limits.max_lifetime) {
        (Some(seconds), _) if seconds < 1 => Err(LifeRefusal::TooShort),
        (Some(seconds), Some(most)) if seconds > most => Err(LifeRefusal::TooLong(most)),
        (None, Some(most)) => Err(LifeRefusal::TooLong(most)),
        (None, None) if !limits.allow_permanent => Err(LifeRefusal::Endless),
        (valid_for, _) => Ok(valid_for),
    }
}

impl From<LifeRefusal> for PersonalRefusal {
    fn from(refusal: LifeRefusal) -> Self {
        match refusal {
            LifeRefusal::TooShort => Self::Invalid("validFor must be at least 1 second.".to_owned()),
            LifeRefusal::TooLong(most) => {
                Self::Forbidden(format!("validFor must be given, and at most {most} seconds."))
            }
            LifeRefusal::Endless => {
                Self::Forbidden("validFor must be given, in seconds: tokens have to end here.".to_owned())
            }
        }
    }
}

/// Creates a token that opens no more than its user may access at this moment; its text may be derived
/// beforehand, for a creation that can be repeated.
///
/// # Errors
/// [`PersonalRefusal`], or why the store failed.
pub fn create(
    tx: &mut Database,
    now: UnixTime,
    limits: &Limits,
    ((user, origin), draft, derived): ((&User, &Origin), &Draft, Option<Token<PersonalToken>>),
) -> Result<Token<PersonalToken>, Error<PersonalRefusal>> {
    if draft.description.chars().count() > MAX_DESCRIPTION {
        return PersonalRefusal::invalid("A description has at most 100 characters.");
    }
    if draft.access_list.is_none() && draft.scope.is_empty() {
        return PersonalRefusal::invalid("Choose at least one resource or one scope.");
    }
    let expires_in = lifetime(draft.valid_for, limits).map_err(|refusal| Error::Refused(refusal.into()))?;
    for (index, entry) in draft.access_list.iter().flat_map(AccessList::entries).enumerate() {
        check_entry(tx, limits, user, (index, entry))?;
    }
    if !personal_tokens::has_room(tx, now, user.id, &[TokenKind::Personal])? {
        return Err(Error::Refused(PersonalRefusal::Forbidden(format!("{}.", personal_tokens::TOO_MANY))));
    }
    let grant = own_grant(now, user.id, &draft.scope, expires_in);
    grants::insert(tx, &grant)?;
    let token = derived.unwrap_or_else(|| Token::generate(Id::next(now)));
    let made = record(now, TokenKind::Personal, &token, (&grant, &draft.scope), expires_in);
    let made = TokenRecord {
        name: Some(draft.description.clone()),
        last_four: Some(token.last_four()),
        access_list: draft.access_list.clone(),
        is_shared: draft.is_shared,
        ..made
    };
    tokens::insert(tx, &made)?;
    let what = (SecurityEvent::PersonalTokenCreated, draft.description.as_str());
    security_log::append(tx, now, user.id, what, Some(origin))?;
    Ok(token)
}

/// Returns the highest tier that a user of this role may give a token
/// (`docs/compatibility/spatial-studio.md#token-classes`).
pub fn highest_of(role: Role) -> Tier {
    match role {
        Role::Consumer => Tier::ViewPlus,
        Role::Author | Role::Admin => Tier::Admin,
    }
}

fn check_entry(
    tx: &mut Database,
    limits: &Limits,
    user: &User,
    (index, entry): (usize, &Entry),
) -> Result<(), Error<PersonalRefusal>> {
    if entry.access.access_tier > highest_of(user.role) {
        return Err(Error::Refused(PersonalRefusal::Forbidden(
            "Your role may hold no token that changes anything.".to_owned(),
        )));
    }
    match resources::find_tier(tx, user.id, &entry.path_id)? {
        None if limits.accept_unknown_resources => Ok(()),
        None => Err(Error::Refused(PersonalRefusal::UnknownResource(index))),
        Some(held) if held >= Some(entry.access.access_tier) => Ok(()),
        Some(_) => {
            let message = format!(
                "You do not hold {} on the resource of accessList[{index}].",
                entry.access.access_tier.as_str()
            );
            Err(Error::Refused(PersonalRefusal::Forbidden(message)))
        }
    }
}

/// Makes the grant of a token that a user creates for themselves.
pub(super) fn own_grant(now: UnixTime, user: Id<User>, scope: &Scope, expires_in: Option<i64>) -> Grant {
    let until = expires_in.map(|seconds| now.plus(seconds));
    Grant { user_id: Some(user), scope: scope.clone(), ..Grant::new(now, GrantKind::Personal, until) }
}

/// Returns the access list as it counts at this moment: never more than the user's role allows, and on
/// registered resources never more than the user holds. An unregistered resource counts if the operator accepts
/// those.
///
/// # Errors
/// When the store fails.
pub fn effective(
    db: &mut Database,
    limits: &Limits,
    owner: &Person,
    list: &AccessList,
) -> Result<AccessList, StoreError> {
    let mut known = Tiers::default();
    let mut entries = Vec::new();
    for entry in list.entries() {
        let held = match known.find(db, owner.id, &entry.path_id)? {
            None if limits.accept_unknown_resources => Tier::Admin,
            None | Some(None) => continue,
            Some(Some(held)) => held,
        };
        let mut lowered = entry.clone();
        lowered.access.access_tier = entry.access.access_tier.min(held).min(highest_of(owner.role));
        entries.push(lowered);
    }
    Ok(AccessList::new(entries))
}

/// Parses an access list that a program sent.
///
/// # Errors
/// [`PersonalRefusal::Invalid`] when it is missing or malformed.
pub fn parse_access_list(value: Option<&Value>) -> Result<AccessList, PersonalRefusal> {
    let value = value.ok_or_else(|| PersonalRefusal::Invalid("accessList is missing.".to_owned()))?;
    AccessList::parse(value).map_err(|error| PersonalRefusal::Invalid(error.to_string()))
}
