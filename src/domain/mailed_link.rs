//! Links that are mailed, each good for one use: whoever opens it reads the letters of that address.
//! The secret is a random UUID of 122 bits, kept as a digest and never derived from an id.

use diesel::prelude::*;

use super::column;
use super::id::Id;
use super::remote_session::{digest_of_uuid, random_uuid};
use super::secret::Secret;
use super::user::{EmailAddress, User, fold};
use crate::clock::UnixTime;

/// Seconds that "this was not me" works: thirty days (ours). A letter may be read after a journey.
pub const COMPROMISE_REPORT_LIFE: i64 = 30 * 86_400;

column::named! {
    /// What a link is for.
    LinkKind {
        /// Setting a new password without the old one.
        Reset = "reset",
        /// The same, handed over by an operator: it proves no address.
        ResetByOperator = "reset_by_operator",
        /// Proving the address that somebody signed up with.
        ValidateEmail = "validate_email",
        /// Proving the address that is to replace another.
        ChangeEmail = "change_email",
        /// Making an account.
        Invitation = "invitation",
        /// "This was not me."
        CompromiseReport = "not_me",
        /// Keeping an account that is about to be erased.
        RestoreAccount = "keep_account",
    }
}

impl LinkKind {
    /// All that set a new password without the old one.
    pub const RESETS: [Self; 2] = [Self::Reset, Self::ResetByOperator];
}

/// One mailed link.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::mailed_links)]
pub struct MailedLink {
    /// The row. An invitation's is also the key of the person that it makes.
    pub id: Id<MailedLink>,
    /// What it is for.
    pub kind: LinkKind,
    /// Whose account it is about; nobody's for an invitation.
    pub user_id: Option<Id<User>>,
    /// Who invited; nobody when an operator did.
    pub asked_by: Option<Id<User>>,
    /// The address that it was sent to.
    pub email: String,
    /// The address as it is compared.
    pub email_folded: String,
    /// What the presented secret is judged by.
    pub digest: String,
    /// The path of ours where the person was going.
    pub next: Option<String>,
    /// When it was made.
    pub created_at: UnixTime,
    /// When it ends.
    pub expires_at: UnixTime,
    /// When it was used, or lost its meaning.
    pub used_at: Option<UnixTime>,
    /// Its secret, sealed, when it may be mailed again.
    pub sealed: Option<String>,
}

impl MailedLink {
    /// A new link to `email`, with the secret that opens it.
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
            asked_by: None,
            email: email.as_str().to_owned(),
            email_folded: fold(email.as_str()),
            digest: digest_of_uuid(secret.expose()),
            next: None,
            created_at: now,
            expires_at: now.plus(lifetime),
            used_at: None,
            sealed: None,
        };
        (secret, link)
    }

    /// Whether it works at `now`.
    pub fn is_alive(&self, now: UnixTime) -> bool {
        self.used_at.is_none() && now < self.expires_at
    }

    /// The key of the person that an invitation makes: unique like every key of ours.
    pub fn person(&self) -> Id<User> {
        Id::from_number(self.id.number())
    }
}
