//! Which APIs a token is for (RFC 8707): registered ones only, compared as strings.

use crate::domain::api::PLATFORM_SCOPE;
use crate::domain::scope::Scope;
use crate::domain::words::Words;
use crate::store::{Database, StoreError, apis};
use crate::tokens::{Mint, audience};

/// The APIs that a request names, for a token of this scope, a person's or a client's own; nothing when
/// one of them is not registered here (§2, `invalid_target`), or when the scope opens nothing there: the
/// name alone lets nobody in. Whatever is no absolute URI is no identifier of an API either. This
/// server's own names mean the platform, where the scope opens it.
///
/// # Errors
/// When the store fails.
pub fn find_registered(
    db: &mut Database,
    mint: &Mint,
    asked: &[String],
    (scope, is_persons): (&Scope, bool),
) -> Result<Option<Words>, StoreError> {
    for identifier in asked {
        let is_opened = match mint.is_own_name(identifier) {
            true => is_persons && scope.holds(PLATFORM_SCOPE),
            false if identifier.contains(' ') => false,
            false => match apis::find_active(db, identifier)? {
                Some(api) => audience::opens(db, &api, (scope, is_persons))?,
                None => false,
            },
        };
        if !is_opened {
            return Ok(None);
        }
    }
    Ok(Some(asked.iter().collect()))
}

/// The APIs that one access token is for, of those that were granted: all, or the ones that the token
/// request names (§2.2). Nothing when it names another one.
pub fn narrow(granted: &Words, asked: &[String]) -> Option<Words> {
    if asked.is_empty() {
        return Some(granted.clone());
    }
    let asked: Words = asked.iter().filter(|identifier| !identifier.contains(' ')).collect();
    (asked.is_within(granted) && !asked.is_empty()).then_some(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_for_what_was_granted_or_less() {
        let granted: Words = ["https://a.example", "https://b.example"].iter().collect();
        let narrowed = |asked: &[&str]| {
            let asked: Vec<String> = asked.iter().map(|identifier| (*identifier).to_owned()).collect();
            narrow(&granted, &asked).map(|words| words.as_str().to_owned())
        };
        assert_eq!(narrowed(&[]).as_deref(), Some("https://a.example https://b.example"));
        assert_eq!(narrowed(&["https://b.example"]).as_deref(), Some("https://b.example"));
        for foreign in ["https://c.example", "https://a.example/", "https://a.example https://b.example", " "] {
            assert_eq!(narrowed(&[foreign]), None, "{foreign}");
        }
        assert_eq!(narrow(&Words::default(), &["https://a.example".to_owned()]), None, "nothing was granted");
    }
}
