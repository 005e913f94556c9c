//! The sample app's sessions, one for each browser. Tokens stay on the app's server; the browser holds a
//! random session key only.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::client::Answer;
use crate::clock::UnixTime;

/// The maximum number of sessions; the oldest is removed first.
const MOST_SESSIONS: usize = 200;
/// The maximum number of pending log-ins in one browser, one for each tab.
const MOST_BEGUN: usize = 20;
/// The maximum number of calls that the page shows.
const MOST_TRIES: usize = 6;
/// The maximum number of characters that the page shows of one response.
const MOST_SHOWN: usize = 4_000;
/// The members of a response that are secrets.
const SECRETS: [&str; 2] = ["access_token", "refresh_token"];

/// Returns a random value of 256 bits. It is used as `state`, as `code_verifier` (RFC 7636 §4.1) and as
/// session key.
///
/// # Panics
/// When the operating system returns no randomness, because the app cannot continue safely.
pub fn unguessable() -> String {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).expect("because the operating system's randomness is always available");
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The method of a log-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// The authorization code, with the verifier that redeems it.
    Code {
        /// The verifier that the code challenge was computed from (RFC 7636 §4.2).
        code_verifier: String,
    },
    Redirect,
}

impl Way {
    /// Returns the name of the method for people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Code { .. } => "OAuth 2.0, authorization code",
            Self::Redirect => "Login redirect",
        }
    }
}

/// A person who is logged in, and the tokens that the app holds for them.
#[derive(Clone)]
pub struct SignedIn {
    /// The person's user name.
    pub name: String,
    pub way: Way,
    /// The kind of the token, as introspection names it.
    pub token_kind: String,
    /// The access token or user token.
    pub token: String,
    pub refresh_token: Option<String>,
    /// When the token expires.
    pub expires: Option<UnixTime>,
}

/// A call that the app made, for display.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The purpose of the call.
    pub label: &'static str,
    /// The method, the URL and what was sent, with secrets shortened.
    pub request: String,
    /// The status of the response.
    pub status: u16,
    /// The body of the response, with secrets shortened.
    pub body: String,
}

impl Attempt {
    /// Describes a call. `method` and `said` are what was sent.
    pub fn new(label: &'static str, (method, said): (&str, &str), answer: &Answer) -> Self {
        let request = format!("{method} {}\n{said}", answer.url);
        Self { label, request, status: answer.status, body: shown(&answer.body) }
    }
}

/// Returns the beginning of a secret: enough to distinguish two secrets, not enough to use one.
pub fn cut(secret: &str) -> String {
    format!("{}…", secret.chars().take(12).collect::<String>())
}

fn shown(body: &str) -> String {
    let text = match serde_json::from_str::<serde_json::Value>(body) {
        Ok(mut json) => {
            for name in SECRETS {
                if let Some(serde_json::Value::String(secret)) = json.get_mut(name) {
                    *secret = cut(secret);
                }
            }
            format!("{json:#}")
        }
        Err(_not_json) => body.to_owned(),
    };
    text.chars().take(MOST_SHOWN).collect()
}

/// A message that the next page shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The message of an action that succeeded.
    Good(String),
    /// The message of an action that failed.
    Bad(String),
}

/// The session of one browser.
#[derive(Clone, Default)]
pub struct Session {
    begun: VecDeque<(String, Way)>,
    pub signed_in: Option<SignedIn>,
    /// The message that the next page shows.
    pub notice: Option<Notice>,
    /// The latest calls, newest first.
    pub tries: VecDeque<Attempt>,
}

impl Session {
    /// Stores a log-in that begins in this browser.
    pub fn begin(&mut self, state: String, way: Way) {
        self.begun.push_back((state, way));
        while self.begun.len() > MOST_BEGUN {
            self.begun.pop_front();
        }
    }

    /// Removes and returns the pending log-in with this `state`. Each can be finished once (RFC 6749 §10.12).
    pub fn finish(&mut self, state: &str) -> Option<Way> {
        let position = self.begun.iter().position(|(begun, _)| begun == state)?;
        self.begun.remove(position).map(|(_, way)| way)
    }

    /// Adds a call before the others that are shown.
    pub fn show(&mut self, attempt: Attempt) {
        self.tries.push_front(attempt);
        self.tries.truncate(MOST_TRIES);
    }
}

/// All sessions by their keys, oldest first.
#[derive(Default)]
pub struct Sessions(Mutex<VecDeque<(String, Session)>>);

impl Sessions {
    fn all(&self) -> MutexGuard<'_, VecDeque<(String, Session)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the session with this key. An unknown key gets a new session under a random key. Returns the
    /// key of the changed session.
    pub fn update<T>(&self, key: Option<&str>, change: impl FnOnce(&mut Session) -> T) -> (String, T) {
        let mut all = self.all();
        if let Some((known, session)) = all.iter_mut().find(|(known, _)| Some(known.as_str()) == key) {
            return (known.clone(), change(session));
        }
        let (key, mut session) = (unguessable(), Session::default());
        let changed = change(&mut session);
        insert(&mut all, key.clone(), session);
        (key, changed)
    }

    /// Returns a copy of the session with this key.
    pub fn find(&self, key: Option<&str>) -> Option<Session> {
        self.all().iter().find(|(known, _)| Some(known.as_str()) == key).map(|(_, session)| session.clone())
    }

    /// Gives the session a new key, so that a key that was known before the log-in is useless after it.
    pub fn renew(&self, key: &str) -> String {
        let mut all = self.all();
        let position = all.iter().position(|(known, _)| known == key);
        let session = position.and_then(|position| all.remove(position)).map(|(_, session)| session);
        let key = unguessable();
        insert(&mut all, key.clone(), session.unwrap_or_default());
        key
    }
}

fn insert(all: &mut VecDeque<(String, Session)>, key: String, session: Session) {
    all.push_back((key, session));
    while all.len() > MOST_SESSIONS {
        all.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_in_ends_once_and_in_the_browser_that_began_it() {
        let sessions = Sessions::default();
        let (alice, ()) = sessions.update(None, |session| session.begin("state".to_owned(), Way::Redirect));
        let (mallory, ()) = sessions.update(None, |_session| ());
        assert_ne!(alice, mallory);
        let finish = |key: &str| sessions.update(Some(key), |session| session.finish("state")).1;
        assert_eq!(finish(&mallory), None);
        assert_eq!(finish(&alice), Some(Way::Redirect));
        assert_eq!(finish(&alice), None);
    }

    #[test]
    fn a_renewed_session_is_the_same_under_another_key() {
        let sessions = Sessions::default();
        let notice = Some(Notice::Good("kept".to_owned()));
        let (old, ()) = sessions.update(None, |session| session.notice = notice.clone());
        let new = sessions.renew(&old);
        assert!(sessions.find(Some(&old)).is_none());
        assert_eq!(sessions.find(Some(&new)).and_then(|session| session.notice), notice);
    }

    #[test]
    fn an_unknown_key_is_never_taken_over() {
        let sessions = Sessions::default();
        let (key, ()) = sessions.update(Some("planted"), |_session| ());
        assert_ne!(key, "planted");
    }

    #[test]
    fn what_is_remembered_has_an_end() {
        let sessions = Sessions::default();
        let (first, ()) = sessions.update(None, |_session| ());
        for _ in 0..MOST_SESSIONS {
            sessions.update(None, |_session| ());
        }
        assert!(sessions.find(Some(&first)).is_none());
        let mut session = Session::default();
        for number in 0..=MOST_BEGUN {
            session.begin(number.to_string(), Way::Redirect);
        }
        assert_eq!(session.finish("0"), None);
        assert_eq!(session.finish("1"), Some(Way::Redirect));
    }

    #[test]
    fn an_answer_is_shown_without_its_secrets() {
        let body = r#"{"access_token":"gpa_0123456789abcdef","scope":"projects"}"#;
        let answer = Answer { url: "http://127.0.0.1:1/token".to_owned(), status: 200, body: body.to_owned() };
        let attempt = Attempt::new("Swap the code", ("POST", "grant_type=authorization_code"), &answer);
        assert!(attempt.body.contains("gpa_01234567…") && attempt.body.contains("projects"));
        assert!(!attempt.body.contains("abcdef"));
        assert_eq!(shown("<html>"), "<html>");
    }
}
