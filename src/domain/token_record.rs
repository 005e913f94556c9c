//! Tokens that open doors, as they are stored: one table and one check for every kind.

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
    UserToken, letter_of,
};
use super::token_class::{Action, ResourceType, TokenClass};
use crate::clock::UnixTime;

column::named! {
    /// The kinds of token that open doors, as introspection names them (`token_kind`).
    TokenKind {
        /// Everything its person may do.
        User = "user",
        /// What a person allowed an application.
        OAuth = "oauth",
        /// Listed resources, or an API's scopes.
        Personal = "personal",
        /// An action on a type of resource.
        Studio = "studio",
        /// Makes studio tokens.
        Generator = "generator",
        /// Reads one fileset.
        Fileset = "fileset",
    }
}

/// Any token's digest: kinds share one table.
pub type AnyDigest = TokenDigest<TokenRecord>;

/// One token.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::tokens, treat_none_as_default_value = false)]
pub struct TokenRecord {
    /// The row, which the token carries.
    pub id: Id<TokenRecord>,
    /// What it is for.
    pub kind: TokenKind,
    /// What the presented token is judged by.
    pub digest: AnyDigest,
    /// What it hangs on.
    pub grant_id: Id<Grant>,
    /// The refresh token that was given with it, for the rule of lost answers.
    pub refresh_token_id: Option<Id<RefreshTokenRecord>>,
    /// What it may do.
    pub scope: Scope,
    /// When it was issued.
    pub created_at: UnixTime,
    /// When it ends; never when absent.
    pub expires_at: Option<UnixTime>,
    /// When it alone was revoked.
    pub revoked_at: Option<UnixTime>,
    /// When it was last seen, to the minute.
    pub last_used_at: Option<UnixTime>,
    /// The name or description that its owner gave it.
    pub name: Option<String>,
    /// What its owner may see of it later.
    pub last_four: Option<String>,
    /// The resources that a personal token opens.
    pub access_list: Option<AccessList>,
    /// What a studio token may do.
    pub action: Option<Action>,
    /// To what.
    pub resource_type: Option<ResourceType>,
    /// The one fileset.
    pub resource: Option<String>,
    /// The generator that made it, or the token that was exchanged for it.
    pub made_by: Option<Id<TokenRecord>>,
    /// The token itself, sealed under the base key: only a generator's must be readable again.
    pub sealed: Option<String>,
    /// The network address that last used it.
    pub last_used_from: Option<String>,
    /// Whether its owner puts it into links that others see.
    pub is_shared: bool,
    /// When somebody reported that they found it in the open, though it is there by design.
    pub flagged_at: Option<UnixTime>,
    /// What it looks like; a JWT is proven by its signature, its digest is nobody's.
    pub format: TokenFormat,
    /// The APIs that it is for (RFC 8707); whichever its scopes belong to when none was named.
    pub audience: SpaceSeparated,
    /// The thumbprint of the key that it is bound to (RFC 9449 §6).
    pub dpop_jkt: Option<String>,
}

impl TokenRecord {
    /// What a studio token may do, to what.
    pub fn class(&self) -> Option<TokenClass> {
        TokenClass::new(self.action?, self.resource_type?).ok()
    }

    /// Whether strangers see it by design: in pages that embed a project, in a fileset's addresses, in
    /// links that its owner shares.
    pub fn is_public(&self) -> bool {
        self.is_shared
            || self.kind == TokenKind::Fileset
            || self.resource_type == Some(ResourceType::EmbeddedPublishedProject)
    }
}

/// A bearer token of any kind that opens doors, as somebody presented it.
#[derive(Clone, Debug)]
pub struct BearerToken {
    id: Id<TokenRecord>,
    kind: TokenKind,
    proof: Proof,
    key: Option<String>,
}

/// What shows that a token is the one of its row.
#[derive(Clone, Debug)]
enum Proof {
    Secret(AnyDigest),
    Signature,
}

impl BearerToken {
    /// Reads what was presented; the letter tells the kind.
    ///
    /// # Errors
    /// [`MalformedToken`] when it cannot be one of ours that opens doors.
    pub fn parse(text: &str) -> Result<Self, MalformedToken> {
        match letter_of(text) {
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

    /// A JWT access token (RFC 9068) whose signature was found to be ours.
    pub fn signed(id: Id<TokenRecord>) -> Self {
        Self { id, kind: TokenKind::OAuth, proof: Proof::Signature, key: None }
    }

    /// The same with the thumbprint of a key that was proven beside it (RFC 9449 §7).
    pub fn with_key(self, key: String) -> Self {
        Self { key: Some(key), ..self }
    }

    /// Whether the token of this row is bound to the key that was proven, or to none if none was.
    pub fn has_key_of(&self, record: &TokenRecord) -> bool {
        self.key == record.dpop_jkt
    }

    /// The row that it names.
    pub fn id(&self) -> Id<TokenRecord> {
        self.id
    }

    /// Whether it is the token of this row: kind and secret, in equal time; or the row's own JWT.
    pub fn is(&self, record: &TokenRecord) -> bool {
        let is_proven = match (&self.proof, record.format) {
            (Proof::Secret(digest), TokenFormat::Opaque) => record.digest.matches(digest),
            (Proof::Signature, TokenFormat::Jwt) => true,
            (Proof::Secret(_), TokenFormat::Jwt) | (Proof::Signature, TokenFormat::Opaque) => false,
        };
        self.kind == record.kind && is_proven
    }
}

/// What the shared table keeps of a token of one kind.
pub fn any_digest<K: Kind>(token: &Token<K>) -> AnyDigest {
    let Ok(digest) = token.digest().as_str().parse();
    digest
}
