//! Every error that a program can get from the protocol's endpoints: its status, its RFC code, a description and advice.
//! The id depends on the public answer alone; `error_uri` is the URL of its page.

use std::borrow::Cow;

macro_rules! problems {
    ($($name:ident = $status:literal, $id:literal, $code:literal, $description:literal, $advice:literal;)+) => {
        /// One public error of the protocol's endpoints.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Problem { $(#[doc = $description] $name),+ }

        impl Problem {
            /// All public errors.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Returns the stable id, which is the last part of `error_uri`.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id),+ }
            }

            /// Returns the error code of the RFC.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// Returns the `error_description`: what is wrong, for a developer.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$name => $description),+ }
            }

            /// What the developer can do about it.
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$name => $advice),+ }
            }

            /// Returns the HTTP status: 400, where RFC 6749 §5.2 says nothing else.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status),+ }
            }
        }
    };
}

impl Problem {
    /// Finds the problem with this id.
    pub fn find(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|problem| problem.id() == id)
    }

    /// Returns the description, with the refused scope for [`Self::InvalidScope`]. An answer contains no other text of a
    /// request.
    pub fn naming(self, scope: Option<&str>) -> Cow<'static, str> {
        match scope.filter(|_| self == Self::InvalidScope) {
            Some(scope) => format!("{}: {scope}", self.description().trim_end_matches('.')).into(),
            None => self.description().into(),
        }
    }
}

problems! {
    // The authorization endpoint (RFC 6749 §4.1.2.1).
    UnknownClient = 400, "unknown-client", "invalid_request",
        "No active application has this client_id.",
        "Copy the client ID from the application's page in the developer console. If the application was deleted or suspended, its links stop working.";
    UnregisteredRedirectUri = 400, "unregistered-redirect-uri", "invalid_request",
        "The redirect_uri is not registered for this application.",
        "Register exactly this address in the developer console, or send one that is registered. Every character counts; only the port of 127.0.0.1, [::1] and localhost may differ.";
    RepeatedParameter = 400, "repeated-parameter", "invalid_request",
        "A parameter was sent more than once.",
        "Send each parameter once (RFC 6749 section 3.1).";
    MalformedRequest = 400, "malformed-request", "invalid_request",
        "The request could not be read.",
        "Send parameters as application/x-www-form-urlencoded in UTF-8, without NUL characters.";
    MissingParameter = 400, "missing-parameter", "invalid_request",
        "A required parameter is missing.",
        "Compare the request with the documentation of this endpoint: an empty parameter counts as missing.";
    UnsupportedResponseType = 400, "unsupported-response-type", "unsupported_response_type",
        "Only response_type=code is supported.",
        "Use the authorization code flow; implicit answers put tokens into addresses and are not offered (RFC 9700 section 2.1.2).";
    UnauthorizedClient = 400, "unauthorized-client", "unauthorized_client",
        "This application is not registered for this grant.",
        "Add the grant type to the application, or use one that it has.";
    InvalidScope = 400, "invalid-scope", "invalid_scope",
        "The scope is malformed, unknown, or more than this application may ask for.",
        "Ask for scopes that are registered for the application. What is asked beside them is ignored, and the scope of the answer tells what was given.";
    InvalidTarget = 400, "invalid-target", "invalid_target",
        "The resource or audience is unknown here, or is not for this token.",
        "Send the identifier of a registered API (the case of its host, a default port and an empty path do not matter), and at the token endpoint only what the authorization request named (RFC 8707); in a token exchange, one API (RFC 8693).";
    InvalidRequestUri = 400, "invalid-request-uri", "invalid_request_uri",
        "The request_uri is unknown, expired, used, or another client's.",
        "Push the request again: a request_uri works for one decision, and a browser must come with it before expires_in is over (RFC 9126).";
    RequestUriPushed = 400, "request-uri-pushed", "invalid_request",
        "A pushed request cannot hold a request_uri.",
        "Push the parameters themselves (RFC 9126 section 2.1).";
    PushedRequestRequired = 400, "pushed-request-required", "invalid_request",
        "This application must push its authorization requests.",
        "Send the parameters to pushed_authorization_request_endpoint, and the browser with client_id and the request_uri that it answers (RFC 9126).";
    ChallengeRequired = 400, "challenge-required", "invalid_request",
        "This application must send a code_challenge (PKCE).",
        "Make a random code_verifier, send its SHA-256 as code_challenge with code_challenge_method=S256 (RFC 7636).";
    InvalidChallenge = 400, "invalid-challenge", "invalid_request",
        "The code_challenge or code_challenge_method is not valid here.",
        "Send code_challenge_method=S256 and a code_challenge of 43 base64url characters without padding.";
    AccessDenied = 400, "access-denied", "access_denied",
        "The user has refused access.",
        "Nothing to mend: the person chose Cancel. Offer to try again.";
    RequestNotSupported = 400, "request-not-supported", "request_not_supported",
        "Request objects are not supported.",
        "Send the parameters themselves.";
    RequestUriNotSupported = 400, "request-uri-not-supported", "request_uri_not_supported",
        "Request objects by reference are not supported.",
        "Send the parameters themselves, or push them first (RFC 9126).";
    RegistrationNotSupported = 400, "registration-not-supported", "registration_not_supported",
        "The registration parameter is not supported.",
        "Register the application in the developer console.";
    NonceTooLong = 400, "nonce-too-long", "invalid_request",
        "The nonce may have at most 1,024 bytes.",
        "Send a random word, or the hash of a longer value.";
    UnsupportedResponseMode = 400, "unsupported-response-mode", "invalid_request",
        "The response_mode is not supported here.",
        "Send query, fragment or form_post, or leave it out. A form cannot be posted to a native app's own scheme.";
    // Requests that need a page when none may be shown (OpenID Connect Core §3.1.2.6), and parameters about pages.
    LoginRequired = 400, "login-required", "login_required",
        "The person has to log in first.",
        "Send the person through the authorization endpoint without prompt=none.";
    ConsentRequired = 400, "consent-required", "consent_required",
        "The person has to be asked first.",
        "Send the person through the authorization endpoint without prompt=none. An address on the person's own device is asked every time.";
    AccountSelectionRequired = 400, "account-selection-required", "account_selection_required",
        "Another person is logged in than login_hint names.",
        "Send the person through the authorization endpoint without prompt=none, so that they can choose the account.";
    InteractionRequired = 400, "interaction-required", "interaction_required",
        "This kind of request gets no code without a page.",
        "Ask with GET as a browser does when a person goes there: HEAD and prefetching get no code.";
    InvalidPrompt = 400, "invalid-prompt", "invalid_request",
        "prompt=none cannot be combined with other values.",
        "Send none alone, or the other values without it (OpenID Connect Core section 3.1.2.1).";
    InvalidMaxAge = 400, "invalid-max-age", "invalid_request",
        "The max_age is not a whole number of seconds.",
        "Send digits only, such as max_age=3600.";
    // The token endpoint (RFC 6749 §5.2).
    InvalidClient = 401, "invalid-client", "invalid_client",
        "Client authentication failed.",
        "Check the client ID and secret. A secret that was rolled ends at the time that was chosen then.";
    TooManyFailures = 429, "too-many-failures", "invalid_client",
        "This client failed to authenticate too often from this network.",
        "Wait for the seconds in the Retry-After header, and check the client ID and secret meanwhile. Other networks are not affected.";
    OldClientKeys = 401, "old-client-keys", "invalid_client",
        "The keys in the client's document were read too long ago.",
        "Send somebody to the authorization endpoint: the document at the client_id is read when a person who is logged in arrives there.";
    TwoAuthentications = 400, "two-authentications", "invalid_request",
        "The client authenticated in two ways at once.",
        "Send the secret once, either in the Authorization header or in the body (RFC 6749 section 2.3).";
    UnsupportedGrantType = 400, "unsupported-grant-type", "unsupported_grant_type",
        "This grant_type is not supported.",
        "Use one of grant_types_supported in the server's metadata.";
    InvalidCode = 400, "invalid-code", "invalid_grant",
        "The authorization code is unknown, expired, used, or was issued for another request.",
        "A code lives 60 seconds, works once, and only for the client, redirect_uri and code_verifier that it began with. Start again at the authorization endpoint.";
    InvalidRefreshToken = 400, "invalid-refresh-token", "invalid_grant",
        "The refresh token is unknown, expired, revoked, or was issued to another client.",
        "Send the person through the authorization endpoint again. An application without a secret must store the new refresh token of every answer.";
    // Devices without a browser (RFC 8628 §3.5).
    AuthorizationPending = 400, "authorization-pending", "authorization_pending",
        "The user has not decided yet.",
        "Ask again after the interval, in seconds, of the device authorization answer.";
    SlowDown = 400, "slow-down", "slow_down",
        "The device asks too often.",
        "Wait five seconds longer between requests, from now on (RFC 8628 section 3.5).";
    DeviceDenied = 400, "device-denied", "access_denied",
        "The user has refused access to this device.",
        "Stop asking. Start again only when the person wants to.";
    ExpiredDeviceCode = 400, "expired-device-code", "expired_token",
        "The device code has expired.",
        "Ask for a new one at the device authorization endpoint, when the person is there.";
    InvalidDeviceCode = 400, "invalid-device-code", "invalid_grant",
        "The device code is unknown, used, or was issued to another client.",
        "A device code works once, and only for the client that asked for it. Start again at the device authorization endpoint.";
    TooManyDevices = 429, "too-many-devices", "temporarily_unavailable",
        "Too many devices of this network wait for their people.",
        "Wait until some are done, ten minutes at most. An application with a secret and an owner has no such limit.";
    TooManyPushed = 429, "too-many-pushed-requests", "temporarily_unavailable",
        "Too many pushed requests of this network wait for a browser.",
        "Wait for the seconds in the Retry-After header. An application with a secret and an owner has no such limit.";
    PushedTooLarge = 413, "pushed-request-too-large", "invalid_request",
        "The pushed request is too large.",
        "A pushed request may have at most 8 KiB once it is encoded. A long state is better kept by the application.";
    TooManySigned = 429, "too-many-signed-requests", "temporarily_unavailable",
        "Too many signed requests came from this network.",
        "Wait for the seconds in the Retry-After header. An application with an owner has no such limit.";
    CalledFromAPage = 403, "called-from-a-page", "invalid_request",
        "A web page may not ask for device codes.",
        "Use the authorization endpoint: the device grant is for devices without a browser (RFC 8628 section 1).";
    // Token exchange (RFC 8693 §2.2.2).
    InvalidSubjectToken = 400, "invalid-subject-token", "invalid_request",
        "The subject_token is unknown, expired, revoked, or of a kind that is not exchanged.",
        "Send a person's own user token or personal token. A token that an application was given stays with that application.";
    UnsupportedTokenType = 400, "unsupported-token-type", "invalid_request",
        "Only urn:ietf:params:oauth:token-type:access_token is exchanged here.",
        "Send it as subject_token_type, and leave requested_token_type out.";
    ActorNotSupported = 400, "actor-not-supported", "invalid_request",
        "Actor tokens are not supported.",
        "Leave actor_token and actor_token_type out: the new token names your client already.";
    // Logging out (OpenID Connect RP-Initiated Logout).
    InvalidHint = 400, "invalid-id-token-hint", "invalid_request",
        "The id_token_hint is no ID token of this server.",
        "Send the last ID token that this server gave for the person, unchanged; it may have expired. Or send client_id instead.";
    ForeignHint = 400, "id-token-hint-of-another-client", "invalid_request",
        "The id_token_hint was issued to another client than client_id names.",
        "Send the client_id of the application that the ID token was issued to, or leave it out.";
    UnregisteredPostLogoutUri = 400, "unregistered-post-logout-redirect-uri", "invalid_request",
        "The post_logout_redirect_uri is not registered for this application.",
        "Register exactly this address as a post-logout redirect URI; every character counts.";
    NothingEnded = 400, "nothing-ended", "invalid_request",
        "No session was ended: the request came without the cookie of one.",
        "A server cannot log a person out by calling this address itself. Send the person's browser here.";
    LogoutWithoutClient = 400, "logout-without-client", "invalid_request",
        "A post_logout_redirect_uri needs an id_token_hint or a client_id beside it.",
        "Send the ID token of the person as id_token_hint, or the application's client_id.";
    // Proof of possession (RFC 9449).
    InvalidDpopProof = 400, "invalid-dpop-proof", "invalid_dpop_proof",
        "The DPoP proof is not valid for this request.",
        "Sign a new proof for every request: typ dpop+jwt, the public key as jwk, jti, htm, htu without query, iat, nonce, and beside an access token ath (RFC 9449 section 4.2).";
    UseDpopNonce = 400, "use-dpop-nonce", "use_dpop_nonce",
        "The DPoP proof needs a nonce of this server.",
        "Send the request again with a new proof whose nonce is the DPoP-Nonce header of this answer (RFC 9449 section 8).";
    DpopRequired = 400, "dpop-required", "invalid_request",
        "This request needs a DPoP proof.",
        "Send a DPoP header: the application, the code or the refresh token is bound to a key (RFC 9449 section 5).";
    InvalidDpopJkt = 400, "invalid-dpop-jkt", "invalid_request",
        "The dpop_jkt is not the thumbprint of a key.",
        "Send the SHA-256 thumbprint of the public key: 43 base64url characters (RFC 7638).";
    TokenBound = 401, "token-bound", "invalid_token",
        "The token and the proof of possession do not belong together.",
        "Send a token that is bound to a key as Authorization: DPoP with a proof of that key, and one that is not as Authorization: Bearer (RFC 9449 section 7.1).";
    // Registration (RFC 7591 §3.2.2).
    RegistrationOff = 403, "registration-off", "access_denied",
        "Applications do not register themselves here: dynamic registration is switched off.",
        "Register the application in the developer console, or ask the operator to set dynamic_registration.";
    InvalidRedirectUri = 400, "invalid-redirect-uri", "invalid_redirect_uri",
        "A redirect_uri is missing or cannot be registered.",
        "Send redirect_uris as a list of whole addresses: https, http only for 127.0.0.1, [::1] and localhost, or a native app's own scheme with a dot. No fragments, no wildcards.";
    InvalidClientMetadata = 400, "invalid-client-metadata", "invalid_client_metadata",
        "A member of the description cannot be taken.",
        "Compare it with RFC 7591 section 2 and with the server's metadata: the authentication method, the grant types and the keys must be ones that it lists.";
    // Client ID metadata documents.
    InvalidClientDocument = 400, "invalid-client-document", "invalid_client_metadata",
        "The document at the client_id does not describe an application that can be let in.",
        "It must be a JSON object with its own address as client_id, a client_name and redirect_uris, and no secret: token_endpoint_auth_method is none or private_key_jwt with jwks or jwks_uri.";
    UnreadableClientDocument = 400, "unreadable-client-document", "invalid_request",
        "The document at the client_id cannot be read.",
        "Serve it at a public https address, directly and without a redirect: status 200, content type application/json, at most 5 KiB, within 5 seconds.";
    // Introspection and revocation.
    NotAnIntrospector = 400, "not-an-introspector", "unauthorized_client",
        "A client without a secret may not introspect tokens.",
        "Introspect from a server that authenticates with a secret (RFC 7662 section 2.1).";
    NotFirstParty = 400, "not-first-party", "unauthorized_client",
        "Only an API that the operator runs may tell of the platform's resources.",
        "Use the credentials that `gatepost api create --first-party` printed.";
    // All endpoints.
    MethodNotAllowed = 405, "method-not-allowed", "invalid_request",
        "This endpoint does not take this method.",
        "Use the method that the Allow header names.";
    UnsupportedMediaType = 415, "unsupported-media-type", "invalid_request",
        "The body has a content type that this endpoint does not read.",
        "Send application/x-www-form-urlencoded.";
    TooLarge = 413, "too-large", "invalid_request",
        "The request is too large.",
        "A body may have at most 64 KiB, and an address 16.";
    NotFound = 404, "not-found", "not_found",
        "There is nothing at this address.",
        "Read the endpoints from the server's metadata.";
    TemporarilyUnavailable = 503, "temporarily-unavailable", "temporarily_unavailable",
        "The server cannot answer right now.",
        "Try again after the seconds in the Retry-After header. Nothing was changed.";
    // Protected resources (RFC 6750 §3.1).
    TokenMissing = 401, "token-missing", "invalid_token",
        "This address needs a token.",
        "Send it as Authorization: Bearer.";
    TokenMalformed = 401, "token-malformed", "invalid_token",
        "The token is malformed.",
        "Copy the whole token: it is one word, and its last characters are a checksum.";
    TokenExpired = 401, "token-expired", "invalid_token",
        "The token has expired.",
        "Refresh it, or send the person to log in again.";
    TokenRevoked = 401, "token-revoked", "invalid_token",
        "The token is revoked or unknown.",
        "Send the person to log in again.";
    TokenConflict = 400, "token-conflict", "invalid_request",
        "Two different tokens were sent.",
        "Send one token, or the same one in both places.";
    InsufficientScope = 403, "insufficient-scope", "insufficient_scope",
        "The token does not have the right for this request.",
        "Ask for a token with the scope that this address needs.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_belongs_to_one_answer_and_descriptions_are_plain() {
        for (position, problem) in Problem::ALL.iter().enumerate() {
            let id = problem.id();
            assert!(Problem::ALL.iter().skip(position + 1).all(|other| other.id() != id), "{id}");
            // RFC 6749 §5.2: %x20-21 / %x23-5B / %x5D-7E.
            let is_plain = |byte| matches!(byte, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            assert!(problem.description().bytes().all(is_plain), "{id}");
            assert!((400..600).contains(&problem.status()), "{id}");
        }
    }
}
