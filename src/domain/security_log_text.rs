//! The text of the security log for people: one plain sentence for each event, and the categories by which people
//! filter events.

use super::column;
use super::security_log::SecurityEvent;

column::named! {
    /// A category of events.
    EventSort {
        /// Browsers and programs that signed in or out.
        SigningIn = "signing-in",
        /// Passwords, second steps, passkeys.
        Password = "password",
        /// The account itself: its name, its email address, its deletion.
        Account = "account",
        /// Tokens that a person creates and holds.
        Tokens = "tokens",
        /// Permissions of applications and devices.
        Applications = "applications",
        /// Changes to a person's own applications.
        Developer = "developer",
    }
}

impl EventSort {
    /// All categories, in the order in which people read them.
    pub const ALL: [Self; 6] =
        [Self::SigningIn, Self::Password, Self::Account, Self::Tokens, Self::Applications, Self::Developer];

    /// Returns the name of the category for people.
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::SigningIn => "Logging in and out",
            Self::Password => "Password and second step",
            Self::Account => "Account and e-mail address",
            Self::Tokens => "Tokens that you made",
            Self::Applications => "Apps and devices",
            Self::Developer => "Your own apps",
        }
    }

    /// Returns the events of this category.
    pub fn events(self) -> Vec<SecurityEvent> {
        let all = SecurityEvent::NAMES.iter().filter_map(|name| name.parse::<SecurityEvent>().ok());
        all.filter(|event| event.sort() == self).collect()
    }
}

impl SecurityEvent {
    /// Returns the category of this event.
    pub const fn sort(self) -> EventSort {
        use SecurityEvent as Event;
        match self {
            Event::SignedIn
            | Event::SessionEnded
            | Event::OtherSessionsEnded
            | Event::ProgramSignedIn
            | Event::UserTokenEnded
            | Event::Throttled
            | Event::DeviceRemembered
            | Event::DevicesForgotten => EventSort::SigningIn,
            Event::PasswordChanged
            | Event::PasswordReset
            | Event::PasswordResetAsked
            | Event::TotpAdded
            | Event::TotpRemoved
            | Event::RecoveryCodesCreated
            | Event::RecoveryCodeUsed
            | Event::PasskeyAdded
            | Event::PasskeyRenamed
            | Event::PasskeyRemoved
            | Event::PasskeySuspected => EventSort::Password,
            Event::AccountCreated
            | Event::AccountDeleted
            | Event::AccountRestored
            | Event::AccountDisabled
            | Event::AccountEnabled
            | Event::RoleChanged
            | Event::UsernameChanged
            | Event::EmailProven
            | Event::EmailChangeAsked
            | Event::EmailChanged
            | Event::Invited
            | Event::MessageSent
            | Event::CompromiseReported => EventSort::Account,
            Event::PersonalTokenCreated
            | Event::StudioTokenCreated
            | Event::PersonalTokenRevoked
            | Event::PersonalTokensRevoked
            | Event::TokenRevoked
            | Event::GeneratorRegenerated
            | Event::SecretFound => EventSort::Tokens,
            Event::ApplicationAllowed | Event::ApplicationRemoved | Event::DeviceAllowed | Event::TokenStolen => {
                EventSort::Applications
            }
            Event::ClientCreated
            | Event::ClientChanged
            | Event::ClientDisabled
            | Event::ClientEnabled
            | Event::ClientDeleted
            | Event::ClientSecretCreated
            | Event::ClientSecretEnded
            | Event::HostProven
            | Event::HostLost => EventSort::Developer,
        }
    }

    /// Returns the event as one sentence without a period; pages show the object of the event beside it.
    pub const fn in_words(self) -> &'static str {
        use SecurityEvent as Event;
        match self {
            Event::AccountCreated => "The account was made",
            Event::AccountDeleted => "The account was deleted",
            Event::AccountRestored => "The account was kept after all",
            Event::AccountDisabled => "The account was disabled",
            Event::AccountEnabled => "The account was enabled again",
            Event::RoleChanged => "What your tokens may do was changed",
            Event::UsernameChanged => "The user name was changed",
            Event::SignedIn => "A browser logged in",
            Event::SessionEnded => "A browser was logged out",
            Event::OtherSessionsEnded => "All other browsers were logged out",
            Event::ProgramSignedIn => "A program logged in",
            Event::UserTokenEnded => "A log-in token was ended",
            Event::Throttled => "Too many wrong tries: logging in was stopped for a while",
            Event::PasswordChanged => "The password was changed",
            Event::PasswordReset => "A new password was set without the old one",
            Event::PasswordResetAsked => "Somebody asked for a link to set a new password",
            Event::EmailProven => "The e-mail address was confirmed",
            Event::EmailChangeAsked => "Another e-mail address was asked for",
            Event::EmailChanged => "The e-mail address was changed",
            Event::TotpAdded => "An authenticator app was set up",
            Event::TotpRemoved => "The authenticator app was removed",
            Event::RecoveryCodesCreated => "New recovery codes were made",
            Event::RecoveryCodeUsed => "A recovery code was used",
            Event::PasskeyAdded => "A passkey was added",
            Event::PasskeyRenamed => "A passkey got another name",
            Event::PasskeyRemoved => "A passkey was removed",
            Event::PasskeySuspected => "A passkey was stopped: it may have been copied",
            Event::DeviceRemembered => "A browser need not show the second step for a while",
            Event::DevicesForgotten => "All browsers have to show the second step again",
            Event::PersonalTokenCreated => "A personal token was made",
            Event::StudioTokenCreated => "A studio token was made",
            Event::PersonalTokenRevoked => "A token was revoked",
            Event::PersonalTokensRevoked => "Tokens were revoked",
            Event::TokenRevoked => "A token was ended",
            Event::GeneratorRegenerated => "The token generator was replaced",
            Event::ApplicationAllowed => "An app was allowed",
            Event::ApplicationRemoved => "An app was removed",
            Event::DeviceAllowed => "A device was logged in",
            Event::TokenStolen => {
                "A code or token of an app was used twice, as a thief would use it: the app was locked out"
            }
            Event::SecretFound => "Somebody reported a secret that they found in the open",
            Event::ClientCreated => "An app of yours was registered",
            Event::ClientChanged => "The settings of your app were changed",
            Event::ClientDisabled => "Your app was suspended",
            Event::ClientEnabled => "Your app was enabled again",
            Event::ClientDeleted => "Your app was deleted",
            Event::ClientSecretCreated => "Your app got a new secret",
            Event::ClientSecretEnded => "A secret of your app was ended",
            Event::HostProven => "You proved that a host is yours",
            Event::HostLost => "A host no longer counts as yours",
            Event::Invited => "You invited somebody",
            Event::MessageSent => "You sent somebody a message",
            Event::CompromiseReported => "You reported a stranger in your account: log-ins, apps and tokens were ended",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_one_sort_and_a_sentence_of_its_own() {
        let of_sorts: Vec<SecurityEvent> = EventSort::ALL.iter().flat_map(|sort| sort.events()).collect();
        assert_eq!(of_sorts.len(), SecurityEvent::NAMES.len());
        let mut sentences: Vec<&str> = of_sorts.iter().map(|event| event.in_words()).collect();
        sentences.sort_unstable();
        sentences.dedup();
        assert_eq!(sentences.len(), of_sorts.len());
        assert!(sentences.iter().all(|sentence| !sentence.ends_with('.')));
    }
}
