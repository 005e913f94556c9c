//! The start time of an authorization request, sealed into our own URL of it: a sign-in at or after that time
//! satisfies `prompt=login` and `max_age`, so that the person is not asked in a loop and no sign-in is skipped
//! (ours).
//!
//! The seal covers the whole query, so it cannot be copied to another request.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use subtle::ConstantTimeEq;

use crate::clock::UnixTime;
use crate::domain::base_key::BaseKey;
use crate::domain::id::Id;
use crate::domain::secret::sha256_base64url;
use crate::domain::session::Session;
use crate::tokens::TokenSettings;

/// Seconds after which a start time is no longer accepted: an old URL must not replace a sign-in that the
/// application wants to be new.
pub const LONGEST: i64 = 3_600;

/// The query parameter that carries the seal; always the last one.
const NAME: &str = "began";

/// The characters that browsers and our own redirects percent-encode, besides those outside ASCII: the seal covers
/// the query in the form in which it comes back.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'\'').add(b'<').add(b'>').add(b'\\');

/// The moment at which a request began, and the session that the browser had then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestStart {
    pub at: UnixTime,
    session: i64,
}

impl RequestStart {
    /// Creates the start of a request that begins now.
    pub fn new(now: UnixTime, session: Option<Id<Session>>) -> Self {
        Self { at: now, session: session.map_or(0, Id::number) }
    }

    /// Whether the person signed in at or after this time. A sign-in in the same second counts as later only in
    /// another session.
    pub fn is_before_sign_in_of(&self, session: &Session) -> bool {
        session.authenticated_at > self.at
            || (session.authenticated_at == self.at && session.id.number() != self.session)
    }

    /// Returns the query with this start time sealed into it.
    pub fn seal(&self, token_settings: &TokenSettings, query: &str) -> String {
        let key = token_settings.keys.newest();
        let (number, mac) = (key.number(), self.mac(key, query));
        format!("{query}&{NAME}={}.{}.{number}.{mac}", self.at.seconds(), self.session)
    }

    /// Splits a sealed query into the query and the start time. A seal that this server did not make, or that is
    /// older than an hour, counts as absent.
    pub fn split(now: UnixTime, token_settings: &TokenSettings, sealed: &str) -> (String, Option<Self>) {
        let is_other = |pair: &&str| pair.split('=').next() != Some(NAME);
        let query = sealed.split('&').filter(is_other).collect::<Vec<_>>().join("&");
        let text = sealed.split('&').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == NAME);
        let request_start = text.and_then(|(_, text)| Self::open(token_settings, &query, text));
        let request_start = request_start.filter(|request_start| now.since(request_start.at) <= LONGEST);
        (query, request_start)
    }

    fn open(token_settings: &TokenSettings, query: &str, text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, '.');
        let (at, session): (i64, i64) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let (number, presented) = (parts.next()?.parse().ok()?, parts.next()?);
        let request_start = Self { at: UnixTime::from_seconds(at), session };
        let mac = request_start.mac(token_settings.keys.find(number)?, query);
        bool::from(mac.as_bytes().ct_eq(presented.as_bytes())).then_some(request_start)
    }

    fn mac(&self, key: &BaseKey, query: &str) -> String {
        let digest = sha256_base64url(utf8_percent_encode(query, ENCODED).to_string().as_bytes());
        let (at, session) = (self.at.seconds().to_be_bytes(), self.session.to_be_bytes());
        let context: [&[u8]; 3] = [&at, &session, digest.as_bytes()];
        URL_SAFE_NO_PAD.encode(key.derive::<32>("authorization-began", &context))
    }
}
