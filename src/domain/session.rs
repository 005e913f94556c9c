//! Browser sessions: who is signed in where, on the server's side.

use diesel::prelude::*;

use super::id::Id;
use super::space_separated::SpaceSeparated;
use super::token::{SessionKey, TokenDigest};
use super::user::User;
use crate::clock::UnixTime;

/// Seconds after a proof of who somebody is in which secrets may be shown and tokens be made (ours).
const RECENT: i64 = 900;

/// Whether a proof of that moment still counts for what is sensitive.
pub fn is_recent(now: UnixTime, authenticated_at: UnixTime) -> bool {
    now.since(authenticated_at) <= RECENT
}

/// The longest text that is kept of a browser's own name, in characters.
const MAX_USER_AGENT: usize = 300;

/// Where a request comes from, as a person may later recognize it.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The network address.
    pub address: String,
    /// The browser, as it names itself.
    pub user_agent: String,
}

impl Origin {
    /// As much of the browser's own name as is kept.
    pub fn kept_user_agent(&self) -> String {
        self.user_agent.chars().filter(|character| !character.is_control()).take(MAX_USER_AGENT).collect()
    }
}

/// One signed-in browser.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::sessions, treat_none_as_default_value = false)]
pub struct Session {
    /// The row, which the cookie carries.
    pub id: Id<Session>,
    /// What the presented key is judged by.
    pub digest: TokenDigest<SessionKey>,
    /// Who is signed in.
    pub user_id: Id<User>,
    /// When the person signed in.
    pub created_at: UnixTime,
    /// When they last proved that it is them.
    pub authenticated_at: UnixTime,
    /// When the session was last used, to the minute.
    pub last_seen_at: UnixTime,
    /// The end of its longest life.
    pub expires_at: UnixTime,
    /// When it was ended.
    pub ended_at: Option<UnixTime>,
    /// The network address that signed in.
    pub address: String,
    /// The browser, as it named itself.
    pub user_agent: String,
    /// By what it was opened (`amr`, RFC 8176 §2).
    pub methods: SpaceSeparated,
    /// Whether its person has a second factor and did not show it here: nothing sensitive is done then.
    pub owes_factor: bool,
}

impl Session {
    /// Whether it stands at `now`, given the longest pause in seconds.
    pub fn is_alive(&self, now: UnixTime, idle: i64) -> bool {
        self.ended_at.is_none() && now < self.expires_at && now.since(self.last_seen_at) < idle
    }

    /// Whether its person proved who they are in the last 15 minutes, by all that they have.
    pub fn has_recent_authentication(&self, now: UnixTime) -> bool {
        is_recent(now, self.authenticated_at) && !self.owes_factor
    }

    /// Whether a second factor was shown here.
    pub fn has_shown_factor(&self) -> bool {
        self.methods.contains("mfa")
    }
}

/// A browser's own words as a person says them: `Firefox on Linux`.
pub fn browser_in_words(user_agent: &str) -> String {
    let find = |names: &[(&str, &'static str)]| {
        names.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    // The order matters: Chrome calls itself Safari too, Edge and Opera call themselves Chrome.
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
