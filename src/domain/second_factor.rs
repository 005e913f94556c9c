//! Second factors: the records of authenticator apps, recovery codes, sign-in steps and remembered browsers.

use diesel::prelude::*;

use super::id::Id;
use super::one_time_code::new_recovery_code;
use super::secret::Secret;
use super::space_separated::SpaceSeparated;
use super::token::{RememberedBrowser, SignInStep, TokenDigest};
use super::user::User;
use crate::clock::UnixTime;

/// Seconds that a sign-in waits for its second step (Gatepost's own choice).
pub const STEP_LIFE: i64 = 600;
/// The number of wrong codes that ends a sign-in step (Gatepost's own limit).
pub const STEP_FAILURES: i32 = 5;
/// The maximum number of wrong codes of one person in [`WINDOW`] over all sign-in steps (Gatepost's own limit): only a
/// caller with the password can cause them.
pub const MOST_FAILURES: usize = 10;
/// Seconds in which wrong codes are counted.
pub const WINDOW: i64 = 900;
/// Seconds that a browser is remembered: 30 days.
pub const REMEMBERED: i64 = 30 * 86_400;
/// How many recovery codes are created together.
pub const RECOVERY_CODES: usize = 10;

/// The values of the settings `second_factor.*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FactorPolicy {
    /// Whether every person needs a second factor.
    pub is_required: bool,
    /// Whether a person without a second factor gets a code by email.
    pub mails_codes: bool,
}

/// An authenticator app that a person set up.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::totp_factors)]
pub struct TotpFactor {
    pub id: Id<TotpFactor>,
    pub user_id: Id<User>,
    /// The seed, encrypted under its own label and bound to this row.
    pub secret_encrypted: String,
    /// The last time step that was accepted: a code is valid only once (RFC 6238 §5.2).
    pub last_step: i64,
    pub created_at: UnixTime,
    /// When a code was last accepted.
    pub last_used_at: Option<UnixTime>,
}

/// A recovery code as it is stored.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::recovery_codes)]
pub struct RecoveryCodeRecord {
    pub id: Id<RecoveryCodeRecord>,
    pub user_id: Id<User>,
    /// The digest that a typed code is compared with. It is keyed, because all codes of twelve digits could be tried.
    pub digest: String,
    pub created_at: UnixTime,
    pub used_at: Option<UnixTime>,
}

/// A sign-in whose first factor was correct and that waits for the second. It gives no access.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::sign_in_steps)]
pub struct SignInStepRecord {
    pub id: Id<SignInStepRecord>,
    /// The digest that the secret of the page is compared with.
    pub digest: TokenDigest<SignInStep>,
    pub user_id: Id<User>,
    /// The authentication methods so far (`amr`).
    pub methods: SpaceSeparated,
    /// A digest of the password hash at that time: a change of the password ends the step.
    pub password_fingerprint: Option<String>,
    /// The digest that an emailed code is compared with.
    pub emailed_code_digest: Option<String>,
    /// Wrong codes so far.
    pub failures: i32,
    /// When the password was correct.
    pub created_at: UnixTime,
    pub expires_at: UnixTime,
    /// When it was finished, or ended after too many wrong codes.
    pub used_at: Option<UnixTime>,
    /// The network whose counter includes the emailed codes.
    pub network: String,
}

impl SignInStepRecord {
    /// Whether it can still be finished.
    pub fn is_alive(&self, now: UnixTime) -> bool {
        self.used_at.is_none() && now < self.expires_at
    }
}

/// A browser that does not need to show a second factor for a while.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::remembered_browsers)]
pub struct RememberedBrowserRecord {
    pub id: Id<RememberedBrowserRecord>,
    /// The digest that the cookie is compared with.
    pub digest: TokenDigest<RememberedBrowser>,
    pub user_id: Id<User>,
    /// The `User-Agent` header of the browser.
    pub user_agent: String,
    /// The network address at that time.
    pub address: String,
    pub created_at: UnixTime,
    pub expires_at: UnixTime,
}

/// A wrong code that a person entered.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::factor_failures)]
pub struct FactorFailure {
    pub id: Id<FactorFailure>,
    pub user_id: Id<User>,
    pub occurred_at: UnixTime,
    /// The network whose counter includes it.
    pub network: String,
}

/// Generates ten recovery codes, in the form in which a person writes them down.
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
