//! What is counted, how much of it is allowed, and in which time: the settings `rate_limits.*`.

/// The kinds of counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Wrong passwords of one account from one network.
    AccountFromNetwork,
    /// Wrong passwords of one account.
    Account,
    /// Wrong passwords from one network that is new to the accounts that it tries.
    Network,
    /// Wrong user codes (RFC 8628) of one user.
    UserCode,
    /// Wrong user codes (RFC 8628) from one network.
    UserCodeNetwork,
    /// Emails that one network caused.
    Letter,
    /// Emails to reset the password of one account, requested from one network.
    ResetEmail,
    /// Emails to prove one address, requested from one network.
    ProofEmail,
    /// Emails to invite one address, requested from one network.
    InvitationEmail,
    /// Accounts that were created from one network.
    SignUp,
    /// Unauthenticated look-ups from one network.
    LookUp,
    /// Reports of leaked secrets from one network.
    Report,
    /// Clients that registered themselves from one network.
    Registration,
    /// Client ID metadata documents of unknown clients that are fetched for one network.
    Document,
    /// Client ID metadata documents of unknown clients that are fetched from one host.
    DocumentHost,
    /// Files of one host that are fetched for one user, who claims to own the host.
    HostFile,
    /// Client ID metadata documents of known clients that are fetched again for one network.
    KnownDocument,
    /// One client ID metadata document of a known client that is fetched again.
    KnownDocumentUrl,
    /// Failed authentications of one client from one network.
    Client,
    /// Requests with an unknown `client_id` from one network. The names are not counted, since their number is
    /// unlimited.
    UnknownClient,
    /// Signed assertions of clients that an unauthenticated caller can create, from one network: each is
    /// recorded.
    Signed,
}

impl Kind {
    /// Returns the text with which the digests of its counters begin.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::AccountFromNetwork => "account from network",
            Self::Account => "account",
            Self::Network => "network",
            Self::UserCode => "user code",
            Self::UserCodeNetwork => "user code from network",
            Self::Letter => "letter",
            Self::ResetEmail => "reset letter",
            Self::ProofEmail => "proof letter",
            Self::InvitationEmail => "invitation letter",
            Self::SignUp => "sign-up",
            Self::LookUp => "look-up",
            Self::Report => "report",
            Self::Registration => "registration",
            Self::Document => "document",
            Self::DocumentHost => "document at host",
            Self::HostFile => "file of host",
            Self::KnownDocument => "known document",
            Self::KnownDocumentUrl => "known document at",
            Self::Client => "client",
            Self::UnknownClient => "unknown client",
            Self::Signed => "signed",
        }
    }

    /// Whether all nodes count together (ours): attempts to guess a user's secrets, and what costs a hash, an
    /// email or a row in any case. The other kinds protect the node that is called; a flood of those must not
    /// cause writes.
    pub(super) const fn is_shared(self) -> bool {
        match self {
            Self::AccountFromNetwork
            | Self::Account
            | Self::Network
            | Self::UserCode
            | Self::UserCodeNetwork
            | Self::Letter
            | Self::ResetEmail
            | Self::ProofEmail
            | Self::InvitationEmail
            | Self::SignUp => true,
            Self::LookUp
            | Self::Report
            | Self::Registration
            | Self::Document
            | Self::DocumentHost
            | Self::HostFile
            | Self::KnownDocument
            | Self::KnownDocumentUrl
            | Self::Client
            | Self::UnknownClient
            | Self::Signed => false,
        }
    }

    /// Whether it limits rows, emails or fetches from other servers. Such a counter is never evicted by others
    /// before its window ends, and without room for a new one the attempt is refused (ours).
    pub(super) const fn limits_rows_or_fetches(self) -> bool {
        match self {
            Self::Letter
            | Self::ResetEmail
            | Self::ProofEmail
            | Self::InvitationEmail
            | Self::SignUp
            | Self::Registration
            | Self::Document
            | Self::DocumentHost
            | Self::HostFile
            | Self::KnownDocument
            | Self::KnownDocumentUrl
            | Self::Signed => true,
            Self::AccountFromNetwork
            | Self::Account
            | Self::Network
            | Self::UserCode
            | Self::UserCodeNetwork
            | Self::LookUp
            | Self::Report
            | Self::Client
            | Self::UnknownClient => false,
        }
    }
}

/// The settings `rate_limits.*`. All numbers are ours, except the standard's hundred attempts in an hour
/// (`docs/decisions/0004-throttle.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits {
    pub is_enabled: bool,
    /// Seconds after which a count starts again; the count of an account over all networks always takes an
    /// hour.
    pub window: i64,
    /// Wrong passwords that block one account for one network.
    pub account_from_network: i64,
    /// Wrong passwords in an hour that block one account for networks that are new to it.
    pub account: i64,
    /// Wrong passwords, over all accounts, that block one network for accounts that are new to it.
    pub network: i64,
    /// Wrong user codes (RFC 8628) of one user in a window.
    pub user_codes: i64,
    /// Wrong user codes (RFC 8628) of one network in a window, over all users.
    pub user_codes_of_network: i64,
    /// Emails that one network may cause in a window.
    pub letters: i64,
    /// Accounts that may be created from one network in a window: enough for a school class, not for an attack.
    pub sign_ups: i64,
    /// Unauthenticated look-ups, and reports, of one network in a window.
    pub look_ups: i64,
    /// Clients that may register themselves from one network in a window, and documents that are fetched for
    /// it.
    pub registrations: i64,
    /// Failed client authentications that block one client for one network. Some libraries fail once at each
    /// sign-in before they find the right method, hence the higher number.
    pub client_failures: i64,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            is_enabled: true,
            window: 900,
            account_from_network: 10,
            account: 100,
            network: 100,
            user_codes: 10,
            user_codes_of_network: 100,
            letters: 20,
            sign_ups: 30,
            look_ups: 100,
            registrations: 30,
            client_failures: 100,
        }
    }
}

/// The window, in seconds, of an account over all networks (`docs/decisions/0004-throttle.md`).
const HOUR: i64 = 3_600;
/// Emails with a link that one network may request for one email address in a day (ours).
const LINKS: i64 = 10;
/// Seconds in a day.
const DAY: i64 = 86_400;

/// Signed assertions of one network in a window: enough for a server that acts for many users, without a row
/// per packet (ours).
const SIGNED: i64 = 3_000;

impl RateLimits {
    /// Returns how many of a kind are allowed, and in how many seconds.
    pub(super) const fn of(&self, kind: Kind) -> (i64, i64) {
        match kind {
            Kind::AccountFromNetwork => (self.account_from_network, self.window),
            Kind::Account => (self.account, HOUR),
            Kind::Network => (self.network, self.window),
            Kind::UserCode => (self.user_codes, self.window),
            Kind::UserCodeNetwork => (self.user_codes_of_network, self.window),
            Kind::Letter => (self.letters, self.window),
            Kind::ResetEmail | Kind::ProofEmail | Kind::InvitationEmail => (LINKS, DAY),
            Kind::SignUp => (self.sign_ups, self.window),
            Kind::LookUp | Kind::Report => (self.look_ups, self.window),
            Kind::Registration
            | Kind::Document
            | Kind::DocumentHost
            | Kind::HostFile
            | Kind::KnownDocument
            | Kind::KnownDocumentUrl => (self.registrations, self.window),
            Kind::Signed => (SIGNED, self.window),
            Kind::Client | Kind::UnknownClient => (self.client_failures, self.window),
        }
    }
}
