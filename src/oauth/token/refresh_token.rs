//! The refresh grant (RFC 6749 §6). A confidential client's refresh token stays the same; a public client's rotates
//! (RFC 9700 §2.2.2). Whether a used one was stolen, or its answer was lost, is decided by the state of its
//! successor, not by time alone.

use super::TokenResponse;
use crate::clock::UnixTime;
use crate::domain::api::TokenFormat;
use crate::domain::client::Client;
use crate::domain::grant::Grant;
use crate::domain::refresh_token::{LOST_SECONDS, PARALLEL_SECONDS, RefreshTokenRecord};
use crate::domain::scope::Scope;
use crate::domain::secret::Secret;
use crate::domain::session::Origin;
use crate::domain::signing_key::LONGEST_JWT;
use crate::domain::token::{RefreshToken, Token};
use crate::domain::token_in_use::{GrantInUse, Life};
use crate::oauth::machine::refresh::{Answers, Verdict, run};
use crate::oauth::openid::id_token::{self, Occasion};
use crate::oauth::parameters::Parameters;
use crate::oauth::problem::Problem;
use crate::oauth::{Refusal, Result};
use crate::oauth::{resource, scopes};
use crate::outcome::Error;
use crate::store::tokens::Given;
use crate::store::{Database, consents, grants, refresh_tokens, tokens};
use crate::tokens::audience::Claim;
use crate::tokens::last_use::{LastUse, Seen};
use crate::tokens::{TokenSettings, issue, revoke};

/// A refresh token with the requested scope and APIs.
#[derive(Clone, Debug)]
pub struct Request {
    refresh_token: Secret,
    scope: Option<Scope>,
    resources: Vec<String>,
}

impl Request {
    pub(super) fn parse(parameters: &Parameters) -> std::result::Result<Self, Refusal> {
        let missing = Refusal { problem: Problem::MissingParameter, cause: "refresh_token is missing" };
        let refresh_token = Secret::new(parameters.get("refresh_token").ok_or(missing)?);
        Ok(Self { refresh_token, scope: scopes::parse_asked(parameters)?, resources: parameters.resources() })
    }
}

/// Finds the presented refresh token if this server issued it and it has not expired.
pub(super) fn find_presented(
    db: &mut Database,
    now: UnixTime,
    request: &Request,
) -> Result<(Token<RefreshToken>, RefreshTokenRecord)> {
    let unknown = || Problem::InvalidRefreshToken.because("the refresh token is unknown");
    let token = Token::<RefreshToken>::parse(request.refresh_token.expose()).map_err(|_malformed| unknown())?;
    let record = refresh_tokens::find(db, token.id())?.filter(|record| record.digest.matches(&token.digest()));
    let record = record.ok_or_else(unknown)?;
    if record.expires_at <= now {
        return Err(Problem::InvalidRefreshToken.because("the refresh token was not used for too long"));
    }
    Ok((token, record))
}

/// A refresh of an authenticated client, while it is judged.
pub(super) struct Renewal<'a> {
    pub(super) tx: &'a mut Database,
    pub(super) now: UnixTime,
    pub(super) token_settings: &'a TokenSettings,
    pub(super) last_use: &'a LastUse,
    pub(super) client: &'a Client,
    pub(super) origin: &'a Origin,
    pub(super) request: &'a Request,
    pub(super) found: Option<(Token<RefreshToken>, RefreshTokenRecord, GrantInUse)>,
}

/// Refreshes the tokens of the authenticated client.
pub(super) fn refresh(mut renewal: Renewal<'_>) -> Result<TokenResponse> {
    let (now, client, request) = (renewal.now, renewal.client, renewal.request);
    // Some clients repeat the scope of the authorization request, with the part that was ignored there. When
    // nothing of it is left, the machine refuses it after all other checks.
    let effective = |asked: &Scope| scopes::effective(asked, &client.scope).unwrap_or_else(|_none| asked.clone());
    let scope = request.scope.as_ref().map(effective);
    let asked = (client.client_id.as_str(), request.refresh_token.expose(), scope.as_ref().map(Scope::as_str));
    run(now, asked, &mut renewal)
}

impl Renewal<'_> {
    /// Returns the refresh token of the answer; the new access token is linked to it.
    fn next(
        &mut self,
        parent: &Token<RefreshToken>,
        record: &RefreshTokenRecord,
        grant: &GrantInUse,
    ) -> Result<Token<RefreshToken>> {
        if !self.client.is_public() {
            let until = issue::refresh_end(self.now, self.token_settings, record.created_at);
            // Bound to a client that authenticates (RFC 9700 §2.2.2; FAPI 2.0 §5.3.2.1 forbids rotation).
            refresh_tokens::extend(self.tx, self.now, record.id, until)?;
            return Ok(parent.clone());
        }
        if record.consumed_at.is_none() {
            // Added first: the row of the old token refers to it.
            let successor = issue::successor(self.tx, self.now, self.token_settings, (&grant.grant, parent))?;
            if refresh_tokens::consume(self.tx, self.now, record.id, successor.id())? {
                return Ok(successor);
            }
            refresh_tokens::delete(self.tx, successor.id())?;
        }
        // It was used before, perhaps by a parallel request a moment ago: the row has the present state.
        let (_, record) = find_presented(self.tx, self.now, self.request)?;
        match self.forgiven(parent, &record)? {
            Some(successor) => Ok(successor),
            None => Err(self.stolen(grant)),
        }
    }

    /// Returns the same successor again: for a day while neither it nor an access token issued with it was used
    /// (the answer was lost), or within a minute of the first use if the successor was not redeemed (two tabs at
    /// once).
    fn forgiven(
        &mut self,
        parent: &Token<RefreshToken>,
        record: &RefreshTokenRecord,
    ) -> Result<Option<Token<RefreshToken>>> {
        let (Some(consumed_at), Some(successor_id)) = (record.consumed_at, record.successor_id) else {
            return Ok(None);
        };
        let Some(successor) = refresh_tokens::find(self.tx, successor_id)? else { return Ok(None) };
        if successor.consumed_at.is_some() {
            return Ok(None);
        }
        let passed = self.now.since(consumed_at);
        if passed > LOST_SECONDS || (passed > PARALLEL_SECONDS && self.was_seen(&successor)?) {
            return Ok(None);
        }
        let derived = self
            .token_settings
            .keys
            .find(successor.key_number)
            .map(|key| issue::derive_successor(key, parent, successor_id));
        Ok(derived.filter(|token| successor.digest.matches(&token.digest())))
    }

    fn was_seen(&mut self, successor: &RefreshTokenRecord) -> Result<bool> {
        let uses = self.last_use;
        if successor.last_used_at.is_some() || uses.is_pending(Seen::RefreshToken(successor.id)) {
            return Ok(true);
        }
        let given = tokens::list_given_with(self.tx, successor.id)?;
        // A JWT is used without a request to us: it counts as used when its lifetime has ended (ours).
        let is_spent =
            |token: &Given| token.format == TokenFormat::Jwt && self.now.since(token.created_at) >= LONGEST_JWT;
        let is_seen = |token: &Given| token.last_used_at.is_some() || uses.is_pending(Seen::Token(token.id));
        Ok(given.iter().any(|token| is_seen(token) || is_spent(token)))
    }

    /// Handles reuse after the successor was used: one of the two holders is an attacker (RFC 9700 §4.14.2).
    fn stolen(&mut self, grant: &GrantInUse) -> Error<Refusal> {
        let forget = |tx: &mut Database| match (&grant.person, &grant.application) {
            (Some(person), Some(client)) => consents::forget(tx, person.id, client.id).map(drop),
            _ => Ok(()),
        };
        match revoke::stolen(self.tx, self.now, &grant.grant, self.origin).and_then(|()| forget(self.tx)) {
            Ok(()) => {
                Problem::InvalidRefreshToken.because("the refresh token was used again after its successor was used")
            }
            Err(error) => error.into(),
        }
    }
}

impl Answers for Renewal<'_> {
    type Refusal = Error<Refusal>;
    type Issued = TokenResponse;

    fn recover(&mut self, _refresh_token: &str) -> Result<(String, Scope)> {
        let (token, record) = find_presented(self.tx, self.now, self.request)?;
        let found = grants::find_in_use(self.tx, record.grant_id)?;
        let grant = found.ok_or_else(|| Problem::InvalidRefreshToken.because("the refresh token's grant is gone"))?;
        let owner = grant.application.as_ref().map(|client| client.client_id.clone()).unwrap_or_default();
        match grant.life(self.now) {
            Life::Alive => {}
            Life::Expired => return Err(Problem::InvalidRefreshToken.because("the grant has reached its longest life")),
            Life::Ended => {
                return Err(
                    Problem::InvalidRefreshToken.because("the grant was revoked, or its person or client was disabled")
                );
            }
        }
        let scope = grant.grant.scope.clone();
        self.found = Some((token, record, grant));
        Ok((owner, scope))
    }

    fn issue(&mut self) -> Result<TokenResponse> {
        let unfound = || Problem::InvalidRefreshToken.because("the refresh token was not looked up");
        let (token, record, grant) = self.found.take().ok_or_else(unfound)?;
        let claim = Claim::of_person(&grant.grant.scope, self.client);
        let named = (&grant.grant.audience, self.request.resources.as_slice());
        let audience = resource::at_issue(self.tx, named, claim)?;
        let refresh_token = self.next(&token, &record, &grant)?;
        // A narrower scope or audience narrows this access token only; the refresh token keeps its own
        // (§6; RFC 8707 §2.2).
        let granted = &grant.grant.scope;
        let asked = self.request.scope.as_ref();
        let scope = asked.map_or_else(|| granted.clone(), |asked| asked.intersection(granted));
        let given_with = Some(refresh_token.id());
        let narrowed = Grant { audience, ..grant.grant };
        let access = issue::access_token(self.tx, self.now, self.token_settings, (&narrowed, &scope), given_with)?;
        let about = (self.client, &narrowed, &scope);
        let id_token = id_token::make(self.tx, self.now, self.token_settings, about, Occasion::Refresh)?;
        Ok(TokenResponse { access, refresh_token: Some(refresh_token), scope, id_token })
    }

    fn refused(&mut self, by: Verdict) -> Error<Refusal> {
        match by {
            Verdict::Grant => Problem::InvalidRefreshToken.because("the refresh token was issued to another client"),
            Verdict::Scope => Problem::InvalidScope.because("the scope is wider than what was granted"),
        }
    }
}
