//! What a person shows besides the password: the records behind it, and what a typed code is.

use aws_lc_rs::rand;
use diesel::prelude::*;

use super::id::Id;
use super::secret::Secret;
use super::token::{RememberedBrowser, SignInStep, TokenDigest};
use super::user::{User, fold};
use super::words::Words;
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
/// The longest text that is looked at as a code, in characters.
const MAX_TYPED: usize = 64;
/// Digits of an app's code, and of a mailed one.
const SHORT: usize = 6;
/// Digits of a recovery code: digits alone, so that the keys of a phone can type them.
const LONG: usize = 12;

/// The settings `second_factor.*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
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
    pub methods: Words,
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
}

/// What somebody typed where a code is asked for.
#[derive(Clone, Debug)]
pub enum TypedCode {
    /// An app's, or a mailed one.
    Short(Secret),
    /// A recovery code.
    Recovery(Secret),
}

impl TypedCode {
    /// Reads it as people write it: with spaces and dashes, in digits of any width. Nothing when it can
    /// be no code.
    pub fn parse(text: &str) -> Option<Self> {
        if text.chars().count() > MAX_TYPED {
            return None;
        }
        let is_between = |letter: &char| letter.is_whitespace() || "-‐‑‒–—−".contains(*letter);
        let digits: String = fold(text).chars().filter(|letter| !is_between(letter)).collect();
        match digits.len() {
            _ if !digits.bytes().all(|digit| digit.is_ascii_digit()) => None,
            SHORT => Some(Self::Short(Secret::new(digits))),
            LONG => Some(Self::Recovery(Secret::new(digits))),
            _ => None,
        }
    }
}

/// Ten new recovery codes, as a person writes them down.
pub fn new_recovery_codes() -> Vec<Secret> {
    let in_groups = |code: String| Secret::new(format!("{} {} {}", &code[..4], &code[4..8], &code[8..]));
    (0..RECOVERY_CODES).map(|_| in_groups(random_digits(LONG))).collect()
}

/// A new code for a letter.
pub fn new_mailed_code() -> Secret {
    Secret::new(random_digits(SHORT))
}

/// Random digits, each as likely as the other.
fn random_digits(count: usize) -> String {
    let mut digits = String::new();
    while digits.len() < count {
        let mut byte = [0];
        rand::fill(&mut byte).expect("because the operating system's randomness is always available");
        if byte[0] < 250 {
            digits.push(char::from(b'0' + byte[0] % 10));
        }
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(bool, String)> {
        TypedCode::parse(text).map(|code| match code {
            TypedCode::Short(code) => (true, code.expose().to_owned()),
            TypedCode::Recovery(code) => (false, code.expose().to_owned()),
        })
    }

    #[test]
    fn codes_are_read_as_people_write_and_paste_them() {
        for text in ["123456", " 123 456 ", "123-456", "１２３４５６", "12\u{a0}34\u{2013}56", "\t123456\n"] {
            assert_eq!(read(text), Some((true, "123456".to_owned())), "{text}");
        }
        for text in ["1234 5678 9012", "123456789012", "1234-5678-9012"] {
            assert_eq!(read(text), Some((false, "123456789012".to_owned())), "{text}");
        }
        let long = "1".repeat(65);
        for text in ["", " ", "12345", "1234567", "12345a", "１２３４５", "٠٠٠٠٠٠", "-", "null", &long] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn recovery_codes_are_ten_and_differ() {
        let codes: std::collections::BTreeSet<String> =
            new_recovery_codes().iter().map(|code| code.expose().to_owned()).collect();
        assert_eq!(codes.len(), RECOVERY_CODES);
        assert!(codes.iter().all(|code| matches!(TypedCode::parse(code), Some(TypedCode::Recovery(_)))), "{codes:?}");
        assert!(matches!(TypedCode::parse(new_mailed_code().expose()), Some(TypedCode::Short(_))));
    }
}
