//! The state that every handler receives: store, clock, token settings, public URL and shared services.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::HttpRequest;
use url::{Position, Url};

use super::oauth::read_documents::Documents;
use super::oauth::read_keys::ClientKeys;
use super::page::Layout;
use super::published::Published;
use super::readiness::Readiness;
use super::sent_forms::SentForms;
use crate::background_jobs::{BackgroundJobs, NodeLease};
use crate::clock::{Clock, UnixTime};
use crate::config::Config;
use crate::domain::network;
use crate::domain::webauthn::RelyingParty;
use crate::identity::password_hashing::Hasher;
use crate::identity::session::Origin;
use crate::identity::sign_in::SignInContext;
use crate::identity::throttle::Throttle;
use crate::mail::Mail;
use crate::oauth::refusals::Refusals;
use crate::oauth::signing::Signer;
use crate::store::Store;
use crate::tokens::TokenSettings;
use crate::tokens::device_polls::DevicePolls;
use crate::tokens::last_use::LastUse;

/// The state of one running server.
pub struct App {
    pub store: Store,
    pub clock: Clock,
    /// The settings that tokens are issued and validated with.
    pub token_settings: Arc<TokenSettings>,
    /// The last uses of tokens, client secrets and sessions that are not written yet.
    pub last_use: Arc<LastUse>,
    /// How often devices poll (RFC 8628 §3.5).
    pub device_polls: Arc<DevicePolls>,
    /// The email service, which writes to the outbox.
    pub mail: Arc<Mail>,
    pub config: Config,
    /// The public URL of the server.
    pub public: PublicUrl,
    /// The service that hashes and verifies passwords.
    pub hasher: Hasher,
    /// The rate limits and the counts of failures.
    pub throttle: Arc<Throttle>,
    /// The service that signs tokens and verifies their signatures.
    pub signer: Arc<Signer>,
    /// The service that reads client ID metadata documents.
    pub documents: Documents,
    /// The service that reads the published keys of clients (`jwks_uri`).
    pub client_keys: ClientKeys,
    /// The refusals that are recorded for the owners of applications.
    pub refusals: Arc<Refusals>,
    /// The forms that were submitted recently.
    pub sent_forms: SentForms,
    /// The published documents, such as the metadata.
    pub published: Published,
    /// Whether the server accepts requests.
    pub readiness: Readiness,
    /// The lease of the node number, which this server generates row ids with.
    pub node: Arc<NodeLease>,
}

/// The setting `public_url` with its parts. It is never taken from a request header.
#[derive(Clone, Debug)]
pub struct PublicUrl {
    /// The issuer (RFC 8414 §2): the URL without a trailing slash.
    pub issuer: String,
    /// Scheme, host and port, in the form in which browsers write an origin.
    pub origin: String,
    /// The path that all addresses of this server begin with; empty, or with a leading slash.
    pub base: String,
    /// Whether cookies can be `Secure`.
    pub is_https: bool,
    /// The relying party of passkeys; `None` when the host is an IP address (WebAuthn §5.1.2).
    pub relying_party: Option<RelyingParty>,
}

impl PublicUrl {
    /// Splits a URL into its parts.
    pub fn new(url: &Url) -> Self {
        let base = url.path().trim_end_matches('/').to_owned();
        let origin = url.origin().ascii_serialization();
        let named = url.domain().map(str::to_owned);
        let relying_party = named.map(|id| RelyingParty { id, origin: origin.clone() });
        Self { issuer: format!("{origin}{base}"), origin, base, is_https: url.scheme() == "https", relying_party }
    }

    /// Returns a path of this server with the path of the public URL before it.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Returns `next` as browsers resolve it, when it is a path of this server that no browser can read as
    /// another site.
    pub fn own_path(&self, next: &str) -> Option<String> {
        // The path is checked after `..` is resolved (URL Standard), so the returned path contains no such segment.
        let is_below = |path: &str| {
            path.strip_prefix(&self.base).is_some_and(|rest| rest.starts_with('/') && !rest.starts_with("//"))
        };
        let is_odd = |character: char| character.is_control() || character == ' ';
        let path = next.split(['?', '#']).next().unwrap_or_default();
        // Some proxies decode a path before they resolve `..`.
        let has_tricks = ["\\", "%5c", "%2f"].iter().any(|trick| path.to_ascii_lowercase().contains(trick));
        if !is_below(path) || path.starts_with("//") || has_tricks || next.contains(is_odd) {
            return None;
        }
        let joined = Url::parse(&self.origin).and_then(|origin| origin.join(next)).ok()?;
        let is_here = joined.origin().ascii_serialization() == self.origin && is_below(joined.path());
        is_here.then(|| joined[Position::BeforePath..].to_owned())
    }
}

impl App {
    /// Returns the current time.
    pub fn now(&self) -> UnixTime {
        self.clock.now()
    }

    /// Returns the services and settings that a sign-in needs.
    pub fn sign_in_context(&self) -> SignInContext<'_> {
        SignInContext {
            store: &self.store,
            hasher: &self.hasher,
            throttle: &self.throttle,
            mail: &self.mail,
            token_settings: &self.token_settings,
            last_use: &self.last_use,
            lifetimes: self.token_settings.lifetimes,
            factor_policy: self.config.second_factor,
        }
    }

    /// Returns the services that the background jobs work with.
    pub fn background_jobs(&self) -> BackgroundJobs {
        let (store, token_settings, mail) = (self.store.clone(), self.token_settings.clone(), self.mail.clone());
        let (signer, throttle, refusals) = (self.signer.clone(), self.throttle.clone(), self.refusals.clone());
        BackgroundJobs {
            store,
            token_settings,
            last_use: self.last_use.clone(),
            device_polls: self.device_polls.clone(),
            mail,
            signer,
            throttle,
            refusals,
            node: self.node.clone(),
            clock: self.clock.clone(),
        }
    }

    /// Returns the layout of a page without a signed-in person.
    pub fn layout(&self) -> Layout {
        Layout { base: self.public.base.clone(), person: None, notice: None }
    }

    /// Returns the network address and user agent of a request. A forwarded address counts only when the
    /// operator trusts the proxy.
    pub fn origin_of(&self, request: &HttpRequest) -> Origin {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
        let is_trusted = |address: IpAddr| self.config.trusted_proxies.iter().any(|proxy| proxy.contains(address));
        let mut address = peer.map(|peer| peer.to_string()).unwrap_or_default();
        if peer.is_some_and(is_trusted) {
            // From right to left: each proxy appended the address that it received the request from, perhaps
            // in a separate header line. The first untrusted address is the client's.
            let lines = request.headers().get_all("x-forwarded-for").map(|line| line.to_str().unwrap_or("?"));
            let heard = lines.collect::<Vec<_>>().join(",");
            for part in heard.rsplit(',').map(network::reported) {
                let Some(part) = part else { break };
                address = part.to_string();
                if !is_trusted(part) {
                    break;
                }
            }
        }
        Origin { address, user_agent: header("user-agent").to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_is_a_path_of_ours_or_nothing() {
        let public = PublicUrl::new(&Url::parse("https://id.example/gate").expect("because it is an address"));
        assert_eq!(public.issuer, "https://id.example/gate");
        let party = public.relying_party.as_ref().map(|party| (party.id.as_str(), party.origin.as_str()));
        assert_eq!(party, Some(("id.example", "https://id.example")));
        let number = Url::parse("http://127.0.0.1:8080").expect("because it is an address");
        assert_eq!(PublicUrl::new(&number).relying_party, None);
        for (next, leads_to) in [
            ("/gate/account?x=1", "/gate/account?x=1"),
            ("/gate/a/../account#b", "/gate/account#b"),
            ("/gate/../gate/account", "/gate/account"),
            ("/gate/é?x=é'\\", "/gate/%C3%A9?x=%C3%A9%27\\"),
        ] {
            assert_eq!(public.own_path(next).as_deref(), Some(leads_to), "{next}");
        }
        for next in [
            "", "/", "/other", "//evil.test/", "/\\evil.test", "https://evil.test/", "/gate//evil.test", "/gate\\/x",
            "/gate/\n", "/gate", "/gate/../../evil", "/gate/../evil", "/gate/%2e%2E/evil", "/gate/..//evil.test",
            "/gate/../gate//evil.test", "/gate/..", "/gate/.//evil.test", "/gated/x", "/gate/%2e%2e%2Fevil",
            "/gate/..%5Cevil",
        ] {
            assert_eq!(public.own_path(next), None, "{next}");
        }
        let root = PublicUrl::new(&Url::parse("http://localhost:8080").expect("because it is an address"));
        assert_eq!(root.own_path("/account").as_deref(), Some("/account"));
        for next in [
            "//evil.test", "/\\evil.test", "/%5cevil\\", "http:/evil.test", "/\t/evil.test", "/..//evil.test",
            "/x/..//evil.test",
        ] {
            assert_eq!(root.own_path(next), None, "{next}");
        }
    }
}
