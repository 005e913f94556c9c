//! The security log: what happened to a person's account and mattered to its safety. Entries are only
//! added; each carries a digest over itself and the one before, so that a row that was changed or taken
//! out later shows. Tokens that programs get in the course of things are no events.

use diesel::prelude::*;

use super::column;
use super::id::Id;
use super::secret::sha256_base64url;
use super::session::Origin;
use super::user::User;
use crate::clock::UnixTime;

/// Seconds that an entry is kept: a year (ours; at least 90 days are asked for).
pub const KEPT: i64 = 365 * 86_400;

column::named! {
    /// What happened.
    SecurityEvent {
        /// The account was made.
        AccountCreated = "account.create",
        /// Its person asked to delete it.
        AccountDeleted = "account.delete",
        /// They took that back.
        AccountKept = "account.keep",
        /// An operator disabled it.
        AccountDisabled = "account.disable",
        /// An operator enabled it again.
        AccountEnabled = "account.enable",
        /// An operator changed what its tokens may be.
        RoleChanged = "account.role",
        /// Another user name.
        UsernameChanged = "username.change",
        /// A browser signed in.
        SignedIn = "session.create",
        /// A browser signed out, or was signed out from elsewhere.
        SessionEnded = "session.end",
        /// All other browsers were signed out.
        OtherSessionsEnded = "session.end_others",
        /// A program logged in with the password, or was let in by a remote session.
        ProgramSignedIn = "program.sign_in",
        /// A user token was ended.
        UserTokenEnded = "user_token.end",
        /// Wrong passwords or codes closed the account to an address for a while.
        Throttled = "sign_in.throttle",
        /// Another password, with the old one.
        PasswordChanged = "password.change",
        /// Another password, without the old one: by mail, or by an operator.
        PasswordReset = "password.reset",
        /// A letter to set a new password was asked for.
        PasswordResetAsked = "password.reset_request",
        /// The address was proven.
        EmailProven = "email.verify",
        /// A new address waits to be proven.
        EmailChangeAsked = "email.change_request",
        /// Another address.
        EmailChanged = "email.change",
        /// An authenticator app was set up.
        TotpAdded = "totp.add",
        /// It was removed.
        TotpRemoved = "totp.remove",
        /// Ten new recovery codes.
        RecoveryCodesCreated = "recovery_codes.create",
        /// One of them was used.
        RecoveryCodeUsed = "recovery_codes.use",
        /// A passkey was added.
        PasskeyAdded = "passkey.add",
        /// A passkey got another name.
        PasskeyRenamed = "passkey.rename",
        /// A passkey was removed.
        PasskeyRemoved = "passkey.remove",
        /// A passkey came back with a counter that went backwards: perhaps it was copied.
        PasskeySuspected = "passkey.suspect",
        /// A browser need not show a second factor for a while.
        DeviceRemembered = "device.remember",
        /// All remembered browsers have to show it again.
        DevicesForgotten = "device.forget",
        /// A personal token was made.
        PersonalTokenCreated = "personal_token.create",
        /// A studio token was made.
        StudioTokenCreated = "studio_token.create",
        /// A token that its person made was revoked.
        HeldTokenRevoked = "personal_token.revoke",
        /// The access generator was made anew.
        GeneratorRegenerated = "generator.regenerate",
        /// An application was allowed.
        ApplicationAllowed = "oauth_authorization.create",
        /// An application was removed.
        ApplicationRemoved = "oauth_authorization.destroy",
        /// A device was allowed.
        DeviceAllowed = "device_code.approve",
        /// A code or refresh token came twice: what it gave was ended.
        TokenStolen = "oauth_authorization.theft",
        /// A token or secret was found in the open.
        SecretFound = "secret.found",
        /// An application was registered.
        ClientCreated = "client.create",
        /// Its settings were changed.
        ClientChanged = "client.update",
        /// It was deleted.
        ClientDeleted = "client.delete",
        /// It got another secret.
        ClientSecretCreated = "client_secret.create",
        /// A secret of it was ended.
        ClientSecretEnded = "client_secret.end",
        /// Somebody was invited.
        Invited = "invitation.create",
        /// "This was not me": everything was ended.
        Disowned = "account.disown",
    }
}

/// One entry.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::security_log)]
pub struct SecurityEntry {
    /// The row.
    pub id: Id<SecurityEntry>,
    /// Whose account.
    pub user_id: Id<User>,
    /// What happened.
    pub event: SecurityEvent,
    /// To what: an application's name, a token's, an address. Empty when there is nothing to add.
    pub about: String,
    /// The network address that it came from; empty when no request caused it.
    pub address: String,
    /// The browser or program, as it named itself.
    pub user_agent: String,
    /// When.
    pub at: UnixTime,
    /// The digest over this entry and the one before.
    pub link: String,
}

impl SecurityEntry {
    /// An entry that follows one of the same person with the link `before`.
    pub fn new(
        now: UnixTime,
        user_id: Id<User>,
        (event, about): (SecurityEvent, &str),
        origin: Option<&Origin>,
        before: &str,
    ) -> Self {
        let (address, user_agent) =
            origin.map(|origin| (origin.address.clone(), origin.kept_user_agent())).unwrap_or_default();
        let about = about.chars().filter(|character| !character.is_control()).take(300).collect();
        let entry =
            Self { id: Id::next(now), user_id, event, about, address, user_agent, at: now, link: String::new() };
        Self { link: entry.link_after(before), ..entry }
    }

    /// The digest over this entry and the link of the one before it.
    pub fn link_after(&self, before: &str) -> String {
        let numbers = format!("{} {} {}", self.id.number(), self.user_id.number(), self.at.seconds());
        let parts = [before, &numbers, self.event.as_str(), &self.about, &self.address, &self.user_agent];
        // No part holds a NUL, so two entries never read alike.
        sha256_base64url(parts.join("\0").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_was_changed_no_longer_fits_its_link() {
        let (now, person) = (UnixTime::from_seconds(1_800_000_000), Id::from_number(7));
        let first = SecurityEntry::new(now, person, (SecurityEvent::SignedIn, ""), None, "");
        let second = SecurityEntry::new(now, person, (SecurityEvent::ClientCreated, "Map"), None, &first.link);
        assert_eq!(second.link_after(&first.link), second.link);
        assert_ne!(second.link_after(""), second.link, "one before it is missing");
        let changed = SecurityEntry { about: "Mop".to_owned(), ..second.clone() };
        assert_ne!(changed.link_after(&first.link), second.link);
    }
}
