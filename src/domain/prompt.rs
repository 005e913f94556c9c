//! The `prompt` parameter of an authorization request (OpenID Connect Core §3.1.2.1).

use std::str::FromStr;

/// The values of the parameter, each present or absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    /// Show no page: answer at once, or answer with the error that names the page.
    pub none: bool,
    /// Ask the person to authenticate again.
    pub login: bool,
    /// Ask for consent, even to what was allowed before.
    pub consent: bool,
    /// Let the person choose the account.
    pub select_account: bool,
    /// Offer to create an account (Initiating User Registration 1.0 §4).
    pub create: bool,
}

/// `none` is combined with another value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("prompt=none stands alone")]
pub struct InvalidPrompt;

impl FromStr for Prompt {
    type Err = InvalidPrompt;

    /// Unknown values are ignored, so that extensions can be introduced (§3.1.2.1).
    fn from_str(text: &str) -> Result<Self, InvalidPrompt> {
        let has = |value: &str| text.split(' ').any(|asked| asked == value);
        let others = text.split(' ').any(|asked| !asked.is_empty() && asked != "none");
        if has("none") && others {
            return Err(InvalidPrompt);
        }
        Ok(Self {
            none: has("none"),
            login: has("login"),
            consent: has("consent"),
            select_account: has("select_account"),
            create: has("create"),
        })
    }
}

/// Whether a text contains `none`, even when it is not valid as a whole.
pub fn is_silent(text: &str) -> bool {
    text.split(' ').any(|asked| asked == "none")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_combine_but_none_stands_alone() {
        let both = "consent login".parse::<Prompt>();
        assert_eq!(both, Ok(Prompt { login: true, consent: true, ..Prompt::default() }));
        assert_eq!("none".parse::<Prompt>(), Ok(Prompt { none: true, ..Prompt::default() }));
        assert_eq!("Login telepathy".parse::<Prompt>(), Ok(Prompt::default()), "unknown ones are ignored");
        for text in ["none login", "consent none", "none telepathy"] {
            assert_eq!((text.parse::<Prompt>(), is_silent(text)), (Err(InvalidPrompt), true), "{text}");
        }
    }
}
