//! Studio tokens and their generator (`docs/compatibility/spatial-studio.md`): an action on a type of resource,
//! created on the page or by a program. The generator creates them and opens nothing else.

use super::TokenSettings;
use super::issue::record;
use super::new_personal_token::{LifeRefusal, Limits, lifetime, own_grant};
use super::personal_tokens::{self, STUDIO_KINDS};
use crate::clock::UnixTime;
use crate::domain::id::Id;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::security_log::SecurityEvent;
use crate::domain::session::Origin;
use crate::domain::token::{FilesetToken, GeneratorToken, StudioToken, Token};
use crate::domain::token_class::{Action, ResourceType, TokenClass};
use crate::domain::token_record::{TokenKind, TokenRecord};
use crate::domain::user::{Role, User};
use crate::outcome::Error;
use crate::store::{Database, StoreError, grants, security_log, tokens};

/// The longest name, in characters.
pub const MAX_NAME: usize = 128;
/// The longest lifetime, in minutes; −1 means that the token never expires.
pub const MAX_MINUTES: i64 = 9_999;
/// The label under which the texts of generators are encrypted.
const LABEL: &str = "generator";

/// A requested studio token whose parameters are valid.
#[derive(Clone, Debug)]
pub struct StudioDraft {
    name: String,
    minutes: i64,
    class: TokenClass,
}

/// Why no studio token is created, with a message for the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StudioRefusal {
    /// A parameter is invalid; the message names it and what is allowed.
    #[error("{0}")]
    Invalid(String),
    /// The user's role or the operator does not allow it.
    #[error("{0}")]
    Forbidden(String),
}

/// The four parameters as they were sent; all are required.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Up to 128 characters.
    pub name: Option<&'a str>,
    /// Minutes, −1 to 9999.
    pub valid_time: Option<&'a str>,
    /// `read_only` or `read_write`.
    pub action: Option<&'a str>,
    /// One of the names of [`ResourceType`].
    pub resource_type: Option<&'a str>,
}

impl StudioDraft {
    /// Checks the four parameters (`docs/compatibility/spatial-studio.md#creating-a-token`). An error names the
    /// parameter and lists what is allowed.
    ///
    /// # Errors
    /// The first parameter that is wrong.
    pub fn parse(asked: Asked<'_>) -> Result<Self, StudioRefusal> {
        let invalid = |message: String| StudioRefusal::Invalid(message);
        let missing = |name: &str| {
            StudioRefusal::Invalid(format!(
                "{name} is missing; name, validTime, action and resourceType are all needed"
            ))
        };
        let name = asked.name.ok_or_else(|| missing("name"))?;
        if name.is_empty() || name.chars().count() > MAX_NAME {
            return Err(invalid("name must have 1 to 128 characters".to_owned()));
        }
        let minutes = asked.valid_time.ok_or_else(|| missing("validTime"))?;
        let is_plain = minutes.strip_prefix('-').unwrap_or(minutes).bytes().all(|byte| byte.is_ascii_digit());
        let minutes = minutes.parse::<i64>().ok().filter(|minutes| is_plain && (-1..=MAX_MINUTES).contains(minutes));
        let minutes = minutes.ok_or_else(|| {
            invalid("validTime must be a whole number of minutes from -1 (never expires) to 9999".to_owned())
        })?;
        let action = asked.action.ok_or_else(|| missing("action"))?.parse::<Action>();
        let action = action.map_err(|error| invalid(format!("action {error}")))?;
        let resource_type = asked.resource_type.ok_or_else(|| missing("resourceType"))?.parse::<ResourceType>();
        let resource_type = resource_type.map_err(|error| invalid(format!("resourceType {error}")))?;
        let class = TokenClass::new(action, resource_type).map_err(|_pair| {
            let pairs = TokenClass::ALL.map(|(action, kind, _)| format!("{}/{}", action.as_str(), kind.as_str()));
            invalid(format!("action and resourceType must be one of: {}", pairs.join(", ")))
        })?;
        Ok(Self { name: name.to_owned(), minutes, class })
    }

    /// Returns the requested lifetime, in minutes.
    pub fn minutes(&self) -> i64 {
        self.minutes
    }
}

/// Converts the platform's minutes to seconds; `None` for −1, which means that the token never expires.
pub fn in_seconds(minutes: i64) -> Option<i64> {
    (minutes >= 0).then_some(minutes * 60)
}

/// Returns the lifetime of a token for which `valid_for` seconds are requested. 0 is inside the documented
/// range (`docs/compatibility/spatial-studio.md#creating-a-token`): the token expires at once.
fn life_of(valid_for: Option<i64>, limits: &Limits) -> Result<Option<i64>, Error<StudioRefusal>> {
    let life = if valid_for == Some(0) { Ok(valid_for) } else { lifetime(valid_for, limits) };
    life.map_err(|refusal| {
        let message = match refusal {
            LifeRefusal::TooShort => "validTime must be at least 0 minutes, or -1".to_owned(),
            LifeRefusal::TooLong(most) => format!("validTime must be from 0 to {} minutes", most / 60),
            LifeRefusal::Endless => "validTime must be from 0 to 9999 minutes: tokens have to end here".to_owned(),
        };
        Error::Refused(StudioRefusal::Forbidden(message))
    })
}

/// Creates a studio token for a user or for their generator (`generator_id`); its text may be derived beforehand,
/// for a creation that can be repeated.
///
/// # Errors
/// A role that may not write, a lifetime that the operator does not allow, or too many tokens.
pub fn create(
    tx: &mut Database,
    now: UnixTime,
    limits: &Limits,
    ((user, origin), draft, generator_id): ((&User, &Origin), &StudioDraft, Option<Id<TokenRecord>>),
    derived: Option<Token<StudioToken>>,
) -> Result<Token<StudioToken>, Error<StudioRefusal>> {
    if draft.class.writes() && user.role == Role::Consumer {
        let message = "Your role may hold no token that writes".to_owned();
        return Err(Error::Refused(StudioRefusal::Forbidden(message)));
    }
    let expires_in = life_of(in_seconds(draft.minutes), limits)?;
    check_room(tx, now, user)?;
    let grant = own_grant(now, user.id, &Scope::default(), expires_in);
    grants::insert(tx, &grant)?;
    let token = derived.unwrap_or_else(|| Token::generate(Id::next(now)));
    let made = TokenRecord {
        name: Some(draft.name.clone()),
        last_four: Some(token.last_four()),
        action: Some(draft.class.action()),
        resource_type: Some(draft.class.resource_type()),
        generator_id,
        ..record(now, TokenKind::Studio, &token, (&grant, &grant.scope), expires_in)
    };
    tokens::insert(tx, &made)?;
    security_log::append(tx, now, user.id, (SecurityEvent::StudioTokenCreated, &draft.name), Some(origin))?;
    Ok(token)
}

fn check_room(tx: &mut Database, now: UnixTime, user: &User) -> Result<(), Error<StudioRefusal>> {
    match personal_tokens::has_room(tx, now, user.id, &STUDIO_KINDS)? {
        true => Ok(()),
        false => Err(Error::Refused(StudioRefusal::Forbidden(personal_tokens::TOO_MANY.to_owned()))),
    }
}

/// Creates a token that reads one fileset, and nothing else
/// (`docs/compatibility/spatial-studio.md#fileset-tokens`); its text may be derived beforehand.
///
/// # Errors
/// A name or fileset that is invalid, a lifetime that the operator does not allow, or too many tokens.
pub fn create_fileset(
    tx: &mut Database,
    now: UnixTime,
    limits: &Limits,
    ((user, origin), name, fileset, valid_for): ((&User, &Origin), &str, &str, Option<i64>),
    derived: Option<Token<FilesetToken>>,
) -> Result<Token<FilesetToken>, Error<StudioRefusal>> {
    let is_plain =
        |text: &str| !text.is_empty() && text.chars().count() <= MAX_NAME && !text.chars().any(char::is_control);
    if !is_plain(name) || !is_plain(fileset) || fileset.contains('/') {
        let message = "A fileset token needs a name and the id of one fileset".to_owned();
        return Err(Error::Refused(StudioRefusal::Invalid(message)));
    }
    let expires_in = life_of(valid_for, limits)?;
    check_room(tx, now, user)?;
    let grant = own_grant(now, user.id, &Scope::default(), expires_in);
    grants::insert(tx, &grant)?;
    let token = derived.unwrap_or_else(|| Token::generate(Id::next(now)));
    let made = TokenRecord {
        name: Some(name.to_owned()),
        last_four: Some(token.last_four()),
        resource: Some(fileset.to_owned()),
        ..record(now, TokenKind::Fileset, &token, (&grant, &grant.scope), expires_in)
    };
    tokens::insert(tx, &made)?;
    security_log::append(tx, now, user.id, (SecurityEvent::StudioTokenCreated, name), Some(origin))?;
    Ok(token)
}

/// A user's generator with its text, which is stored encrypted in its row.
#[derive(Debug)]
pub struct Generator {
    pub record: TokenRecord,
    pub text: Secret,
}

/// Returns a user's generator, if there is one.
///
/// # Errors
/// When the store fails; [`StoreError::Unusable`] when the base key cannot decrypt it: a second generator
/// beside it would leave the first one active and out of sight.
pub fn find_generator(
    db: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    user: Id<User>,
) -> Result<Option<Generator>, StoreError> {
    let held = tokens::list_personal(db, now, (user, &[TokenKind::Generator]), (None, 1))?;
    let Some(record) = held.into_iter().next() else { return Ok(None) };
    let sealed = record.token_encrypted.as_deref();
    let text = sealed.and_then(|sealed| token_settings.keys.open(LABEL, record.id.number(), sealed));
    let unusable = || StoreError::Unusable("a generator cannot be opened with this secret file".to_owned());
    Ok(Some(Generator { text: text.ok_or_else(unusable)?, record }))
}

/// Returns a user's generator; creates it when there is none. The caller locks the user's row, so that two
/// concurrent calls get the same one.
///
/// # Errors
/// When the store fails.
pub fn generator(
    tx: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    user: &User,
) -> Result<Generator, StoreError> {
    match find_generator(tx, now, token_settings, user.id)? {
        Some(generator) => Ok(generator),
        None => make_generator(tx, now, token_settings, user),
    }
}

fn make_generator(
    tx: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    user: &User,
) -> Result<Generator, StoreError> {
    let expires_in = token_settings.limits.max_lifetime;
    let grant = own_grant(now, user.id, &Scope::default(), expires_in);
    grants::insert(tx, &grant)?;
    let token = Token::<GeneratorToken>::generate(Id::next(now));
    let sealed = token_settings.keys.seal(LABEL, token.id().number(), token.expose());
    let made = TokenRecord {
        last_four: Some(token.last_four()),
        token_encrypted: Some(sealed),
        ..record(now, TokenKind::Generator, &token, (&grant, &grant.scope), expires_in)
    };
    tokens::insert(tx, &made)?;
    Ok(Generator { record: made, text: Secret::new(token.expose()) })
}

/// Replaces a user's generator at their request: the old one ends at once, and with `ends_children` the tokens
/// that it created. The caller locks the user's row, so that nothing is created with the old one meanwhile.
///
/// # Errors
/// When the store fails.
pub fn regenerate(
    tx: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    (user, ends_children): (&User, bool),
    origin: &Origin,
) -> Result<Generator, StoreError> {
    let generator = replace_generator(tx, now, token_settings, (user, ends_children))?;
    security_log::append(tx, now, user.id, (SecurityEvent::GeneratorRegenerated, ""), Some(origin))?;
    Ok(generator)
}

/// Like [`regenerate`], as a part of a larger change that writes its own security log entry.
///
/// # Errors
/// When the store fails.
pub fn replace_generator(
    tx: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    (user, ends_children): (&User, bool),
) -> Result<Generator, StoreError> {
    for old in tokens::list_personal(tx, now, (user.id, &[TokenKind::Generator]), (None, 100))? {
        if ends_children {
            grants::revoke_of_generator(tx, now, old.id)?;
        }
        grants::revoke(tx, now, old.grant_id)?;
    }
    make_generator(tx, now, token_settings, user)
}
