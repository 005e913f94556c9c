//! The token request of a device (RFC 8628 §3.4). While the person has not decided, which is the usual case, it
//! writes nothing.

use super::TokenResponse;
use crate::clock::UnixTime;
use crate::domain::client::{Client, GrantType};
use crate::domain::device_code::DeviceCodeRecord;
use crate::domain::grant::Grant;
use crate::domain::secret::Secret;
use crate::domain::token::{DeviceCode, Token};
use crate::domain::token_in_use::Life;
use crate::oauth::openid::id_token::{self, Occasion};
use crate::oauth::parameters::Parameters;
use crate::oauth::problem::Problem;
use crate::oauth::resource;
use crate::oauth::{Refusal, Result};
use crate::store::{Database, device_codes, grants};
use crate::tokens::audience::Claim;
use crate::tokens::device_polls::DevicePolls;
use crate::tokens::{TokenSettings, issue};

/// The device code, and the APIs for which the token is requested.
#[derive(Clone, Debug)]
pub struct Request {
    device_code: Secret,
    resources: Vec<String>,
}

impl Request {
    pub(super) fn parse(parameters: &Parameters) -> std::result::Result<Self, Refusal> {
        let missing = Refusal { problem: Problem::MissingParameter, cause: "device_code is missing" };
        let device_code = Secret::new(parameters.get("device_code").ok_or(missing)?);
        Ok(Self { device_code, resources: parameters.resources() })
    }

    /// Limits how often a device polls (RFC 8628 §3.5), after its request was decided: a device that polls too soon
    /// while its person has not decided gets `slow_down`; a device that got its final answer is forgotten.
    pub(super) fn limit_polls(
        &self,
        now: UnixTime,
        device_polls: &DevicePolls,
        lifetime: i64,
        problem: Option<Problem>,
    ) -> Option<Refusal> {
        let device = Token::<DeviceCode>::parse(self.device_code.expose()).ok()?.id();
        match problem {
            Some(Problem::AuthorizationPending) => {
                let is_patient = device_polls.note(now, (device, now.plus(lifetime)));
                let slow_down = Refusal { problem: Problem::SlowDown, cause: "the device asks too often" };
                (!is_patient).then_some(slow_down)
            }
            Some(problem) if problem != Problem::DeviceDenied && problem != Problem::ExpiredDeviceCode => None,
            _ => {
                device_polls.forget(device);
                None
            }
        }
    }
}

/// Finds the device if its person allowed it and its tokens were not issued yet.
pub(super) fn find_allowed(
    db: &mut Database,
    now: UnixTime,
    (client, request): (&Client, &Request),
) -> Result<DeviceCodeRecord> {
    let unknown = || Problem::InvalidDeviceCode.because("the device code is unknown");
    let code = Token::<DeviceCode>::parse(request.device_code.expose()).map_err(|_malformed| unknown())?;
    let device = device_codes::find(db, code.id())?.filter(|device| device.digest.matches(&code.digest()));
    let device = device.ok_or_else(unknown)?;
    if device.client_key != client.id {
        return Err(Problem::InvalidDeviceCode.because("the device code was issued to another client"));
    }
    if device.redeemed_at.is_some() {
        return Err(Problem::InvalidDeviceCode.because("the device code was used before"));
    }
    if device.denied_at.is_some() {
        return Err(Problem::DeviceDenied.because("the person refused"));
    }
    if device.is_fetchable(now) {
        return Ok(device);
    }
    match device.is_waiting(now) {
        true => Err(Problem::AuthorizationPending.because("the person has not decided yet")),
        false => Err(Problem::ExpiredDeviceCode.because("the device code has expired")),
    }
}

/// Issues the tokens of an allowed device code, once. A second use revokes nothing: a device that polls twice at
/// once is not an attacker, and the code is bound to its client (ours).
pub(super) fn redeem(
    tx: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    client: &Client,
    request: &Request,
) -> Result<TokenResponse> {
    let device = find_allowed(tx, now, (client, request))?;
    let gone = || Problem::InvalidDeviceCode.because("the grant was revoked, or its person or client was disabled");
    let grant = match device.grant_id {
        Some(grant) => grants::find_in_use(tx, grant)?,
        None => None,
    };
    let grant = grant.filter(|grant| grant.life(now) == Life::Alive).ok_or_else(gone)?.grant;
    // RFC 8707 §2.2, before anything is used up.
    let claim = Claim::of_person(&grant.scope, client);
    let audience = resource::at_issue(tx, (&grant.audience, &request.resources), claim)?;
    if !device_codes::redeem(tx, now, device.id)? {
        return Err(Problem::InvalidDeviceCode.because("the device code was used before"));
    }
    let refresh_token = match client.may_use(GrantType::RefreshToken) || grant.scope.holds("offline_access") {
        true => Some(issue::refresh_token(tx, now, token_settings, &grant)?),
        false => None,
    };
    let (scope, given_with) = (grant.scope.clone(), refresh_token.as_ref().map(Token::id));
    let narrowed = Grant { audience, ..grant };
    let access = issue::access_token(tx, now, token_settings, (&narrowed, &scope), given_with)?;
    let id_token = id_token::make(tx, now, token_settings, (client, &narrowed, &scope), Occasion::First)?;
    Ok(TokenResponse { access, refresh_token, scope, id_token })
}
