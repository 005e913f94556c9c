//! Browser sessions, as the server stores them: which person is signed in with which browser.

use diesel::prelude::*;

use super::id::Id;
use super::space_separated::SpaceSeparated;
use super::token::{SessionKey, TokenDigest};
use super::user::User;
use crate::clock::UnixTime;

/// Seconds after an authentication in which secrets may be shown and tokens created (Gatepost's own choice).
const RECENT: i64 = 900;

/// Whether an authentication at that time is recent enough for sensitive actions.
pub fn is_recent(now: UnixTime, authenticated_at: UnixTime) -> bool {
    now.since(authenticated_at) <= RECENT
}

/// The maximum length of a stored `User-Agent` header, in characters.
const MAX_USER_AGENT: usize = 300;

/// The origin of a request, described so that the person may recognize it later.
#[derive(Clone, Debug)]
pub struct Origin {
    pub address: String,
    /// The `User-Agent` header of the browser.
    pub user_agent: String,
}

impl Origin {
    /// Returns the `User-Agent` header, shortened for storage.
    pub fn kept_user_agent(&self) -> String {
        self.user_agent.chars().filter(|character| !character.is_control()).take(MAX_USER_AGENT).collect()
    }
}

/// A browser session as it is stored.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::sessions, treat_none_as_default_value = false)]
pub struct Session {
    /// The row ID, which is part of the cookie.
    pub id: Id<Session>,
    /// The digest that a presented session key is compared with.
    pub digest: TokenDigest<SessionKey>,
    /// The person who is signed in.
    pub user_id: Id<User>,
    /// When the person signed in.
    pub created_at: UnixTime,
    /// When the person last authenticated.
    pub authenticated_at: UnixTime,
    /// When the session was last used, to the minute.
    pub last_seen_at: UnixTime,
    /// When the maximum lifetime of the session ends.
    pub expires_at: UnixTime,
    pub ended_at: Option<UnixTime>,
    /// The network address of the sign-in.
    pub address: String,
    /// The `User-Agent` header of the browser.
    pub user_agent: String,
    /// The authentication methods of the sign-in (`amr`, RFC 8176 §2).
    pub methods: SpaceSeparated,
    /// Whether the person has a second factor and did not show it in this session: then sensitive actions are refused.
    pub second_factor_pending: bool,
}

impl Session {
    /// Whether the session is active at `now`; `idle` is the maximum time without use, in seconds.
    pub fn is_alive(&self, now: UnixTime, idle: i64) -> bool {
        self.ended_at.is_none() && now < self.expires_at && now.since(self.last_seen_at) < idle
    }

    /// Whether the person authenticated in the last 15 minutes, with all of their factors.
    pub fn has_recent_authentication(&self, now: UnixTime) -> bool {
        is_recent(now, self.authenticated_at) && !self.second_factor_pending
    }

    /// Whether a second factor was shown in this session.
    pub fn has_shown_factor(&self) -> bool {
        self.methods.contains("mfa")
    }
}

/// Returns a `User-Agent` header in words for people: `Firefox on Linux`.
pub fn browser_in_words(user_agent: &str) -> String {
    let find = |names: &[(&str, &'static str)]| {
        names.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    // The order matters: Chrome also names Safari, and Edge and Opera also name Chrome.
    let browser = find(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chromium/", "Chromium"),
        ("Chrome/", "Chrome"),
        ("CriOS/", "Chrome"),
        ("FxiOS/", "Firefox"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
        ("python", "Python"),
    ]);
    let system = find(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("CrOS", "ChromeOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => "An unknown program".to_owned(),
    }
}
