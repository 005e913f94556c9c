//! Devices without a browser (RFC 8628): one asks, its person types a short code in theirs and
//! decides, the device polls the token endpoint meanwhile.

use super::Result;
use super::openid;
use super::parameters::Parameters;
use super::problem::{INVALID_TARGET, TOO_MANY_DEVICES, UNAUTHORIZED_CLIENT};
use super::resource;
use super::scopes;
use crate::clock::UnixTime;
use crate::domain::client::{Client, GrantType};
use crate::domain::device_code::{DeviceCodeRecord, UserCode};
use crate::domain::grant::{Grant, GrantKind};
use crate::domain::id::Id;
use crate::domain::scope::Scope;
use crate::domain::secret::sha256_base64url;
use crate::domain::security_log::SecurityEvent;
use crate::domain::session::{Origin, Session};
use crate::domain::space_separated::SpaceSeparated;
use crate::domain::token::{DeviceCode, Token};
use crate::domain::user::User;
use crate::outcome::Error;
use crate::store::turns::{self, Turn};
use crate::store::{Database, StoreError, device_codes, grants, security_log};
use crate::tokens::audience::Claim;
use crate::tokens::{TokenSettings, session_recheck};

/// Devices of one network that may wait at once, over all clients with which anybody may ask for them.
const MOST_WAITING: i64 = 100;
/// The most that is kept of how a program names itself, in characters.
const MAX_USER_AGENT: usize = 300;
/// Tries to find a user code that is free: one of 26 billion is taken by chance.
const TRIES: usize = 8;

/// Where a device asked from.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its network address.
    pub address: String,
    /// The part of it that one household or company shares.
    pub network: String,
    /// The program, as it named itself.
    pub user_agent: String,
}

/// What a device shows and polls with (RFC 8628 §3.2).
#[derive(Debug)]
pub struct Started {
    /// What the device keeps.
    pub device_code: Token<DeviceCode>,
    /// What its person types.
    pub user_code: UserCode,
    /// Seconds that it waits.
    pub expires_in: i64,
}

/// What a device asks for: a scope, and APIs (RFC 8707).
#[derive(Clone, Debug)]
pub struct Wish {
    /// What its tokens may do.
    pub scope: Scope,
    /// The APIs that they are for; none is whoever knows a scope of theirs.
    pub audience: SpaceSeparated,
}

/// The wish of a device, if its client may (RFC 8628 §3.1; RFC 6749 §3.3).
///
/// # Errors
/// [`UNAUTHORIZED_CLIENT`], [`INVALID_TARGET`], or an invalid scope.
pub fn examine(
    db: &mut Database,
    token_settings: &TokenSettings,
    (client, parameters): (&Client, &Parameters),
) -> Result<Wish> {
    if !client.may_use(GrantType::DeviceCode) {
        return Err(UNAUTHORIZED_CLIENT.because("the client did not register the device grant"));
    }
    let scope = match scopes::parse_asked(parameters).map_err(Error::Refused)? {
        None => scopes::default_of(client),
        Some(asked) => scopes::effective(&asked, &client.scope).map_err(Error::Refused)?,
    };
    let audience =
        resource::find_registered(db, token_settings, &parameters.resources(), Claim::of_person(&scope, client))?;
    let audience = audience.ok_or_else(|| INVALID_TARGET.because("the scope opens no such API"))?;
    Ok(Wish { scope, audience })
}

/// Whether one more device may wait there. A client that somebody answers for may have many; with another
/// one anybody could fill the table (ours).
///
/// # Errors
/// [`TOO_MANY_DEVICES`].
pub fn admit(db: &mut Database, now: UnixTime, client: &Client, place: &Place) -> Result<()> {
    if client.is_anybodys() && device_codes::count_waiting(db, now, &place.network)? >= MOST_WAITING {
        return Err(TOO_MANY_DEVICES.because("too many devices of this network wait"));
    }
    Ok(())
}

/// Lets a device wait.
///
/// # Errors
/// [`TOO_MANY_DEVICES`].
pub fn start(
    tx: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    (client, wish, place): (&Client, &Wish, &Place),
) -> Result<Started> {
    turns::take(tx, &[Turn::Waiting(&place.network)])?;
    admit(tx, now, client, place)?;
    let expires_in = token_settings.lifetimes.device;
    let device_code = Token::<DeviceCode>::generate(Id::next(now));
    let user_code = free_user_code(tx)?;
    let plain = |character: &char| !character.is_control();
    let record = DeviceCodeRecord {
        id: device_code.id(),
        digest: device_code.digest(),
        user_code_digest: user_code.digest(),
        client_key: client.id,
        scope: wish.scope.clone(),
        address: place.address.clone(),
        network: place.network.clone(),
        user_agent: place.user_agent.chars().filter(plain).take(MAX_USER_AGENT).collect(),
        created_at: now,
        expires_at: now.plus(expires_in),
        grant_id: None,
        denied_at: None,
        redeemed_at: None,
        audience: wish.audience.clone(),
    };
    device_codes::insert(tx, &record)?;
    Ok(Started { device_code, user_code, expires_in })
}

fn free_user_code(tx: &mut Database) -> Result<UserCode> {
    for _ in 0..TRIES {
        let code = UserCode::generate();
        if device_codes::find_by_user_code(tx, &code)?.is_none() {
            return Ok(code);
        }
    }
    Err(TOO_MANY_DEVICES.because("no user code is free"))
}

/// A device that waits for a decision, with the application on it.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// The device.
    pub device: DeviceCodeRecord,
    /// The application.
    pub client: Client,
}

impl Waiting {
    /// A digest of what the page shows to whom, so that what counts is what was shown.
    pub fn shown_to(&self, user: Id<User>) -> String {
        let (device, client) = (&self.device, &self.client);
        let shown = format!(
            "{}\n{}\n{}\n{}\n{}\n{}",
            user.number(),
            device.id.number(),
            client.client_id,
            client.name,
            device.scope,
            device.audience.as_str()
        );
        sha256_base64url(shown.as_bytes())
    }
}

/// The device whose code a person typed, if it still waits.
///
/// # Errors
/// When the store fails.
pub fn find_waiting(
    db: &mut Database,
    now: UnixTime,
    code: &UserCode,
) -> std::result::Result<Option<Waiting>, StoreError> {
    let found = device_codes::find_by_user_code(db, code)?;
    let found = found.filter(|(device, client)| device.is_waiting(now) && client.is_active());
    Ok(found.map(|(device, client)| Waiting { device, client }))
}

/// What became of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// It counts.
    Now,
    /// Somebody decided before, or the time was over.
    Before,
    /// The session of who decided has ended meanwhile.
    LoggedOut,
}

impl Decided {
    fn first(is_first: bool) -> Self {
        if is_first { Self::Now } else { Self::Before }
    }
}

/// Writes down that the person allows it.
///
/// # Errors
/// When the store fails.
pub fn approve(
    tx: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    waiting: &Waiting,
    (session, origin): (&Session, &Origin),
) -> std::result::Result<Decided, StoreError> {
    let Some((session, user)) = session_recheck::lock_active(tx, now, &token_settings.lifetimes, session)? else {
        return Ok(Decided::LoggedOut);
    };
    // As it stands now: an API that is gone meanwhile is not granted any more.
    let Some(device) = device_codes::find(tx, waiting.device.id)?.filter(|device| device.is_waiting(now)) else {
        return Ok(Decided::Before);
    };
    let until = Some(now.plus(token_settings.lifetimes.refresh_max));
    let grant = Grant {
        user_id: Some(user.id),
        client_key: Some(device.client_key),
        session_id: Some(session.id),
        scope: device.scope.clone(),
        audience: device.audience.clone(),
        ..Grant::new(now, GrantKind::DeviceCode, until)
    };
    grants::insert(tx, &grant)?;
    openid::remember_sign_in(tx, &grant, None)?;
    let is_first = device_codes::approve(tx, now, device.id, grant.id)?;
    if !is_first {
        // Another window decided in the same moment: what was just made must not live on.
        grants::revoke(tx, now, grant.id)?;
    } else {
        security_log::append(tx, now, user.id, (SecurityEvent::DeviceAllowed, &waiting.client.name), Some(origin))?;
    }
    Ok(Decided::first(is_first))
}

/// Writes down that the person refuses it.
///
/// # Errors
/// When the store fails.
pub fn deny(tx: &mut Database, now: UnixTime, waiting: &Waiting) -> std::result::Result<Decided, StoreError> {
    device_codes::deny(tx, now, waiting.device.id).map(Decided::first)
}
