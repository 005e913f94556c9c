//! Every address that can change something, and what the security log tells of it: exactly that, or
//! nothing, with the reason. A new address without a line here fails.

use std::collections::BTreeSet;

use gatepost::domain::security_log::SecurityEntry;
use gatepost::store::security_log::{self, Asked};
use gatepost::web::routes::ADDRESSES;

use crate::harness::Server;
use crate::harness::mailbox::{Mailbox, spawn_with_mail};

/// What an address does to the log.
enum Tells {
    /// These events, in this order.
    Of(&'static [&'static str]),
    /// None, and why.
    Nothing(&'static str),
}
use Tells::{Nothing, Of};

const READS: &str = "it changes nothing";
const COURSE: &str = "what programs ask for and give back in the course of things";
const OF_NOBODY: &str = "an application that registers itself belongs to nobody here";
const PLATFORM: &str = "an API of the operator's tells of the platform's resources";
const TABLE: &[(&str, &str, Tells)] = &[
    // What is issued is not told; this is what happens when a code comes twice.
    ("POST", "/oauth/token", Of(&["oauth_authorization.theft"])),
    ("POST", "/v3/oauth/token", Of(&["oauth_authorization.theft"])),
    ("POST", "/login/code", Of(&["oauth_authorization.theft"])),
    ("POST", "/oauth/revoke", Nothing(COURSE)),
    ("POST", "/oauth/introspect", Nothing(READS)),
    ("POST", "/oauth/par", Nothing(COURSE)),
    ("POST", "/oauth/device", Nothing(COURSE)),
    ("POST", "/oauth/userinfo", Nothing(READS)),
    ("POST", "/oauth/logout", Of(&["session.end"])),
    ("POST", "/oauth/register", Nothing(OF_NOBODY)),
    ("PUT", "/oauth/register/{client_id}", Nothing(OF_NOBODY)),
    ("DELETE", "/oauth/register/{client_id}", Nothing(OF_NOBODY)),
    ("POST", "/v3/oauth/authorize", Nothing("it leads to the page that does it")),
    ("POST", "/v3/account", Of(&["account.create"])),
    ("DELETE", "/v3/account", Of(&["account.delete"])),
    ("POST", "/v3/account/login", Of(&["program.sign_in"])),
    ("PATCH", "/v3/account/profile", Nothing("what somebody says of themselves opens nothing")),
    ("PUT", "/v3/account/username", Of(&["username.change"])),
    ("POST", "/v3/account/security/password/update", Of(&["password.change"])),
    ("POST", "/v3/account/security/accessToken", Of(&["personal_token.create"])),
    ("DELETE", "/v3/account/security/accessToken/{id}", Of(&["personal_token.revoke"])),
    ("POST", "/v3/account/security/personalAccessToken", Of(&["personal_token.create"])),
    ("DELETE", "/v3/account/security/personalAccessToken/{id}", Of(&["personal_token.revoke"])),
    ("POST", "/v3/account/security/password/reset", Of(&["password.reset_request"])),
    ("POST", "/v3/account/security/password/validate", Of(&["password.reset"])),
    ("POST", "/v3/account/security/email/update", Of(&["email.change_request"])),
    ("POST", "/v3/account/security/email/validate", Of(&["email.change"])),
    ("POST", "/v3/account/security/remoteSession", Nothing("nobody has let it in yet")),
    ("POST", "/v3/account/security/remoteSession/{id}/exercise", Nothing("letting it in was told")),
    ("POST", "/v3/validate", Nothing(READS)),
    ("POST", "/v3/user/invite", Of(&["invitation.create"])),
    ("POST", "/v3/user/{id}/contact", Of(&["message.send"])),
    ("POST", "/spatialstudio/oauth/v1/user/token", Of(&["studio_token.create"])),
    ("DELETE", "/spatialstudio/api/v1/user/token/{id}", Of(&["personal_token.revoke"])),
    ("POST", "/spatialstudio/api/v1/user/filesettoken", Of(&["studio_token.create"])),
    ("POST", "/spatialstudio/api/v1/user/generatortoken/regenerate", Of(&["generator.regenerate"])),
    ("POST", "/credentials/revoke", Of(&["secret.found"])),
    ("PUT", "/management/resources/{id}", Nothing(PLATFORM)),
    ("DELETE", "/management/resources/{id}", Nothing(PLATFORM)),
    ("PUT", "/management/resources/{id}/public", Nothing(PLATFORM)),
    ("DELETE", "/management/resources/{id}/public", Nothing(PLATFORM)),
    ("PUT", "/management/resources/{id}/shares/{user}", Nothing(PLATFORM)),
    ("DELETE", "/management/resources/{id}/shares/{user}", Nothing(PLATFORM)),
    ("POST", "/oauth/authorize", Of(&["oauth_authorization.create"])),
    ("POST", "/login", Of(&["session.create"])),
    ("POST", "/login/", Nothing("it is /login with a slash, where it is told")),
    ("POST", "/logout", Of(&["session.end"])),
    ("POST", "/register", Of(&["account.create", "session.create"])),
    ("POST", "/setup", Of(&["account.create", "session.create"])),
    ("POST", "/reset", Of(&["password.reset_request"])),
    ("POST", "/reset/finish", Of(&["password.reset", "session.create"])),
    ("POST", "/verify", Of(&["email.verify"])),
    ("POST", "/keep", Of(&["account.keep"])),
    ("POST", "/not-me", Of(&["account.disown"])),
    ("POST", "/account/profile", Of(&["username.change"])),
    ("POST", "/account/security/password", Of(&["password.change"])),
    ("POST", "/account/delete", Of(&["account.delete"])),
    ("POST", "/account/not-me", Of(&["account.disown"])),
    ("POST", "/invitation", Of(&["account.create", "session.create"])),
    ("POST", "/device", Of(&["device_code.approve"])),
    ("POST", "/account/sessions/end-others", Of(&["session.end_others"])),
    ("POST", "/account/sessions/{id}/end", Of(&["session.end"])),
    ("POST", "/account/sessions/tokens/{id}/end", Of(&["user_token.end"])),
    ("POST", "/account/confirm", Nothing("it proves who sits there, and changes nothing")),
    ("POST", "/account/security/totp", Of(&["totp.add", "recovery_codes.create"])),
    ("POST", "/account/security/totp/remove", Of(&["totp.remove"])),
    ("POST", "/account/security/recovery-codes", Of(&["recovery_codes.create"])),
    ("POST", "/account/security/recovery-codes/file", Nothing(READS)),
    ("POST", "/account/security/browsers/forget", Of(&["device.forget"])),
    ("POST", "/account/security/passkeys/new", Of(&["passkey.add"])),
    ("POST", "/account/security/passkeys/{id}/rename", Of(&["passkey.rename"])),
    ("POST", "/account/security/passkeys/{id}/remove", Of(&["passkey.remove"])),
    ("POST", "/account/tokens/new", Of(&["personal_token.create"])),
    ("POST", "/account/tokens/revoke-unused", Of(&["personal_token.revoke_many"])),
    ("POST", "/account/tokens/revoke-all", Of(&["personal_token.revoke_many"])),
    ("POST", "/account/tokens/generator/show", Nothing(READS)),
    ("POST", "/account/tokens/generator/regenerate", Of(&["generator.regenerate"])),
    ("POST", "/account/tokens/{id}/revoke", Of(&["personal_token.revoke"])),
    ("POST", "/account/apps/{client_id}/remove", Of(&["oauth_authorization.destroy"])),
    ("POST", "/developer/apps/new", Of(&["client.create"])),
    ("POST", "/developer/apps/{client_id}", Of(&["client.update"])),
    ("POST", "/developer/apps/{client_id}/secrets/new", Of(&["client_secret.create"])),
    ("POST", "/developer/apps/{client_id}/secrets/{id}/end", Of(&["client_secret.end"])),
    ("POST", "/developer/apps/{client_id}/delete", Of(&["client.delete"])),
    ("POST", "/developer/hosts", Of(&["host.prove"])),
    ("POST", "/developer/hosts/{id}/end", Of(&["host.lose"])),
];

#[test]
fn every_address_that_can_change_something_has_a_line() {
    let changing = ADDRESSES.iter().filter(|(method, ..)| !matches!(*method, "GET"));
    let listed: BTreeSet<(&str, &str)> = TABLE.iter().map(|(method, path, _)| (*method, *path)).collect();
    let served: BTreeSet<(&str, &str)> = changing.map(|(method, path, _)| (*method, *path)).collect();
    let missing: Vec<_> = served.difference(&listed).collect();
    let surplus: Vec<_> = listed.difference(&served).collect();
    assert!(missing.is_empty() && surplus.is_empty(), "without a line: {missing:?}; not served: {surplus:?}");
    assert!(TABLE.iter().all(|(.., tells)| !matches!(tells, Of([]) | Nothing(""))));
}

/// A server whose log is watched.
pub struct Witness {
    pub server: Server,
    pub mailbox: Mailbox,
    seen: BTreeSet<(&'static str, &'static str)>,
    last: i64,
}

impl Witness {
    /// Watches a server with one person, who sends letters.
    pub async fn begin() -> Self {
        Self::watch(spawn_with_mail(&[]).await)
    }

    /// Watches this server.
    pub fn watch((server, mailbox): (Server, Mailbox)) -> Self {
        Self { server, mailbox, seen: BTreeSet::new(), last: 0 }
    }

    /// Takes over what another one saw.
    pub fn join(&mut self, mut other: Self) {
        self.seen.append(&mut other.seen);
    }

    /// Demands that every event of the table was seen.
    pub fn has_seen_all(&self) {
        let told = TABLE.iter().filter(|(.., tells)| matches!(tells, Of(_)));
        let unseen: Vec<_> = told.map(|row| (row.0, row.1)).filter(|row| !self.seen.contains(row)).collect();
        assert!(unseen.is_empty(), "no journey shows what these tell: {unseen:?}");
    }

    /// The events since the last look, oldest first.
    pub async fn news(&mut self) -> Vec<&'static str> {
        let all: Vec<SecurityEntry> =
            self.server.read(|db| security_log::list(db, None, &Asked::default(), 1_000)).await;
        let last = std::mem::replace(&mut self.last, all.first().map_or(0, |entry| entry.id.number()));
        let new = all.iter().rev().filter(|entry| entry.id.number() > last);
        new.map(|entry| entry.event.as_str()).collect()
    }

    /// Demands that what was just done is told as the table says.
    pub async fn tells(&mut self, method: &'static str, path: &'static str) {
        let row = TABLE.iter().find(|row| (row.0, row.1) == (method, path)).expect("because it has a line");
        let Of(events) = row.2 else { panic!("{method} {path} tells nothing") };
        assert_eq!(self.news().await, events, "{method} {path}");
        self.seen.insert((method, path));
    }
}
