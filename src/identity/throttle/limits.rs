//! What is counted, how much of it is allowed, and for how long: the settings `rate_limits.*`.

/// What is counted, each per something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Wrong passwords of one account from one network.
    AccountFromNetwork,
    /// Wrong passwords of one account.
    Account,
    /// Wrong passwords from one network that is new to the accounts that it tries.
    Network,
    /// Device codes that one person typed wrong.
    UserCode,
    /// Device codes that were typed wrong in one network.
    UserCodeNetwork,
    /// Letters that one network caused.
    Letter,
    /// Letters that set a new password of one account, asked for from one network.
    ResetEmail,
    /// Letters that prove one address, asked for from one network.
    ProofEmail,
    /// Letters that invite one address, asked for from one network.
    InvitationEmail,
    /// Accounts that were made from one network.
    SignUp,
    /// Anonymous look-ups from one network.
    LookUp,
    /// Reports of leaked tokens from one network.
    Report,
    /// Applications that one network registered.
    Registration,
    /// New clients' documents that are read for one network.
    Document,
    /// New clients' documents that are read at one host.
    DocumentHost,
    /// Files of one host that are read for one person, who says that it is theirs.
    HostFile,
    /// Known clients' documents that are read again for one network.
    KnownDocument,
    /// One known document that is read again.
    KnownDocumentUrl,
    /// Failed authentications of one client from one network.
    Client,
    /// Clients that nobody registered, named from one network. Their names are not counted: there is no end
    /// of names.
    UnknownClient,
    /// Signed statements of clients that anybody can make, from one network: each is remembered.
    Signed,
}

impl Kind {
    /// The name that its counters' digests begin with.
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

    /// Whether all nodes count together (ours): what guesses at a person, or costs a hash, a letter or a
    /// row anyway. The rest protects the node that is asked; a flood of it must not become writes.
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

    /// Whether what it limits makes rows or letters, or reads from other servers. Such a counter is never
    /// pushed out by others before its time, and without room for one the attempt is refused (ours).
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

/// The settings `rate_limits.*`. All numbers but the standard's hundred an hour are ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// Whether anything is counted.
    pub is_enabled: bool,
    /// Seconds after which a count begins anew; an account's over all networks takes an hour.
    pub window: i64,
    /// Wrong passwords that close one account to one network.
    pub account_from_network: i64,
    /// Wrong passwords in an hour that close one account to networks that are new to it.
    pub account: i64,
    /// Wrong passwords, over all accounts, that close new accounts to one network.
    pub network: i64,
    /// Wrong device codes of one person.
    pub user_codes: i64,
    /// Wrong device codes of one network, by however many people.
    pub user_codes_of_network: i64,
    /// Letters that one network may cause.
    pub letters: i64,
    /// Accounts that are made from one network: a class of pupils, not a list of names.
    pub sign_ups: i64,
    /// Anonymous look-ups and reports of one network.
    pub look_ups: i64,
    /// Applications that one network may register, and documents that are read for it.
    pub registrations: i64,
    /// Failed client authentications that close one client to one network. Some libraries fail once at
    /// each log-in before they find the right way, hence more.
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

/// The window of an account over all networks (`docs/decisions/0004-throttle.md`).
const HOUR: i64 = 3_600;
/// Letters with a link that one address gets in a day because one network asked (ours).
const LINKS: i64 = 10;
/// Seconds in a day.
const DAY: i64 = 86_400;

/// Signed statements of one network: a server that acts for many people, and no row per packet (ours).
const SIGNED: i64 = 3_000;

impl RateLimits {
    /// How much of a kind is allowed, and in how many seconds.
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
