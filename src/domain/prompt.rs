//! How an application wants its person to be asked (OpenID Connect Core §3.1.2.1, `prompt`).

use std::str::FromStr;

/// What the application asks for, each value once or not at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    /// Show nothing: answer at once, or say what would have to be shown.
    pub none: bool,
    /// Let the person prove again who they are.
    pub login: bool,
    /// Ask even for what was allowed before.
    pub consent: bool,
    /// Let the person choose the account.
    pub select_account: bool,
    /// Offer to make an account (Initiating User Registration 1.0 §4).
    pub create: bool,
}

/// `none` cannot be combined with anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("prompt=none stands alone")]
pub struct InvalidPrompt;

impl FromStr for Prompt {
    type Err = InvalidPrompt;

    /// Values that we do not know are ignored, so that extensions can be phased in (§3.1.2.1).
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

/// Whether a text asks for silence, even one that cannot be taken as a whole.
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
