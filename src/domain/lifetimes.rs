//! The lifetimes of codes, tokens, sessions and keys, in seconds.

use serde::{Deserialize, Serialize};

/// The values of the settings `lifetimes.*`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lifetimes {
    pub code: i64,
    /// A pushed authorization request that no browser has used yet.
    pub par: i64,
    pub access: i64,
    /// A refresh token that is not used.
    pub refresh_idle: i64,
    /// A grant with a refresh token, even when it is used.
    pub refresh_max: i64,
    /// A user token, when the request names no lifetime.
    pub user_token: i64,
    /// The maximum lifetime of a user token.
    pub user_token_max: i64,
    /// A device code that waits for a decision of the person.
    pub device: i64,
    /// A remote session that waits for the approval of the person.
    pub remote_session: i64,
    /// An emailed link that resets a password.
    pub reset: i64,
    /// The maximum lifetime of a login-redirect token, which is also the default.
    pub login_redirect_max: i64,
    /// A browser session that is not used.
    pub session_idle: i64,
    /// A browser session, even when it is used.
    pub session_max: i64,
    /// A key that signs tokens, until its successor signs.
    pub signing_key: i64,
    pub id_token: i64,
}

impl Lifetimes {
    /// Returns these lifetimes, with those of tokens limited to the operator's maximum (`tokens.max_lifetime`).
    pub fn with_tokens_within(self, most: Option<i64>) -> Self {
        let Some(most) = most else { return self };
        Self {
            access: self.access.min(most),
            refresh_idle: self.refresh_idle.min(most),
            user_token: self.user_token.min(most),
            user_token_max: self.user_token_max.min(most),
            login_redirect_max: self.login_redirect_max.min(most),
            id_token: self.id_token.min(most),
            ..self
        }
    }

    /// Returns the lifetime of a user token when the request names none: at most the maximum.
    pub fn usual_user_token(&self) -> i64 {
        self.user_token.min(self.user_token_max)
    }
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            code: 60,
            par: 90,
            access: 3_600,
            refresh_idle: 2_592_000,
            refresh_max: 31_536_000,
            user_token: 86_400,
            user_token_max: 5_184_000,
            device: 600,
            remote_session: 600,
            reset: 3_600,
            login_redirect_max: 86_400,
            session_idle: 1_209_600,
            session_max: 7_776_000,
            signing_key: 7_776_000,
            id_token: 3_600,
        }
    }
}
