//! The device grant (RFC 8628), for devices without a browser: the device requests codes, the person types the
//! short one in a browser and decides, and the device polls the token endpoint meanwhile.

use super::Result;
use super::openid;
use super::parameters::Parameters;
use super::problem::Problem;
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
use crate::store::named_locks::{self, NamedLock};
use crate::store::{Database, StoreError, device_codes, grants, security_log};
use crate::tokens::audience::Claim;
use crate::tokens::{TokenSettings, session_recheck};

/// The most devices of one network that may wait at once, over all clients that unauthenticated callers can
/// use or create.
const MOST_WAITING: i64 = 100;
/// The most characters of a user agent that are stored.
const MAX_USER_AGENT: usize = 300;
/// Attempts to find a free user code: there are 26 billion, so one is taken only by chance.
const TRIES: usize = 8;

/// The origin of a device's request.
#[derive(Clone, Debug)]
pub struct Place {
    /// The IP address of the device.
    pub address: String,
    /// The part of the address that one household or company shares.
    pub network: String,
    pub user_agent: String,
}

/// The codes of a device authorization answer (RFC 8628 §3.2).
#[derive(Debug)]
pub struct Started {
    /// The code with which the device polls.
    pub device_code: Token<DeviceCode>,
    /// The code that the person types.
    pub user_code: UserCode,
    /// Seconds until the codes expire.
    pub expires_in: i64,
}

/// The scope and the APIs (RFC 8707) that a device requests.
#[derive(Clone, Debug)]
pub struct DeviceRequest {
    pub scope: Scope,
    /// The APIs that its tokens are for; an empty list means every API that has one of the scopes.
    pub audience: SpaceSeparated,
}

/// Examines what a device requests (RFC 8628 §3.1; RFC 6749 §3.3).
///
/// # Errors
/// [`Problem::UnauthorizedClient`] when the client did not register the grant, [`Problem::InvalidTarget`] when the scope opens no
/// such API, or the refusal of the scope.
pub fn examine(
    db: &mut Database,
    token_settings: &TokenSettings,
    (client, parameters): (&Client, &Parameters),
) -> Result<DeviceRequest> {
    if !client.may_use(GrantType::DeviceCode) {
        return Err(Problem::UnauthorizedClient.because("the client did not register the device grant"));
    }
    let scope = match scopes::parse_asked(parameters).map_err(Error::Refused)? {
        None => scopes::default_of(client),
        Some(asked) => scopes::effective(&asked, &client.scope).map_err(Error::Refused)?,
    };
    let audience =
        resource::find_registered(db, token_settings, &parameters.resources(), Claim::of_person(&scope, client))?;
    let audience = audience.ok_or_else(|| Problem::InvalidTarget.because("the scope opens no such API"))?;
    Ok(DeviceRequest { scope, audience })
}

/// Checks that one more device may wait in this network. Only clients that unauthenticated callers can use or create
/// are limited: with one of those, anybody could fill the table (ours).
///
/// # Errors
/// [`Problem::TooManyDevices`] when the network has reached the limit.
pub fn admit(db: &mut Database, now: UnixTime, client: &Client, place: &Place) -> Result<()> {
    if client.is_anybodys() && device_codes::count_waiting(db, now, &place.network)? >= MOST_WAITING {
        return Err(Problem::TooManyDevices.because("too many devices of this network wait"));
    }
    Ok(())
}

/// Stores a device that waits for a decision, and returns its codes.
///
/// # Errors
/// [`Problem::TooManyDevices`] when the network has reached the limit.
pub fn start(
    tx: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    (client, request, place): (&Client, &DeviceRequest, &Place),
) -> Result<Started> {
    named_locks::acquire(tx, &[NamedLock::Waiting(&place.network)])?;
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
        scope: request.scope.clone(),
        address: place.address.clone(),
        network: place.network.clone(),
        user_agent: place.user_agent.chars().filter(plain).take(MAX_USER_AGENT).collect(),
        created_at: now,
        expires_at: now.plus(expires_in),
        grant_id: None,
        denied_at: None,
        redeemed_at: None,
        audience: request.audience.clone(),
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
    Err(Problem::TooManyDevices.because("no user code is free"))
}

/// A device that waits for a decision, with the application that runs on it.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub device: DeviceCodeRecord,
    pub client: Client,
}

impl Waiting {
    /// Returns a digest of what the page shows to this person, so that the decision counts only for that.
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

/// Finds the device whose user code a person typed, if it still waits.
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

/// The effect of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// It was the first decision, so it counts.
    Now,
    /// The device was decided about before, or its code has expired.
    Before,
    /// The session of the person has ended since the page was shown.
    LoggedOut,
}

impl Decided {
    fn first(is_first: bool) -> Self {
        if is_first { Self::Now } else { Self::Before }
    }
}

/// Records that the person allows the device.
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
    // Read again now: an API that was removed meanwhile is not granted.
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
        // Another window decided at the same moment: the new grant must not stay valid.
        grants::revoke(tx, now, grant.id)?;
    } else {
        security_log::append(tx, now, user.id, (SecurityEvent::DeviceAllowed, &waiting.client.name), Some(origin))?;
    }
    Ok(Decided::first(is_first))
}

/// Records that the person denies the device.
///
/// # Errors
/// When the store fails.
pub fn deny(tx: &mut Database, now: UnixTime, waiting: &Waiting) -> std::result::Result<Decided, StoreError> {
    device_codes::deny(tx, now, waiting.device.id).map(Decided::first)
}
