//! Applications: the OAuth clients that people let act for them (RFC 6749 §2).

use diesel::prelude::*;

use super::column;
use super::document_url::DocumentUrl;
use super::id::Id;
use super::login_return_url::{LoginReturnUrl, MatchKind, ReturnUrl};
use super::redirect_uri::{self, RedirectKind, RedirectUri};
use super::scope::Scope;
use super::signing_key::SigningAlgorithm;
use super::space_separated::SpaceSeparated;
use super::user::User;
use crate::clock::UnixTime;

column::named! {
    /// Whether a client can keep a secret (RFC 6749 §2.1).
    ClientType {
        /// It runs on a server and has a secret.
        Confidential = "confidential",
        /// It runs on a person's device and has none.
        Public = "public",
    }
}

column::named! {
    /// The grants that a client may use (RFC 7591 §2).
    GrantType {
        /// RFC 6749 §4.1.
        AuthorizationCode = "authorization_code",
        /// RFC 6749 §6.
        RefreshToken = "refresh_token",
        /// RFC 6749 §4.4.
        ClientCredentials = "client_credentials",
        /// RFC 8628 §3.4.
        DeviceCode = "urn:ietf:params:oauth:grant-type:device_code",
        /// RFC 8693 §2.1.
        TokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange",
    }
}

impl GrantType {
    /// Whether only a client that authenticates may use it (RFC 6749 §4.4).
    pub fn needs_secret(self) -> bool {
        matches!(self, Self::ClientCredentials | Self::TokenExchange)
    }
}

column::named! {
    /// How the login redirect puts the user token into the return URL.
    LoginDelivery {
        /// `?token=…`, the compatible form.
        Query = "query",
        /// `#token=…`, which no server sees.
        Fragment = "fragment",
        /// `#login_code=…`, which only the app's own page can swap for a token.
        Code = "code",
    }
}

/// One application.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::clients)]
pub struct Client {
    /// The row.
    pub id: Id<Client>,
    /// The public name in requests.
    pub client_id: String,
    /// Who registered it; nobody for the client of an API.
    pub owner_id: Option<Id<User>>,
    /// The name that people read at consent.
    pub name: String,
    /// Whether it has a secret.
    pub client_type: ClientType,
    /// All that it may ask for, and what it gets when it asks for nothing.
    pub scope: Scope,
    /// The grants that it may use.
    pub grant_types: SpaceSeparated,
    /// Where authorization answers may go.
    pub redirect_uris: SpaceSeparated,
    /// Where the login redirect may return to.
    pub login_return_urls: SpaceSeparated,
    /// How the login redirect gives the token.
    pub login_delivery: LoginDelivery,
    /// How long its login tokens live, in seconds; the server's default when absent.
    pub login_token_lifetime: Option<i64>,
    /// Whether an authorization request without a challenge is refused.
    pub require_pkce: bool,
    /// Whether `plain` challenges are taken.
    pub allow_plain_pkce: bool,
    /// Whether the operator runs it.
    pub is_first_party: bool,
    /// When the operator created or verified it.
    pub verified_at: Option<UnixTime>,
    /// When the operator suspended it.
    pub disabled_at: Option<UnixTime>,
    /// When it was deleted; the row stays until nothing names it.
    pub deleted_at: Option<UnixTime>,
    /// When it was registered.
    pub created_at: UnixTime,
    /// Where people may go after they logged out (OpenID Connect RP-Initiated Logout §3.1).
    pub post_logout_redirect_uris: SpaceSeparated,
    /// How its ID tokens are signed.
    pub id_token_signed_response_alg: SigningAlgorithm,
    /// Whether its ID tokens hold the claims of the granted scopes, besides userinfo.
    pub id_token_claims: bool,
    /// Whether only pushed authorization requests are taken (RFC 9126 §6).
    pub require_pushed_requests: bool,
    /// The public keys that it signs with (RFC 7517 §5): then it authenticates by them.
    pub jwks: Option<String>,
    /// Whether it must prove a key for every token (RFC 9449 §5.2).
    pub dpop_bound_access_tokens: bool,
    /// Where it publishes those keys instead (RFC 7591 §2).
    pub jwks_uri: Option<String>,
    /// How it wants userinfo signed; plain JSON when absent (OpenID Connect Registration §2).
    pub userinfo_signed_response_alg: Option<SigningAlgorithm>,
    /// Query parameters in which a login return URL may differ from the registered one.
    pub login_varying_parameters: SpaceSeparated,
    /// How it signs what it authenticates with (OpenID Connect Registration §2).
    pub token_endpoint_auth_signing_alg: Option<String>,
}

impl Client {
    /// Whether it may act at all.
    pub fn is_active(&self) -> bool {
        self.disabled_at.is_none() && self.deleted_at.is_none()
    }

    /// Whether the operator answers for it: made or verified by the operator, or run by it.
    pub fn is_vouched(&self) -> bool {
        self.verified_at.is_some() || self.is_first_party
    }

    /// The host of its own description, when that is what its name leads to.
    pub fn described_at(&self) -> Option<String> {
        self.client_id.parse::<DocumentUrl>().ok().map(|url| url.host())
    }

    /// Whether it has no secret.
    pub fn is_public(&self) -> bool {
        self.client_type == ClientType::Public
    }

    /// Whether anybody may act in its name, or has made it: it has no secret, or it registered itself and
    /// nobody vouches for it. What such a client does is limited like what anybody does.
    pub fn is_anybodys(&self) -> bool {
        self.is_public() || (self.owner_id.is_none() && self.verified_at.is_none())
    }

    /// How it authenticates (RFC 7591 §2), as the registration's answer names it.
    pub fn authentication_method(&self) -> &'static str {
        match self.client_type {
            ClientType::Public => "none",
            ClientType::Confidential if self.has_keys() => "private_key_jwt",
            ClientType::Confidential => "client_secret_basic",
        }
    }

    /// Whether it authenticates by a secret that we made.
    pub fn has_secret(&self) -> bool {
        !self.is_public() && !self.has_keys()
    }

    /// Whether it authenticates by keys of its own, and so needs no secret.
    pub fn has_keys(&self) -> bool {
        self.jwks.is_some() || self.jwks_uri.is_some()
    }

    /// Whether it registered this grant (RFC 6749 §5.2 `unauthorized_client`).
    pub fn may_use(&self, grant_type: GrantType) -> bool {
        self.grant_types.contains(grant_type.as_str())
    }

    /// The registered redirect URI, if it is the only one.
    pub fn only_redirect_uri(&self) -> Option<&str> {
        let mut registered = self.redirect_uris.iter();
        registered.next().filter(|_| registered.next().is_none())
    }

    /// The redirect URI that a request means: the asked one when it is registered, the only
    /// registered one when none was asked (RFC 6749 §3.1.2.3). `schemes` are the private-use schemes without a
    /// dot that the operator allows now.
    pub fn redirect_uri(&self, asked: Option<&str>, schemes: &[String]) -> Option<RedirectUri> {
        let asked: RedirectUri = asked.or_else(|| self.only_redirect_uri())?.parse().ok()?;
        // A free port is for native apps, which keep no secret (RFC 8252 §7.3).
        let is_near = |registered: &str| registered.parse().is_ok_and(|uri| redirect_uri::permits(&uri, &asked));
        let is_registered = self.redirect_uris.contains(asked.as_str())
            || (self.is_public() && asked.is_loopback() && self.redirect_uris.iter().any(is_near));
        (is_registered && self.may_be_sent_to(&asked, schemes)).then_some(asked)
    }

    /// Whether an address has a scheme that this client may have by the rules of now, whatever was registered
    /// when they were others.
    pub fn may_be_sent_to(&self, uri: &RedirectUri, schemes: &[String]) -> bool {
        uri.has_scheme_of(schemes) && (self.is_public() || uri.kind() != RedirectKind::PrivateUse)
    }

    /// Where the login redirect may return to.
    pub fn return_urls(&self) -> impl Iterator<Item = LoginReturnUrl> {
        self.login_return_urls.iter().flat_map(str::parse)
    }

    /// How closely a return URL fits what was registered; nothing when it does not belong here.
    pub fn login_return_match(&self, asked: &ReturnUrl) -> Option<MatchKind> {
        self.return_urls().filter_map(|url| url.match_kind(asked, &self.login_varying_parameters)).max()
    }

    /// Whether a page of this origin may swap login codes: one of the return URLs is there.
    pub fn takes_login_codes_at(&self, origin: &url::Url) -> bool {
        self.login_delivery == LoginDelivery::Code && self.return_urls().any(|url| url.is_of_origin(origin))
    }
}

/// The `client_id` of a new application: its key in Crockford's base 32, a name and no secret. Small letters
/// and digits only, none of which looks like another: people read it aloud, and no database or program that
/// folds case takes two for one.
pub fn client_id_of(id: Id<Client>) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut number = id.number().unsigned_abs();
    let mut digits = Vec::new();
    while number > 0 {
        digits.push(char::from(ALPHABET[(number % 32) as usize]));
        number /= 32;
    }
    digits.into_iter().rev().collect()
}
