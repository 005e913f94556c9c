//! The token endpoint (RFC 6749 §3.2): one request, one transaction; each grant type is a file.

pub mod authorization_code;
pub mod binding;
pub mod client_credentials;
pub mod device_code;
pub mod refresh_token;
pub mod token_exchange;

use std::sync::Arc;

use super::client_authentication::{self, ClientCredentials};
use super::openid::id_token::IdToken;
use super::parameters::Parameters;
use super::problem::Problem;
use super::{Refusal, Result};
use crate::clock::UnixTime;
use crate::domain::client::{Client, GrantType};
use crate::domain::scope::Scope;
use crate::domain::session::Origin;
use crate::domain::token::{AccessToken, RefreshToken, Token};
use crate::outcome::Error;
use crate::store::Database;
use crate::tokens::TokenSettings;
use crate::tokens::device_polls::DevicePolls;
use crate::tokens::issue::Issued;
use crate::tokens::last_use::LastUse;
use refresh_token::Renewal;

/// The parameters of a token request, by grant type.
#[derive(Clone, Debug)]
pub enum TokenRequest {
    /// RFC 6749 §4.1.3.
    AuthorizationCode(authorization_code::Request),
    /// RFC 6749 §6.
    RefreshToken(refresh_token::Request),
    /// RFC 6749 §4.4.2.
    ClientCredentials(client_credentials::Request),
    /// RFC 8628 §3.4.
    DeviceCode(device_code::Request),
    /// RFC 8693 §2.1.
    TokenExchange(token_exchange::Request),
}

/// The content of the answer to a token request (RFC 6749 §5.1).
#[derive(Debug)]
pub struct TokenResponse {
    pub access: Issued<AccessToken>,
    /// Only for clients that may use the refresh grant.
    pub refresh_token: Option<Token<RefreshToken>>,
    /// The scope of the access token; always part of the answer.
    pub scope: Scope,
    /// The ID token, when the scope contains `openid`.
    pub id_token: Option<IdToken>,
}

impl TokenRequest {
    /// Reads the parameters of the grant type that the request names.
    ///
    /// # Errors
    /// The first parameter that is missing or not valid.
    pub fn parse(parameters: &Parameters) -> std::result::Result<Self, Refusal> {
        let grant_type = parameters
            .get("grant_type")
            .ok_or(Refusal { problem: Problem::MissingParameter, cause: "grant_type is missing" })?;
        match grant_type.parse() {
            Ok(GrantType::AuthorizationCode) => {
                authorization_code::Request::parse(parameters).map(Self::AuthorizationCode)
            }
            Ok(GrantType::RefreshToken) => refresh_token::Request::parse(parameters).map(Self::RefreshToken),
            Ok(GrantType::ClientCredentials) => {
                client_credentials::Request::parse(parameters).map(Self::ClientCredentials)
            }
            Ok(GrantType::DeviceCode) => device_code::Request::parse(parameters).map(Self::DeviceCode),
            Ok(GrantType::TokenExchange) => token_exchange::Request::parse(parameters).map(Self::TokenExchange),
            Err(_) => Err(Refusal { problem: Problem::UnsupportedGrantType, cause: "the grant_type is unknown" }),
        }
    }

    fn grant_type(&self) -> GrantType {
        match self {
            Self::AuthorizationCode(_) => GrantType::AuthorizationCode,
            Self::RefreshToken(_) => GrantType::RefreshToken,
            Self::ClientCredentials(_) => GrantType::ClientCredentials,
            Self::DeviceCode(_) => GrantType::DeviceCode,
            Self::TokenExchange(_) => GrantType::TokenExchange,
        }
    }

    /// Returns the `issued_token_type` of the answer, for the grant that requires it (RFC 8693 §2.2.1).
    pub fn issued_token_type(&self) -> Option<&'static str> {
        matches!(self, Self::TokenExchange(_)).then_some(token_exchange::ACCESS_TOKEN)
    }
}

/// Authenticates the client and refuses, in a read, what can be refused without a write: what is unknown or has ended.
///
/// # Errors
/// The refusal. When authentication fails and the code is valid, the caller must call [`count_failure`].
pub fn examine(
    db: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    last_use: &LastUse,
    (credentials, request): (&ClientCredentials, &TokenRequest),
) -> Result<Arc<Client>> {
    let client = client_authentication::authenticate(db, now, token_settings, last_use, credentials)?;
    // OpenID Connect Core §11: a client that may have `offline_access` may use its refresh token.
    let has_offline = request.grant_type() == GrantType::RefreshToken && client.scope.holds("offline_access");
    if !client.may_use(request.grant_type()) && !has_offline {
        return Err(Problem::UnauthorizedClient.because("the client did not register this grant"));
    }
    binding::check_client(&client, credentials.key())?;
    match request {
        TokenRequest::AuthorizationCode(request) => {
            let code = authorization_code::find_presented(db, now, request)?;
            binding::check_code(code.dpop_jkt.as_deref(), credentials.key())?;
        }
        TokenRequest::RefreshToken(request) => {
            let (_, record) = refresh_token::find_presented(db, now, request)?;
            binding::check_refresh_token(record.dpop_jkt.as_deref(), credentials.key())?;
        }
        TokenRequest::ClientCredentials(request) => {
            client_credentials::find_scope(db, token_settings, (&client, request)).map(drop)?;
        }
        TokenRequest::DeviceCode(request) => {
            device_code::find_allowed(db, now, (&client, request)).map(drop)?;
        }
        TokenRequest::TokenExchange(request) => {
            token_exchange::examine(db, now, last_use, (&client, request)).map(drop)?;
        }
    }
    Ok(client)
}

/// Answers a request of an authenticated client.
///
/// # Errors
/// The refusal; writes that were made before it are committed.
pub fn answer(
    tx: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    last_use: &LastUse,
    (client, request, origin): (&Client, &TokenRequest, &Origin),
) -> Result<TokenResponse> {
    match request {
        TokenRequest::AuthorizationCode(request) => {
            authorization_code::redeem(tx, now, token_settings, (client, origin), request)
        }
        TokenRequest::RefreshToken(request) => {
            refresh_token::refresh(Renewal { tx, now, token_settings, last_use, client, origin, request, found: None })
        }
        TokenRequest::ClientCredentials(request) => client_credentials::grant(tx, now, token_settings, client, request),
        TokenRequest::DeviceCode(request) => device_code::redeem(tx, now, token_settings, client, request),
        TokenRequest::TokenExchange(request) => token_exchange::grant(tx, now, token_settings, client, request),
    }
}

/// Counts how often a device polls, after its request was decided. This runs outside the transaction, which may run
/// again, because the count is kept in memory. A device that polls too often gets `slow_down`.
pub fn limit_polls<T>(
    now: UnixTime,
    token_settings: &TokenSettings,
    device_polls: &DevicePolls,
    request: &TokenRequest,
    judged: Result<T>,
) -> Result<T> {
    let TokenRequest::DeviceCode(request) = request else { return judged };
    let problem = match &judged {
        Ok(_) => None,
        Err(Error::Refused(refusal)) => Some(refusal.problem),
        Err(Error::Failed(_)) => return judged,
    };
    match request.limit_polls(now, device_polls, token_settings.lifetimes.device, problem) {
        Some(refusal) => Err(Error::Refused(refusal)),
        None => judged,
    }
}

/// Counts a failed client authentication against the code that came with it: after ten failures the code is not
/// accepted.
///
/// # Errors
/// When the store fails.
pub fn count_failure(tx: &mut Database, now: UnixTime, request: &TokenRequest) -> Result<()> {
    let TokenRequest::AuthorizationCode(request) = request else { return Ok(()) };
    match authorization_code::find_presented(tx, now, request) {
        Ok(code) => Ok(crate::store::authorization_codes::count_failure(tx, code.id)?),
        Err(Error::Refused(_)) => Ok(()),
        Err(failed) => Err(failed),
    }
}
