//! Tokens that somebody found in the open: they end, whoever says so.

use crate::clock::UnixTime;
use crate::domain::token::{RefreshToken, Token};
use crate::domain::token_class::ResourceType;
use crate::domain::token_record::{BearerToken, TokenKind};
use crate::store::{Database, Result, grants, refresh_tokens, tokens};

/// Ends the token that `text` is, if it is one of ours; `presented` is what it was read as. What is public by design (embedding and
/// fileset tokens) stays, and so do client secrets: strangers could switch an app off.
///
/// # Errors
/// When the store fails.
pub fn end_leaked(tx: &mut Database, now: UnixTime, (text, presented): (&str, Option<&BearerToken>)) -> Result<()> {
    if let Ok(token) = Token::<RefreshToken>::parse(text) {
        let record = refresh_tokens::find(tx, token.id())?.filter(|record| record.digest.matches(&token.digest()));
        return record.map_or(Ok(()), |record| grants::revoke(tx, now, record.grant_id));
    }
    let Some(presented) = presented else { return Ok(()) };
    let found = tokens::find_in_use(tx, presented.id())?.filter(|token| presented.is(&token.record));
    let Some(token) = found else { return Ok(()) };
    let is_public = token.record.kind == TokenKind::Fileset
        || token.record.resource_type == Some(ResourceType::EmbeddedPublishedProject);
    if !is_public {
        tokens::revoke(tx, now, token.record.id)?;
    }
    Ok(())
}
