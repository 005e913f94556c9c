//! Describes the changes of an application, for its owner's security log and email.

use crate::domain::client::Client;
use crate::domain::registration::Registration;
use crate::domain::space_separated::SpaceSeparated;

/// The most characters of a name or an address in a description.
const MOST_CHARACTERS: usize = 120;

/// One change of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// A sentence for the log: the old value and the new one.
    pub in_words: String,
    /// Whether the email contains it too: a name that somebody chose could read like a sentence of this server.
    pub is_for_emails: bool,
}

impl Change {
    fn described(in_words: String) -> Self {
        Self { in_words, is_for_emails: true }
    }
}

/// Lists the changes of an application's name, addresses, keys and login delivery.
pub fn list(old: &Client, new: &Registration) -> Vec<Change> {
    let mut changes = Vec::new();
    if old.name != new.name {
        let in_words = format!("the name \"{}\" is now \"{}\"", clipped(&old.name), clipped(&new.name));
        changes.push(Change { in_words, is_for_emails: false });
    }
    for (what, old, new) in [
        ("redirect URI", &old.redirect_uris, &new.redirect_uris),
        ("login return URL", &old.login_return_urls, &new.login_return_urls),
        ("log-out address", &old.post_logout_redirect_uris, &new.post_logout_redirect_uris),
        ("parameter that varies", &old.login_varying_parameters, &new.login_varying_parameters),
    ] {
        changes.extend(of_list(what, old, new));
    }
    if old.jwks_uri != new.jwks_uri {
        let (before, after) = (old.jwks_uri.as_deref(), new.jwks_uri.as_deref());
        changes.extend(became("address of the public keys", before, after));
    }
    if old.jwks != new.jwks {
        let keys = if new.jwks.is_some() { "the public keys are others now" } else { "the public keys were removed" };
        changes.push(Change::described(keys.to_owned()));
    }
    if old.token_endpoint_auth_signing_alg != new.token_endpoint_auth_signing_alg {
        let (before, after) = (&old.token_endpoint_auth_signing_alg, &new.token_endpoint_auth_signing_alg);
        changes.extend(became("algorithm of its signatures", before.as_deref(), after.as_deref()));
    }
    if old.login_delivery != new.login_delivery {
        let (before, after) = (old.login_delivery.as_str(), new.login_delivery.as_str());
        changes.push(Change::described(format!("the login token came by {before} and comes by {after} now")));
    }
    changes
}

/// Returns the sentences of those changes that the email contains.
pub fn for_emails(changes: &[Change]) -> Vec<String> {
    changes.iter().filter(|change| change.is_for_emails).map(|change| change.in_words.clone()).collect()
}

/// Pairs the removed entries with the added ones.
fn of_list(what: &str, old: &SpaceSeparated, new: &SpaceSeparated) -> Vec<Change> {
    let gone: Vec<&str> = old.iter().filter(|entry| !new.contains(entry)).collect();
    let come: Vec<&str> = new.iter().filter(|entry| !old.contains(entry)).collect();
    let pairs = 0..gone.len().max(come.len());
    pairs.filter_map(|at| became(what, gone.get(at).copied(), come.get(at).copied())).collect()
}

fn became(what: &str, old: Option<&str>, new: Option<&str>) -> Option<Change> {
    let in_words = match (old, new) {
        (Some(old), Some(new)) => format!("{what} {} is now {}", clipped(old), clipped(new)),
        (Some(old), None) => format!("{what} {} was removed", clipped(old)),
        (None, Some(new)) => format!("{what} {} was added", clipped(new)),
        (None, None) => return None,
    };
    Some(Change::described(in_words))
}

/// Returns the beginning of a text, which contains the host of an address.
fn clipped(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(entries: &[&str]) -> SpaceSeparated {
        entries.iter().collect()
    }

    #[test]
    fn a_list_tells_what_became_what_and_what_came_and_went() {
        let changes_of = |old: &[&str], new: &[&str]| -> Vec<String> {
            of_list("redirect URI", &words(old), &words(new)).into_iter().map(|change| change.in_words).collect()
        };
        assert!(
            changes_of(&["https://a", "https://b"], &["https://b", "https://a"]).is_empty(),
            "the order says nothing"
        );
        assert_eq!(changes_of(&["https://a"], &["https://b"]), ["redirect URI https://a is now https://b"]);
        assert_eq!(
            changes_of(&["https://a"], &["https://b", "https://c"]),
            ["redirect URI https://a is now https://b", "redirect URI https://c was added"]
        );
        assert_eq!(changes_of(&["https://a", "https://b"], &["https://b"]), ["redirect URI https://a was removed"]);
    }

    #[test]
    fn a_long_address_is_cut_behind_its_host() {
        let long = format!("https://a.example/{}", "é".repeat(500));
        let changes_of = clipped(&long);
        assert!(changes_of.starts_with("https://a.example/é") && changes_of.ends_with('…'), "{changes_of}");
        assert_eq!(changes_of.chars().count(), MOST_CHARACTERS + 1);
    }
}
