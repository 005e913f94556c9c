//! Finds what a secret belongs to, whether it is still active or not: for reports of leaked secrets, and for
//! the operator. The whole text must match; the id alone finds nothing.

use crate::domain::refresh_token::RefreshTokenRecord;
use crate::domain::secret::Secret;
use crate::domain::token::{ClientSecret, RefreshToken, Token};
use crate::domain::token_in_use::{GrantInUse, TokenInUse};
use crate::domain::token_record::BearerToken;
use crate::store::client_secrets::Authenticator;
use crate::store::{Database, Result, client_secrets, grants, refresh_tokens, tokens};

/// A presented text, and the bearer token that was parsed from it: parsing a JWT needs the signing keys.
#[derive(Clone, Debug)]
pub struct ReportedSecret {
    pub text: Secret,
    /// The parsed token, if the text is a bearer token.
    pub token: Option<BearerToken>,
}

impl ReportedSecret {
    /// Whether the text has the form of a secret that this server issues.
    pub fn is_ours(&self) -> bool {
        let text = self.text.expose();
        self.token.is_some() || Token::<RefreshToken>::parse(text).is_ok() || Token::<ClientSecret>::parse(text).is_ok()
    }
}

/// The row that a secret belongs to.
#[derive(Clone, Debug)]
pub enum FoundSecret {
    /// An access token of any kind.
    Bearer(Box<TokenInUse>),
    /// A refresh token with its grant.
    Refresh(Box<(RefreshTokenRecord, GrantInUse)>),
    /// A client secret with its client.
    ClientSecret(Authenticator),
}

/// Returns the row of a secret, active or not.
///
/// # Errors
/// When the store fails.
pub fn find(db: &mut Database, ReportedSecret { text, token }: &ReportedSecret) -> Result<Option<FoundSecret>> {
    if let Some(presented) = token {
        let found = tokens::find_in_use(db, presented.id())?.filter(|token| presented.is(&token.record));
        return Ok(found.map(|token| FoundSecret::Bearer(Box::new(token))));
    }
    if let Ok(token) = Token::<RefreshToken>::parse(text.expose()) {
        let record = refresh_tokens::find(db, token.id())?.filter(|record| record.digest.matches(&token.digest()));
        let Some(record) = record else { return Ok(None) };
        let grant = grants::find_in_use(db, record.grant_id)?;
        return Ok(grant.map(|grant| FoundSecret::Refresh(Box::new((record, grant)))));
    }
    let Ok(secret) = Token::<ClientSecret>::parse(text.expose()) else { return Ok(None) };
    let found = client_secrets::find_with_client(db, secret.id())?;
    let found = found.filter(|(record, _)| record.digest.matches(&secret.digest()));
    Ok(found.map(FoundSecret::ClientSecret))
}
