//! Applications: the OAuth clients that people authorize (RFC 6749 §2).

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
        /// It runs on a server and can keep a secret.
        Confidential = "confidential",
        /// It runs on a person's device and cannot keep a secret.
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
    /// Whether only a client that authenticates may use this grant (RFC 6749 §4.4).
    pub fn needs_secret(self) -> bool {
        matches!(self, Self::ClientCredentials | Self::TokenExchange)
    }
}

column::named! {
    /// How the login redirect puts the user token into the return URL.
    LoginDelivery {
        /// The query parameter `token`, the compatible form.
        Query = "query",
        /// The fragment parameter `token`, which browsers do not send to servers.
        Fragment = "fragment",
        /// The fragment parameter `login_code`, which only a page of the app can exchange for a token.
        Code = "code",
    }
}

/// An application (OAuth client) as it is stored.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::clients)]
pub struct Client {
    pub id: Id<Client>,
    /// The public identifier in requests.
    pub client_id: String,
    /// The person who registered it; absent for the client of an API.
    pub owner_id: Option<Id<User>>,
    /// The name that people read at consent.
    pub name: String,
    /// Whether it can keep a secret.
    pub client_type: ClientType,
    /// All scopes that it may request, which are also the default of a request without a scope.
    pub scope: Scope,
    /// The grant types that it may use.
    pub grant_types: SpaceSeparated,
    pub redirect_uris: SpaceSeparated,
    /// The URLs that the login redirect may return to.
    pub login_return_urls: SpaceSeparated,
    /// How the login redirect returns the token.
    pub login_delivery: LoginDelivery,
    /// The lifetime of its login tokens, in seconds; the server's default when absent.
    pub login_token_lifetime: Option<i64>,
    /// Whether an authorization request without a code challenge is refused.
    pub require_pkce: bool,
    /// Whether code challenges with the method `plain` are accepted.
    pub allow_plain_pkce: bool,
    pub is_first_party: bool,
    /// When the operator created or verified it.
    pub verified_at: Option<UnixTime>,
    /// When the operator suspended it.
    pub disabled_at: Option<UnixTime>,
    /// When it was deleted; the row is removed once no other row refers to it.
    pub deleted_at: Option<UnixTime>,
    pub created_at: UnixTime,
    /// The URIs that a browser may return to after a logout (OpenID Connect RP-Initiated Logout §3.1).
    pub post_logout_redirect_uris: SpaceSeparated,
    pub id_token_signed_response_alg: SigningAlgorithm,
    /// Whether its ID tokens contain the claims of the granted scopes, in addition to userinfo.
    pub id_token_claims: bool,
    /// Whether only pushed authorization requests are accepted (RFC 9126 §6).
    pub require_pushed_requests: bool,
    /// The public keys that it authenticates with, as a JSON Web Key Set (RFC 7517 §5).
    pub jwks: Option<String>,
    /// Whether every token request must contain a DPoP proof (RFC 9449 §5.2).
    pub dpop_bound_access_tokens: bool,
    /// The URL where it publishes those keys instead (RFC 7591 §2).
    pub jwks_uri: Option<String>,
    /// The algorithm that signs userinfo for it; plain JSON when absent (OpenID Connect Registration §2).
    pub userinfo_signed_response_alg: Option<SigningAlgorithm>,
    /// Query parameters in which a login return URL may differ from the registered one.
    pub login_varying_parameters: SpaceSeparated,
    /// The algorithm that signs its client assertions (OpenID Connect Registration §2).
    pub token_endpoint_auth_signing_alg: Option<String>,
}

impl Client {
    /// Whether it is neither suspended nor deleted.
    pub fn is_active(&self) -> bool {
        self.disabled_at.is_none() && self.deleted_at.is_none()
    }

    /// Whether the operator vouches for it: the operator created, verified or runs it.
    pub fn is_vouched(&self) -> bool {
        self.verified_at.is_some() || self.is_first_party
    }

    /// Returns the host of its client ID metadata document, when its `client_id` is the URL of one.
    pub fn described_at(&self) -> Option<String> {
        self.client_id.parse::<DocumentUrl>().ok().map(|url| url.host())
    }

    /// Whether it is a public client.
    pub fn is_public(&self) -> bool {
        self.client_type == ClientType::Public
    }

    /// Whether an unauthenticated caller can act as this client or create such a client: it is public, or it registered
    /// itself and the operator did not verify it. Requests of such a client have the limits of unauthenticated callers.
    pub fn is_anybodys(&self) -> bool {
        self.is_public() || (self.owner_id.is_none() && self.verified_at.is_none())
    }

    /// Returns its authentication method (RFC 7591 §2) as a registration response names it.
    pub fn authentication_method(&self) -> &'static str {
        match self.client_type {
            ClientType::Public => "none",
            ClientType::Confidential if self.has_keys() => "private_key_jwt",
            ClientType::Confidential => "client_secret_basic",
        }
    }

    /// Whether it authenticates with a secret that this server issued.
    pub fn has_secret(&self) -> bool {
        !self.is_public() && !self.has_keys()
    }

    /// Whether it authenticates with its own keys, and so needs no secret.
    pub fn has_keys(&self) -> bool {
        self.jwks.is_some() || self.jwks_uri.is_some()
    }

    /// Whether it registered this grant type (RFC 6749 §5.2 `unauthorized_client`).
    pub fn may_use(&self, grant_type: GrantType) -> bool {
        self.grant_types.contains(grant_type.as_str())
    }

    /// Returns the registered redirect URI, if there is exactly one.
    pub fn only_redirect_uri(&self) -> Option<&str> {
        let mut registered = self.redirect_uris.iter();
        registered.next().filter(|_| registered.next().is_none())
    }

    /// Returns the redirect URI of a request: the requested one when it is registered, or the only registered one when
    /// the request contains none (RFC 6749 §3.1.2.3). `schemes` are the private-use schemes without a dot that the
    /// operator allows now.
    pub fn redirect_uri(&self, asked: Option<&str>, schemes: &[String]) -> Option<RedirectUri> {
        let asked: RedirectUri = asked.or_else(|| self.only_redirect_uri())?.parse().ok()?;
        // A loopback redirect URI may have any port. This rule is for native apps, which keep no secret
        // (RFC 8252 §7.3).
        let is_near = |registered: &str| registered.parse().is_ok_and(|uri| redirect_uri::permits(&uri, &asked));
        let is_registered = self.redirect_uris.contains(asked.as_str())
            || (self.is_public() && asked.is_loopback() && self.redirect_uris.iter().any(is_near));
        (is_registered && self.may_be_sent_to(&asked, schemes)).then_some(asked)
    }

    /// Whether this client may use the scheme of a redirect URI by the current rules, even when the URI was registered
    /// under other rules.
    pub fn may_be_sent_to(&self, uri: &RedirectUri, schemes: &[String]) -> bool {
        uri.has_scheme_of(schemes) && (self.is_public() || uri.kind() != RedirectKind::PrivateUse)
    }

    /// Returns the URLs that the login redirect may return to.
    pub fn return_urls(&self) -> impl Iterator<Item = LoginReturnUrl> {
        self.login_return_urls.iter().flat_map(str::parse)
    }

    /// Returns how closely a return URL matches a registered one; `None` when it matches none.
    pub fn login_return_match(&self, asked: &ReturnUrl) -> Option<MatchKind> {
        self.return_urls().filter_map(|url| url.match_kind(asked, &self.login_varying_parameters)).max()
    }

    /// Whether a page of this origin may exchange login codes: a registered return URL has this origin.
    pub fn takes_login_codes_at(&self, origin: &url::Url) -> bool {
        self.login_delivery == LoginDelivery::Code && self.return_urls().any(|url| url.is_of_origin(origin))
    }
}

/// Returns the `client_id` of a new application: its row ID in Crockford's base 32, an identifier and not a secret. It
/// contains only lower-case letters and digits that cannot be confused with each other: people read it aloud, and no
/// database or program that ignores case confuses two of them.
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
