//! The setting `registration`.

use url::Host;

use super::{ConfigError, Values};
use crate::identity::sign_up::RegistrationPolicy;

/// Reads the setting; the default is `open`.
pub(super) fn read(values: &Values) -> Result<RegistrationPolicy, ConfigError> {
    let domains = match values.get("registration").map_or("open", |text| text.trim()) {
        "open" => return Ok(RegistrationPolicy::Open),
        "closed" => return Ok(RegistrationPolicy::Closed),
        "invite" => return Ok(RegistrationPolicy::Invite),
        domains => domains.split(',').map(|domain| domain.trim().to_owned()).collect::<Vec<_>>(),
    };
    match domains.iter().find(|domain| !is_domain(domain)) {
        Some(wrong) => Err(ConfigError::Value(
            "registration",
            format!("must be open, closed, invite, or e-mail domains such as example.org; '{wrong}' is none of them"),
        )),
        None => Ok(RegistrationPolicy::Domains(domains)),
    }
}

/// Whether the text is a domain of email addresses. A word without a dot is refused as a typing error.
fn is_domain(text: &str) -> bool {
    let is_whole = text.contains('.') && !text.starts_with('.') && !text.ends_with('.') && !text.contains("..");
    let is_of_a_name = |letter: char| letter.is_alphanumeric() || "-.".contains(letter);
    is_whole && text.chars().all(is_of_a_name) && matches!(Host::parse(text), Ok(Host::Domain(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_and_everything_else_is_a_list_of_domains() {
        let with = |text: &str| read(&Values::from([("registration", text.to_owned())]));
        assert!(matches!(read(&Values::new()), Ok(RegistrationPolicy::Open)));
        for (text, policy) in [
            ("open", RegistrationPolicy::Open),
            (" closed ", RegistrationPolicy::Closed),
            ("invite", RegistrationPolicy::Invite),
            (
                "example.org, Maps.example",
                RegistrationPolicy::Domains(vec!["example.org".into(), "Maps.example".into()]),
            ),
            ("bücher.example", RegistrationPolicy::Domains(vec!["bücher.example".into()])),
        ] {
            assert_eq!(with(text).expect("because it is right"), policy, "{text}");
        }
        for text in [
            "", ",", "opne", "close", "Open", "invited", "none", "false", "example.org,", "open,example.org",
            "ann@example.org", "@example.org", "*.example.org", "example", ".example.org", "example.org.", "a..b",
            "127.0.0.1", "exa mple.org", "https://example.org",
        ] {
            assert!(with(text).is_err(), "{text}");
        }
    }
}
