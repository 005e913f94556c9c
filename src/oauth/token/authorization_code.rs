//! The code exchange (RFC 6749 §4.1.3, RFC 7636 §4.6): once, by the client that got the code, with the same
//! redirect URI and the matching verifier. A second use revokes the tokens of the first one.

use super::TokenResponse;
use crate::clock::UnixTime;
use crate::domain::authorization_code::{AuthorizationCodeRecord, MAX_FAILURES};
use crate::domain::client::{Client, GrantType};
use crate::domain::grant::Grant;
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::session::Origin;
use crate::domain::token::{AuthorizationCode, Token};
use crate::domain::token_in_use::{GrantInUse, Life};
use crate::oauth::machine::access_token::{Answers, run};
use crate::oauth::openid::id_token::{self, Occasion};
use crate::oauth::parameters::Parameters;
use crate::oauth::problem::Problem;
use crate::oauth::resource;
use crate::oauth::{Refusal, Result};
use crate::outcome::Error;
use crate::store::{Database, authorization_codes, grants};
use crate::tokens::audience::Claim;
use crate::tokens::{TokenSettings, issue, revoke};

/// A code with the parameters that belong to it.
#[derive(Clone, Debug)]
pub struct Request {
    code: Secret,
    redirect_uri: Option<String>,
    code_verifier: Option<Secret>,
    resources: Vec<String>,
}

impl Request {
    pub(super) fn parse(parameters: &Parameters) -> std::result::Result<Self, Refusal> {
        let code =
            parameters.get("code").ok_or(Refusal { problem: Problem::MissingParameter, cause: "code is missing" })?;
        Ok(Self {
            code: Secret::new(code),
            redirect_uri: parameters.get("redirect_uri").map(str::to_owned),
            code_verifier: parameters.get("code_verifier").map(Secret::new),
            resources: parameters.resources(),
        })
    }
}

/// Finds the presented code if this server issued it and it has not expired. A used code is found too: `redeem`
/// decides about its second use.
pub(super) fn find_presented(db: &mut Database, now: UnixTime, request: &Request) -> Result<AuthorizationCodeRecord> {
    let unknown = || Problem::InvalidCode.because("the code is unknown");
    let code = Token::<AuthorizationCode>::parse(request.code.expose()).map_err(|_malformed| unknown())?;
    let record = authorization_codes::find(db, code.id())?.filter(|record| record.digest.matches(&code.digest()));
    let record = record.ok_or_else(unknown)?;
    // A used code is a replay even after it has expired: its tokens may still be valid.
    if record.redeemed_at.is_none() && record.expires_at <= now {
        return Err(Problem::InvalidCode.because("the code has expired"));
    }
    Ok(record)
}

struct Exchange<'a> {
    tx: &'a mut Database,
    now: UnixTime,
    token_settings: &'a TokenSettings,
    client: &'a Client,
    origin: &'a Origin,
    request: &'a Request,
    found: Option<(AuthorizationCodeRecord, GrantInUse)>,
}

/// Redeems a code for the authenticated client.
pub(super) fn redeem(
    tx: &mut Database,
    now: UnixTime,
    token_settings: &TokenSettings,
    (client, origin): (&Client, &Origin),
    request: &Request,
) -> Result<TokenResponse> {
    let mut exchange = Exchange { tx, now, token_settings, client, origin, request, found: None };
    run(now, (&client.client_id, request.code.expose()), &mut exchange)
}

impl Exchange<'_> {
    fn found(&self) -> Result<&(AuthorizationCodeRecord, GrantInUse)> {
        self.found.as_ref().ok_or_else(|| Problem::InvalidCode.because("the code was not looked up"))
    }

    /// RFC 6749 §4.1.2: revokes the tokens of a code that its own client uses twice.
    fn replayed(&mut self, grant: &GrantInUse) -> Error<Refusal> {
        match revoke::stolen(self.tx, self.now, &grant.grant, self.origin) {
            Ok(()) => Problem::InvalidCode.because("the code was used before"),
            Err(error) => error.into(),
        }
    }
}

impl Answers for Exchange<'_> {
    type Refusal = Error<Refusal>;
    type Issued = TokenResponse;

    fn recover(&mut self, _code: &str) -> Result<(String, Scope)> {
        let record = find_presented(self.tx, self.now, self.request)?;
        let found = grants::find_in_use(self.tx, record.grant_id)?;
        let grant = found.ok_or_else(|| Problem::InvalidCode.because("the code's grant is gone"))?;
        let owner = grant.application.as_ref().map(|client| client.client_id.clone()).unwrap_or_default();
        if owner != self.client.client_id {
            return Err(Problem::InvalidCode.because("the code was issued to another client"));
        }
        if record.redeemed_at.is_some() {
            return Err(self.replayed(&grant));
        }
        if record.failures >= MAX_FAILURES {
            return Err(Problem::InvalidCode.because("too many wrong attempts came with this code"));
        }
        if grant.life(self.now) != Life::Alive {
            return Err(Problem::InvalidCode.because("the grant was revoked, or its person or client was disabled"));
        }
        // Required if and only if the authorization request named it; then equal (§4.1.3). A client that omitted it
        // there and now names its only registered redirect URI names the same one.
        let asked = self.request.redirect_uri.as_deref();
        let is_right = match (&record.redirect_uri, asked) {
            (Some(named), asked) => asked == Some(named),
            (None, None) => true,
            (None, Some(asked)) => self.client.only_redirect_uri() == Some(asked),
        };
        if !is_right {
            authorization_codes::count_failure(self.tx, record.id)?;
            return Err(Problem::InvalidCode.because("the redirect_uri is not the one of the authorization request"));
        }
        let scope = grant.grant.scope.clone();
        self.found = Some((record, grant));
        Ok((owner, scope))
    }

    fn extend(&mut self) -> Result<()> {
        let (record, _) = self.found()?;
        let (id, challenge) = (record.id, record.challenge());
        let cause = match (challenge, &self.request.code_verifier) {
            (None, None) => return Ok(()),
            (Some(challenge), Some(verifier)) if challenge.is_met_by(verifier.expose()) => return Ok(()),
            (Some(_), Some(_)) => "the code_verifier does not meet the code_challenge",
            (Some(_), None) => "the code_verifier is missing",
            // An attacker removed the challenge from the authorization request (RFC 9700 §4.8.2).
            (None, Some(_)) => "a code_verifier came although there was no code_challenge",
        };
        authorization_codes::count_failure(self.tx, id)?;
        Err(Problem::InvalidCode.because(cause))
    }

    fn issue(&mut self) -> Result<TokenResponse> {
        let (record, grant) = self.found()?.clone();
        let claim = Claim::of_person(&grant.grant.scope, self.client);
        let named = (&grant.grant.audience, self.request.resources.as_slice());
        let audience = resource::at_issue(self.tx, named, claim)?;
        if !authorization_codes::redeem(self.tx, self.now, record.id)? {
            return Err(self.replayed(&grant));
        }
        let may_refresh = self.client.may_use(GrantType::RefreshToken) || grant.grant.scope.holds("offline_access");
        let refresh_token = match may_refresh {
            true => Some(issue::refresh_token(self.tx, self.now, self.token_settings, &grant.grant)?),
            false => None,
        };
        let scope = grant.grant.scope.clone();
        let given_with = refresh_token.as_ref().map(Token::id);
        let narrowed = Grant { audience, ..grant.grant };
        let access = issue::access_token(self.tx, self.now, self.token_settings, (&narrowed, &scope), given_with)?;
        let about = (self.client, &narrowed, &scope);
        let id_token = id_token::make(self.tx, self.now, self.token_settings, about, Occasion::First)?;
        Ok(TokenResponse { access, refresh_token, scope, id_token })
    }

    fn refused(&mut self) -> Error<Refusal> {
        Problem::InvalidCode.because("the protocol core refused the exchange")
    }
}
