//! Finding what a secret belongs to, whether it still opens anything or not: for whoever reports it, and for
//! the operator who asks what it is. The text must be right; its id alone finds nothing.

use crate::domain::refresh_token::RefreshTokenRecord;
use crate::domain::secret::Secret;
use crate::domain::token::{ClientSecret, RefreshToken, Token};
use crate::domain::token_in_use::{GrantInUse, TokenInUse};
use crate::domain::token_record::BearerToken;
use crate::store::client_secrets::Authenticator;
use crate::store::{Database, Result, client_secrets, grants, refresh_tokens, tokens};

/// A text that somebody has, and what it was read as: a JWT needs the keys for that.
#[derive(Clone, Debug)]
pub struct ReportedSecret {
    /// The text.
    pub text: Secret,
    /// The bearer token that it is, if it is one.
    pub token: Option<BearerToken>,
}

impl ReportedSecret {
    /// Whether it can be one of ours at all.
    pub fn is_ours(&self) -> bool {
        let text = self.text.expose();
        self.token.is_some() || Token::<RefreshToken>::parse(text).is_ok() || Token::<ClientSecret>::parse(text).is_ok()
    }
}

/// What a text belongs to.
#[derive(Clone, Debug)]
pub enum FoundSecret {
    /// A token that opens doors.
    Bearer(Box<TokenInUse>),
    /// A refresh token, with what it renews.
    Refresh(Box<(RefreshTokenRecord, GrantInUse)>),
    /// A secret of an application.
    ClientSecret(Authenticator),
}

/// What stands in the database for a text, dead or alive.
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
