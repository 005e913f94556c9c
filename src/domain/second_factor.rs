//! What a person shows besides the password: the records behind it.

use diesel::prelude::*;

use super::id::Id;
use super::one_time_code::new_recovery_code;
use super::secret::Secret;
use super::space_separated::SpaceSeparated;
use super::token::{RememberedBrowser, SignInStep, TokenDigest};
use super::user::User;
use crate::clock::UnixTime;

/// Seconds that a sign-in waits for its second step (ours).
pub const STEP_LIFE: i64 = 600;
/// Wrong codes that end one step (ours).
pub const STEP_FAILURES: i32 = 5;
/// Wrong codes of one person in [`WINDOW`] over all steps (ours): only who has the password adds to them.
pub const MOST_FAILURES: usize = 10;
/// Seconds in which wrong codes are counted.
pub const WINDOW: i64 = 900;
/// Seconds that a browser is remembered: 30 days.
pub const REMEMBERED: i64 = 30 * 86_400;
/// Recovery codes of one set.
pub const RECOVERY_CODES: usize = 10;

/// The settings `second_factor.*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FactorPolicy {
    /// Whether everybody needs a second factor.
    pub is_required: bool,
    /// Whether who has none gets a code by mail.
    pub mails_codes: bool,
}

/// An authenticator app that was set up.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::totp_factors)]
pub struct TotpFactor {
    /// The row.
    pub id: Id<TotpFactor>,
    /// Whose.
    pub user_id: Id<User>,
    /// The seed, sealed under a label of its own and bound to this row.
    pub sealed: String,
    /// The last time step that was accepted: no code works twice (RFC 6238 §5.2).
    pub last_step: i64,
    /// When it was set up.
    pub created_at: UnixTime,
    /// When a code of it was last accepted.
    pub last_used_at: Option<UnixTime>,
}

/// One recovery code.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::recovery_codes)]
pub struct RecoveryCodeRecord {
    /// The row.
    pub id: Id<RecoveryCodeRecord>,
    /// Whose.
    pub user_id: Id<User>,
    /// What the typed code is judged by; keyed, since twelve digits could be tried out.
    pub digest: String,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it was used.
    pub used_at: Option<UnixTime>,
}

/// A sign-in whose first proof was right and that waits for the second. It opens nothing.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::sign_in_steps)]
pub struct SignInStepRecord {
    /// The row.
    pub id: Id<SignInStepRecord>,
    /// What the page's key is judged by.
    pub digest: TokenDigest<SignInStep>,
    /// Whose.
    pub user_id: Id<User>,
    /// What was shown already (`amr`).
    pub methods: SpaceSeparated,
    /// A digest of the password's hash then: another password ends the step.
    pub judged: Option<String>,
    /// What a mailed code is judged by.
    pub mailed: Option<String>,
    /// Wrong codes.
    pub failures: i32,
    /// When the password was right.
    pub created_at: UnixTime,
    /// When it ends.
    pub expires_at: UnixTime,
    /// When it was finished, or ended by too many wrong codes.
    pub used_at: Option<UnixTime>,
    /// The network that a mailed code is counted for.
    pub network: String,
}

impl SignInStepRecord {
    /// Whether it can still be finished.
    pub fn is_alive(&self, now: UnixTime) -> bool {
        self.used_at.is_none() && now < self.expires_at
    }
}

/// A browser that need not show a second factor for a while.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::remembered_browsers)]
pub struct RememberedBrowserRecord {
    /// The row.
    pub id: Id<RememberedBrowserRecord>,
    /// What the cookie is judged by.
    pub digest: TokenDigest<RememberedBrowser>,
    /// For whom.
    pub user_id: Id<User>,
    /// The browser, as it named itself.
    pub user_agent: String,
    /// The network address then.
    pub address: String,
    /// Since when.
    pub created_at: UnixTime,
    /// Until when.
    pub expires_at: UnixTime,
}

/// A wrong code.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::factor_failures)]
pub struct FactorFailure {
    /// The row.
    pub id: Id<FactorFailure>,
    /// Whose.
    pub user_id: Id<User>,
    /// When.
    pub at: UnixTime,
    /// The network that it is counted for.
    pub network: String,
}

/// Ten new recovery codes, as a person writes them down.
pub fn new_recovery_codes() -> Vec<Secret> {
    (0..RECOVERY_CODES).map(|_| new_recovery_code()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_codes_are_ten_and_differ() {
        let codes: std::collections::BTreeSet<String> =
            new_recovery_codes().iter().map(|code| code.expose().to_owned()).collect();
        assert_eq!(codes.len(), RECOVERY_CODES);
    }
}
