//! The security log: events that concern the safety of a person's account. Entries are only added. Each contains a
//! digest of itself and of the previous entry, which reveals that a row was changed or removed later. The tokens that
//! programs obtain in normal use are not events.

use diesel::prelude::*;

use super::column;
use super::id::Id;
use super::secret::sha256_base64url;
use super::session::Origin;
use super::user::User;
use crate::clock::UnixTime;

/// Seconds that an entry is kept: a year (Gatepost's own choice; at least 90 days are required).
pub const KEPT: i64 = 365 * 86_400;

/// The text of an entry that the operator caused.
pub const BY_OPERATOR: &str = "by the people who run this server";
/// The text of an entry that an emailed link caused.
pub const BY_MAIL: &str = "by a mailed link";

column::named! {
    /// The kind of a security event.
    SecurityEvent {
        AccountCreated = "account.create",
        /// The person requested the deletion of the account.
        AccountDeleted = "account.delete",
        /// The person canceled the deletion.
        AccountRestored = "account.keep",
        AccountDisabled = "account.disable",
        AccountEnabled = "account.enable",
        /// An operator changed the person's role.
        RoleChanged = "account.role",
        UsernameChanged = "username.change",
        /// A browser signed in.
        SignedIn = "session.create",
        /// A browser signed out, or another browser ended its session.
        SessionEnded = "session.end",
        /// All other browsers were signed out.
        OtherSessionsEnded = "session.end_others",
        /// A program signed in with the password, or its remote session was approved.
        ProgramSignedIn = "program.sign_in",
        UserTokenEnded = "user_token.end",
        /// Too many wrong passwords or codes: sign-in from an address is blocked for a while.
        Throttled = "sign_in.throttle",
        /// The password was changed with the previous one.
        PasswordChanged = "password.change",
        /// The password was changed without the previous one: by an emailed link, or by an operator.
        PasswordReset = "password.reset",
        /// An email to set a new password was requested.
        PasswordResetAsked = "password.reset_request",
        /// The email address was verified.
        EmailProven = "email.verify",
        /// A new email address was entered, and is not verified yet.
        EmailChangeAsked = "email.change_request",
        EmailChanged = "email.change",
        /// An authenticator app was set up.
        TotpAdded = "totp.add",
        /// The authenticator app was removed.
        TotpRemoved = "totp.remove",
        /// Ten new recovery codes were created.
        RecoveryCodesCreated = "recovery_codes.create",
        RecoveryCodeUsed = "recovery_codes.use",
        PasskeyAdded = "passkey.add",
        /// The person renamed a passkey.
        PasskeyRenamed = "passkey.rename",
        PasskeyRemoved = "passkey.remove",
        /// A passkey was used with a counter that went backwards: it may have been copied.
        PasskeySuspected = "passkey.suspect",
        /// A browser does not need to show a second factor for a while.
        DeviceRemembered = "device.remember",
        /// All remembered browsers need to show a second factor again.
        DevicesForgotten = "device.forget",
        PersonalTokenCreated = "personal_token.create",
        StudioTokenCreated = "studio_token.create",
        /// A personal or studio token was revoked.
        PersonalTokenRevoked = "personal_token.revoke",
        /// Several personal or studio tokens were revoked at once.
        PersonalTokensRevoked = "personal_token.revoke_many",
        /// An operator revoked a token of any kind.
        TokenRevoked = "token.revoke",
        /// The access generator was replaced by a new one.
        GeneratorRegenerated = "generator.regenerate",
        /// The person allowed an application.
        ApplicationAllowed = "oauth_authorization.create",
        /// The person removed an application.
        ApplicationRemoved = "oauth_authorization.destroy",
        /// The person allowed a device.
        DeviceAllowed = "device_code.approve",
        /// A code or refresh token was used twice: its grant was revoked.
        TokenStolen = "oauth_authorization.theft",
        /// A token or secret was found in public.
        SecretFound = "secret.found",
        ClientCreated = "client.create",
        /// The settings of an application were changed.
        ClientChanged = "client.update",
        /// An operator suspended an application.
        ClientDisabled = "client.disable",
        /// An operator enabled a suspended application.
        ClientEnabled = "client.enable",
        ClientDeleted = "client.delete",
        /// A new secret of an application was issued.
        ClientSecretCreated = "client_secret.create",
        /// A secret of an application was ended.
        ClientSecretEnded = "client_secret.end",
        /// The person proved that a host is theirs.
        HostProven = "host.prove",
        /// A proof of a host ended: the person gave it up, or another account proved the host.
        HostLost = "host.lose",
        /// The person invited another one.
        Invited = "invitation.create",
        /// The person wrote to another person.
        MessageSent = "message.send",
        /// The link "This was not me" was used: all access to the account was ended.
        CompromiseReported = "account.disown",
    }
}

/// An entry of the security log.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::security_log, treat_none_as_default_value = false)]
pub struct SecurityEntry {
    pub id: Id<SecurityEntry>,
    /// The person whose account it is about.
    pub user_id: Id<User>,
    pub event: SecurityEvent,
    /// The object of the event: the name of an application or token, or an address. Empty when there is none.
    pub subject: String,
    /// The network address of the request; empty when no request caused the event.
    pub address: String,
    /// The `User-Agent` header of the browser or program.
    pub user_agent: String,
    pub occurred_at: UnixTime,
    /// The digest of this entry and the previous one.
    pub chain_digest: String,
}

impl SecurityEntry {
    /// Creates the entry after `before`, of the same person. Its ID is higher, even when a node whose clock is behind
    /// writes it, or the clock was set back.
    pub fn new(
        now: UnixTime,
        user_id: Id<User>,
        (event, subject): (SecurityEvent, &str),
        origin: Option<&Origin>,
        before: Option<&SecurityEntry>,
    ) -> Self {
        let (address, user_agent) =
            origin.map(|origin| (origin.address.clone(), origin.kept_user_agent())).unwrap_or_default();
        let subject = subject.chars().filter(|character| !character.is_control()).take(300).collect();
        let id = before.map_or_else(|| Id::next(now), |before| Id::next_after(now, before.id));
        let entry =
            Self { id, user_id, event, subject, address, user_agent, occurred_at: now, chain_digest: String::new() };
        Self { chain_digest: entry.chain_digest_after(before.map_or("", |before| &before.chain_digest)), ..entry }
    }

    /// Returns the digest of this entry and of the link of the previous one.
    pub fn chain_digest_after(&self, before: &str) -> String {
        let numbers = format!("{} {} {}", self.id.number(), self.user_id.number(), self.occurred_at.seconds());
        let parts = [before, &numbers, self.event.as_str(), &self.subject, &self.address, &self.user_agent];
        // No part contains a NUL, so two different entries never give the same text.
        sha256_base64url(parts.join("\0").as_bytes())
    }
}

/// Checks the logs of all people, person by person and oldest entry first, and finds entries that do not fit.
///
/// For an account younger than a year, the oldest entry must be the first one of all. For an older account, the first
/// entries may have been deleted because of their age. Then the link of the oldest remaining entry cannot be checked: a
/// change of that entry, or a removal of older ones, is not detected. Also not detected are a removal of the newest
/// entries, and a complete new chain that a person with write access to the table created.
#[derive(Debug, Default)]
pub struct Walk {
    pub entries: u64,
    /// How many people the entries belong to.
    pub people: u64,
    last: Option<(Id<User>, String)>,
}

impl Walk {
    /// Reads the next entry, of an account that was created at `made_at`. Returns `false` when it does not fit.
    pub fn read(&mut self, now: UnixTime, entry: &SecurityEntry, made_at: UnixTime) -> bool {
        self.entries += 1;
        let before = self.last.take().filter(|(person, _)| *person == entry.user_id).map(|(_, link)| link);
        self.people += u64::from(before.is_none());
        // The link as it is stored, so that one changed entry is reported once.
        self.last = Some((entry.user_id, entry.chain_digest.clone()));
        match before {
            Some(before) => entry.chain_digest_after(&before) == entry.chain_digest,
            None if now.since(made_at) < KEPT => entry.chain_digest_after("") == entry.chain_digest,
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
        assert_eq!(second.chain_digest_after(&first.chain_digest), second.chain_digest);
        assert_ne!(second.chain_digest_after(""), second.chain_digest, "one before it is missing");
        let changed = SecurityEntry { subject: "Mop".to_owned(), ..second.clone() };
        assert_ne!(changed.chain_digest_after(&first.chain_digest), second.chain_digest);
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
