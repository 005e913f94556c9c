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

/// What an entry is about when the people who run the server did it.
pub const BY_OPERATOR: &str = "by the people who run this server";
/// What an entry is about when a mailed link did it.
pub const BY_MAIL: &str = "by a mailed link";

column::named! {
    /// What happened.
    SecurityEvent {
        /// The account was made.
        AccountCreated = "account.create",
        /// Its person asked to delete it.
        AccountDeleted = "account.delete",
        /// They took that back.
        AccountRestored = "account.keep",
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
        PersonalTokenRevoked = "personal_token.revoke",
        /// Several of them were revoked at once.
        PersonalTokensRevoked = "personal_token.revoke_many",
        /// An operator ended a token of any kind.
        TokenRevoked = "token.revoke",
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
        /// An operator suspended it.
        ClientDisabled = "client.disable",
        /// An operator enabled it again.
        ClientEnabled = "client.enable",
        /// It was deleted.
        ClientDeleted = "client.delete",
        /// It got another secret.
        ClientSecretCreated = "client_secret.create",
        /// A secret of it was ended.
        ClientSecretEnded = "client_secret.end",
        /// A host was proven to be theirs.
        HostProven = "host.prove",
        /// It is no more: they gave it up, or it changed hands.
        HostLost = "host.lose",
        /// Somebody was invited.
        Invited = "invitation.create",
        /// They wrote to another person.
        MessageSent = "message.send",
        /// "This was not me": everything was ended.
        CompromiseReported = "account.disown",
    }
}

/// One entry.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::security_log, treat_none_as_default_value = false)]
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
    /// An entry that follows the one `before` it, of the same person. Its key is higher even where it is
    /// written by a node whose clock is behind, or after the clock was set back.
    pub fn new(
        now: UnixTime,
        user_id: Id<User>,
        (event, about): (SecurityEvent, &str),
        origin: Option<&Origin>,
        before: Option<&SecurityEntry>,
    ) -> Self {
        let (address, user_agent) =
            origin.map(|origin| (origin.address.clone(), origin.kept_user_agent())).unwrap_or_default();
        let about = about.chars().filter(|character| !character.is_control()).take(300).collect();
        let id = before.map_or_else(|| Id::next(now), |before| Id::next_after(now, before.id));
        let entry = Self { id, user_id, event, about, address, user_agent, at: now, link: String::new() };
        Self { link: entry.link_after(before.map_or("", |before| &before.link)), ..entry }
    }

    /// The digest over this entry and the link of the one before it.
    pub fn link_after(&self, before: &str) -> String {
        let numbers = format!("{} {} {}", self.id.number(), self.user_id.number(), self.at.seconds());
        let parts = [before, &numbers, self.event.as_str(), &self.about, &self.address, &self.user_agent];
        // No part holds a NUL, so two entries never read alike.
        sha256_base64url(parts.join("\0").as_bytes())
    }
}

/// Walks the log of everybody, person by person and oldest entry first, and finds what does not fit.
///
/// Of an account that is younger than a year, the oldest entry must be the first one of all. Of an older
/// account the first ones may have been cleaned away, so the link of the oldest that is left cannot be
/// checked: that one entry could have been changed, and older ones taken out, without it being seen. Nor
/// can it be seen that the newest entries are gone, or that somebody who can write the table wrote a
/// whole chain anew.
#[derive(Debug, Default)]
pub struct Walk {
    /// Entries that were read.
    pub entries: u64,
    /// People whose log was read.
    pub people: u64,
    last: Option<(Id<User>, String)>,
}

impl Walk {
    /// Reads the next entry, of an account that was made at `made_at`. `false` when it does not fit.
    pub fn read(&mut self, now: UnixTime, entry: &SecurityEntry, made_at: UnixTime) -> bool {
        self.entries += 1;
        let before = self.last.take().filter(|(person, _)| *person == entry.user_id).map(|(_, link)| link);
        self.people += u64::from(before.is_none());
        // As it stands, so that one changed entry is not told of twice.
        self.last = Some((entry.user_id, entry.link.clone()));
        match before {
            Some(before) => entry.link_after(&before) == entry.link,
            None if now.since(made_at) < KEPT => entry.link_after("") == entry.link,
            None => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_was_changed_no_longer_fits_its_link() {
        let (now, person) = (UnixTime::from_seconds(1_800_000_000), Id::from_number(7));
        let first = SecurityEntry::new(now, person, (SecurityEvent::SignedIn, ""), None, None);
        let second = SecurityEntry::new(now, person, (SecurityEvent::ClientCreated, "Map"), None, Some(&first));
        assert_eq!(second.link_after(&first.link), second.link);
        assert_ne!(second.link_after(""), second.link, "one before it is missing");
        let changed = SecurityEntry { about: "Mop".to_owned(), ..second.clone() };
        assert_ne!(changed.link_after(&first.link), second.link);
    }

    #[test]
    fn a_walk_finds_what_was_changed_or_taken_out() {
        let (now, person) = (UnixTime::from_seconds(1_800_000_000), Id::from_number(7));
        let mut chain: Vec<SecurityEntry> = Vec::new();
        for _ in 0..4 {
            chain.push(SecurityEntry::new(now, person, (SecurityEvent::SignedIn, ""), None, chain.last()));
        }
        let misfits = |chain: &[SecurityEntry], made_at: UnixTime| {
            let mut walk = Walk::default();
            chain.iter().filter(|entry| !walk.read(now, entry, made_at)).count()
        };
        assert_eq!(misfits(&chain, now), 0);
        assert_eq!(misfits(&chain[1..], now), 1, "the first one of a young account is gone");
        assert_eq!(misfits(&chain[1..], now.plus(-KEPT)), 0, "of an old account it may have been cleaned away");
        assert_eq!(misfits(&[&chain[..1], &chain[2..]].concat(), now), 1);
        let mut changed = chain.clone();
        changed[2].address = "203.0.113.9".to_owned();
        assert_eq!(misfits(&changed, now), 1);
    }

    #[test]
    fn a_key_grows_along_the_chain_even_when_the_clock_goes_back() {
        let (now, person) = (UnixTime::from_seconds(1_800_000_000), Id::from_number(7));
        let first = SecurityEntry::new(now, person, (SecurityEvent::SignedIn, ""), None, None);
        let ahead = SecurityEntry { id: Id::from_number(first.id.number() + (1 << 40)), ..first };
        let next = SecurityEntry::new(now, person, (SecurityEvent::SignedIn, ""), None, Some(&ahead));
        assert!(next.id > ahead.id);
        assert_ne!(next.id.number(), ahead.id.number() + 1, "the node ahead made this one for somebody else's entry");
    }
}
