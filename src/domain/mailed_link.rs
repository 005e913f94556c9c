//! Emailed links, each valid for one use: only a reader of that address can open one. The secret is a random UUID with
//! 122 random bits; it is stored as a digest and never derived from an ID.

use diesel::prelude::*;

use super::column;
use super::id::Id;
use super::remote_session::{digest_of_uuid, random_uuid};
use super::secret::Secret;
use super::user::{EmailAddress, User, fold};
use crate::clock::UnixTime;

/// Seconds that the link "This was not me" is valid: thirty days (Gatepost's own choice). The person may read the email
/// after a journey.
pub const COMPROMISE_REPORT_LIFE: i64 = 30 * 86_400;

column::named! {
    /// The purpose of a link.
    LinkKind {
        /// Setting a new password without the old one.
        Reset = "reset",
        /// The same, for a link that an operator delivers: it verifies no address.
        ResetByOperator = "reset_by_operator",
        /// Verifying the address that a person signed up with.
        ValidateEmail = "validate_email",
        /// Verifying the address that is to replace another.
        ChangeEmail = "change_email",
        /// Creating an account.
        Invitation = "invitation",
        /// The link "This was not me".
        CompromiseReport = "compromise_report",
        /// Restoring an account that is about to be erased.
        RestoreAccount = "restore_account",
    }
}

impl LinkKind {
    /// The kinds that set a new password without the old one.
    pub const RESETS: [Self; 2] = [Self::Reset, Self::ResetByOperator];
}

/// An emailed link as it is stored.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::mailed_links)]
pub struct MailedLink {
    /// The row ID. That of an invitation is also the ID of the person that it creates.
    pub id: Id<MailedLink>,
    pub kind: LinkKind,
    /// The person whose account it is about; absent for an invitation.
    pub user_id: Option<Id<User>>,
    /// The person who invited; absent when an operator did.
    pub invited_by: Option<Id<User>>,
    /// The email address that it was sent to.
    pub email: String,
    /// The email address, case-folded for comparison.
    pub email_folded: String,
    /// The digest that a presented secret is compared with.
    pub digest: String,
    /// The path on this server where the person was going.
    pub next: Option<String>,
    pub created_at: UnixTime,
    pub expires_at: UnixTime,
    /// When it was used, or became invalid for another reason.
    pub used_at: Option<UnixTime>,
    /// The secret, encrypted; present when the link may be emailed again.
    pub secret_encrypted: Option<String>,
}

impl MailedLink {
    /// Creates a link for `email`, and returns it with its secret.
    pub fn new(
        now: UnixTime,
        lifetime: i64,
        (kind, user_id): (LinkKind, Option<Id<User>>),
        email: &EmailAddress,
    ) -> (Secret, Self) {
        let secret = random_uuid();
        let link = Self {
            id: Id::next(now),
            kind,
            user_id,
            invited_by: None,
            email: email.as_str().to_owned(),
            email_folded: fold(email.as_str()),
            digest: digest_of_uuid(secret.expose()),
            next: None,
            created_at: now,
            expires_at: now.plus(lifetime),
            used_at: None,
            secret_encrypted: None,
        };
        (secret, link)
    }

    /// Whether it is valid at `now`.
    pub fn is_alive(&self, now: UnixTime) -> bool {
        self.used_at.is_none() && now < self.expires_at
    }

    /// Returns the ID of the person that an invitation creates; like every ID, it is unique.
    pub fn person(&self) -> Id<User> {
        Id::from_number(self.id.number())
    }
}
