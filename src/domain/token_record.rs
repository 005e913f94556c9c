//! Bearer tokens as they are stored: one table and one check for every kind.

use diesel::prelude::*;

use super::access_list::AccessList;
use super::api::TokenFormat;
use super::column;
use super::grant::Grant;
use super::id::Id;
use super::refresh_token::RefreshTokenRecord;
use super::scope::Scope;
use super::space_separated::SpaceSeparated;
use super::token::{
    AccessToken, FilesetToken, GeneratorToken, Kind, MalformedToken, PersonalToken, StudioToken, Token, TokenDigest,
    UserToken, letter_in,
};
use super::token_class::{Action, ResourceType, TokenClass};
use crate::clock::UnixTime;

column::named! {
    /// The kinds of bearer tokens, as introspection names them (`token_kind`).
    TokenKind {
        /// It may do everything that its person may do.
        User = "user",
        /// An access token of an application that a person allowed.
        OAuth = "oauth",
        /// For listed resources, or for scopes of an API.
        Personal = "personal",
        /// For an action on a type of resource.
        Studio = "studio",
        Generator = "generator",
        Fileset = "fileset",
    }
}

/// The digest of a token of any kind: all kinds share one table.
pub type AnyDigest = TokenDigest<TokenRecord>;

/// A bearer token as it is stored.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::tokens, treat_none_as_default_value = false)]
pub struct TokenRecord {
    /// The row ID, which is part of the token.
    pub id: Id<TokenRecord>,
    pub kind: TokenKind,
    /// The digest that a presented token is compared with.
    pub digest: AnyDigest,
    /// The grant that it belongs to.
    pub grant_id: Id<Grant>,
    /// The refresh token that was issued with it, for the rule about lost responses.
    pub refresh_token_id: Option<Id<RefreshTokenRecord>>,
    pub scope: Scope,
    pub created_at: UnixTime,
    /// When it expires; a token without this time does not expire.
    pub expires_at: Option<UnixTime>,
    /// When it was revoked without its grant.
    pub revoked_at: Option<UnixTime>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<UnixTime>,
    /// The name or description that its owner gave it.
    pub name: Option<String>,
    /// The last four characters, which the owner may see later.
    pub last_four: Option<String>,
    /// The resources that a personal token may use.
    pub access_list: Option<AccessList>,
    /// The action that a studio token allows.
    pub action: Option<Action>,
    /// The type of resource that a studio token allows the action on.
    pub resource_type: Option<ResourceType>,
    /// The fileset of a fileset token.
    pub resource: Option<String>,
    /// The access generator that created it.
    pub generator_id: Option<Id<TokenRecord>>,
    /// The token that was exchanged for it (RFC 8693 §2.1), and with which it ends.
    pub subject_token_id: Option<Id<TokenRecord>>,
    /// The token itself, encrypted under the base key; only a generator's must be readable again.
    pub token_encrypted: Option<String>,
    /// The network address of the last use.
    pub last_used_from: Option<String>,
    /// Whether its owner puts it into links that other people see.
    pub is_shared: bool,
    /// When it was reported as found in public, although it is public by design.
    pub flagged_at: Option<UnixTime>,
    /// The format. A JWT is verified by its signature, and its digest matches no token.
    pub format: TokenFormat,
    /// The APIs that it is for (RFC 8707). When empty, the APIs that its scopes belong to.
    pub audience: SpaceSeparated,
    /// The thumbprint of the key that it is bound to (RFC 9449 §6).
    pub dpop_jkt: Option<String>,
}

impl TokenRecord {
    /// Returns the class of a studio token: the action and the type of resource that it allows.
    pub fn class(&self) -> Option<TokenClass> {
        TokenClass::new(self.action?, self.resource_type?).ok()
    }

    /// Whether the token is public by design: in pages that embed a project, in the URLs of a fileset, or in links that
    /// its owner shares.
    pub fn is_public(&self) -> bool {
        self.is_shared
            || self.kind == TokenKind::Fileset
            || self.resource_type == Some(ResourceType::EmbeddedPublishedProject)
    }
}

/// A presented bearer token of any kind.
#[derive(Clone, Debug)]
pub struct BearerToken {
    id: Id<TokenRecord>,
    kind: TokenKind,
    proof: Proof,
    key: Option<String>,
}

/// What proves that a token is the one of its row.
#[derive(Clone, Debug)]
enum Proof {
    Secret(AnyDigest),
    Signature,
}

impl BearerToken {
    /// Parses a presented token; its letter determines the kind.
    ///
    /// # Errors
    /// [`MalformedToken`] when it cannot be a bearer token of this server.
    pub fn parse(text: &str) -> Result<Self, MalformedToken> {
        match letter_in(text) {
            Some(UserToken::LETTER) => Ok(Self::of(TokenKind::User, &Token::<UserToken>::parse(text)?)),
            Some(AccessToken::LETTER) => Ok(Self::of(TokenKind::OAuth, &Token::<AccessToken>::parse(text)?)),
            Some(PersonalToken::LETTER) => Ok(Self::of(TokenKind::Personal, &Token::<PersonalToken>::parse(text)?)),
            Some(StudioToken::LETTER) => Ok(Self::of(TokenKind::Studio, &Token::<StudioToken>::parse(text)?)),
            Some(GeneratorToken::LETTER) => Ok(Self::of(TokenKind::Generator, &Token::<GeneratorToken>::parse(text)?)),
            Some(FilesetToken::LETTER) => Ok(Self::of(TokenKind::Fileset, &Token::<FilesetToken>::parse(text)?)),
            _ => Err(MalformedToken),
        }
    }

    fn of<K: Kind<Record = TokenRecord>>(kind: TokenKind, token: &Token<K>) -> Self {
        Self { id: token.id(), kind, proof: Proof::Secret(any_digest(token)), key: None }
    }

    /// Returns the token of a JWT access token (RFC 9068) whose signature was verified.
    pub fn signed(id: Id<TokenRecord>) -> Self {
        Self { id, kind: TokenKind::OAuth, proof: Proof::Signature, key: None }
    }

    /// Returns the token with the thumbprint of the key whose DPoP proof was verified (RFC 9449 §7).
    pub fn with_key(self, key: String) -> Self {
        Self { key: Some(key), ..self }
    }

    /// Whether the token of this row is bound to the proven key, or to no key when none was proven.
    pub fn has_key_of(&self, record: &TokenRecord) -> bool {
        self.key == record.dpop_jkt
    }

    /// Returns the row ID that it contains.
    pub fn id(&self) -> Id<TokenRecord> {
        self.id
    }

    /// Whether it is the token of this row: kind and secret match, compared in constant time; or it is the JWT of the
    /// row.
    pub fn is(&self, record: &TokenRecord) -> bool {
        let is_proven = match (&self.proof, record.format) {
            (Proof::Secret(digest), TokenFormat::Opaque) => record.digest.matches(digest),
            (Proof::Signature, TokenFormat::Jwt) => true,
            (Proof::Secret(_), TokenFormat::Jwt) | (Proof::Signature, TokenFormat::Opaque) => false,
        };
        self.kind == record.kind && is_proven
    }
}

/// Returns the digest of a token for the table that all kinds share.
pub fn any_digest<K: Kind>(token: &Token<K>) -> AnyDigest {
    let Ok(digest) = token.digest().as_str().parse();
    digest
}
