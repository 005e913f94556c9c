//! JWT access tokens (RFC 9068) for the APIs that want them: which API a token is for, and its claims. Its row
//! is written like that of any other token, and judges the token wherever this server is asked; the JWT is
//! signed after the commit.

use serde::{Deserialize, Serialize};

use crate::clock::UnixTime;
use crate::domain::api::{Api, TokenFormat, is_built_in};
use crate::domain::api_directory::ApiDirectory;
use crate::domain::grant::Grant;
use crate::domain::id::Id;
use crate::domain::jose::claims::Confirmation;
use crate::domain::scope::Scope;
use crate::domain::space_separated::SpaceSeparated;
use crate::domain::token_record::TokenRecord;
use crate::store::{Database, Result, apis, clients};

/// The `typ` in the header of such a token (RFC 9068 §2.1).
pub const TYP: &str = "at+jwt";

/// The claims of a JWT access token (RFC 9068 §2.2), without its issuer.
#[derive(Clone, Debug, Serialize)]
pub struct AccessTokenClaims {
    sub: String,
    /// One API: a token for several APIs could be replayed from one to the other (RFC 9068 §3).
    aud: String,
    client_id: String,
    scope: String,
    iat: i64,
    exp: i64,
    jti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation>,
}

impl AccessTokenClaims {
    /// Binds the token to the key with this thumbprint: the sender must prove the key (RFC 9449 §6.1).
    pub fn bind(&mut self, jkt: &str) {
        self.cnf = Some(Confirmation { jkt: jkt.to_owned() });
    }
}

/// What is read from a presented JWT access token once its signature is verified.
#[derive(Clone, Debug, Deserialize)]
pub struct Returned {
    jti: String,
}

impl Returned {
    /// Returns the id of the token's row; `None` when `jti` is not an id.
    pub fn id(&self) -> Option<Id<TokenRecord>> {
        Id::from_uuid(&self.jti)
    }
}

/// Returns the JWT API that a token of this grant and scope is for: the API that was named (RFC 8707),
/// otherwise the one API that all its scopes belong to. `None` when the scopes belong to several APIs or to
/// this server. `offline_access` belongs to no API.
///
/// # Errors
/// When the store fails.
pub fn api_of(db: &mut Database, audience: &SpaceSeparated, scope: &Scope) -> Result<Option<Api>> {
    let directory = apis::directory(db)?;
    let named: Vec<&str> = audience.iter().collect();
    let api = match named.as_slice() {
        [] => owner_of(&directory, scope),
        [only] => directory.find_by_identifier(only).map(|found| &found.api),
        _ => None,
    };
    Ok(api.filter(|api| api.token_format == TokenFormat::Jwt).cloned())
}

fn owner_of<'a>(directory: &'a ApiDirectory, scope: &Scope) -> Option<&'a Api> {
    let rights: Vec<&str> = scope.tokens().filter(|token| *token != "offline_access").collect();
    if rights.is_empty() || rights.iter().any(|right| is_built_in(right)) {
        return None;
    }
    let owners = directory.list_owners_of_scopes(&rights);
    let is_for_one = owners.len() == rights.len() && owners.windows(2).all(|pair| pair[0].id == pair[1].id);
    owners.into_iter().next().filter(|_| is_for_one)
}

/// Returns the claims of this row's token.
pub(super) fn claims(
    tx: &mut Database,
    (record, grant): (&TokenRecord, &Grant),
    (api, expires_at): (&Api, UnixTime),
) -> Result<AccessTokenClaims> {
    let client = grant.client_key.map(|client| clients::find(tx, client)).transpose()?.flatten();
    let client_id = client.map(|client| client.client_id.clone()).unwrap_or_default();
    // Only scopes of this API (RFC 9068 §2.2.3).
    let directory = apis::directory(tx)?;
    let of_api = directory.find(api.id).map(|found| found.scopes.as_slice()).unwrap_or_default();
    let is_of_api = |token: &&str| of_api.iter().any(|scope| scope.name == *token);
    let scope: Vec<&str> = record.scope.tokens().filter(is_of_api).collect();
    Ok(AccessTokenClaims {
        // Without a user the client is the subject (RFC 9068 §2.2).
        sub: grant.user_id.map_or_else(|| client_id.clone(), Id::uuid),
        aud: api.identifier.clone(),
        client_id,
        scope: scope.join(" "),
        iat: record.created_at.seconds(),
        exp: expires_at.seconds(),
        jti: record.id.uuid(),
        cnf: None,
    })
}
