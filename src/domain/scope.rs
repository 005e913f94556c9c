//! Scopes: what a token may do, in the order of the request (RFC 6749 §3.3).

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::sql_types::Text;

use super::column;

/// The maximum length of a scope, in bytes; longer ones are refused before they are parsed.
const MAX_BYTES: usize = 4_096;
/// The maximum number of scope tokens that a response or a log entry names, and the maximum length of each in bytes
/// (Gatepost's own limits).
const MAX_NAMED: usize = 5;
const MAX_NAMED_BYTES: usize = 64;

/// As many tokens as are compared one by one faster than by their hashes.
const MAX_FEW: usize = 8;

/// The tokens of a scope, for questions whether one is among them.
enum TokenSet<'a> {
    Few(Vec<&'a str>),
    Many(HashSet<&'a str>),
}

impl TokenSet<'_> {
    fn contains(&self, token: &str) -> bool {
        match self {
            Self::Few(tokens) => tokens.contains(&token),
            Self::Many(tokens) => tokens.contains(token),
        }
    }
}

/// An ordered set of scope tokens. It may be empty, for a client without any scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub struct Scope(String);

column::text!(Scope);

/// The text is not a valid scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scope is words of printable ASCII, without quotes and backslashes, with one space between them")]
pub struct InvalidScope;

impl Scope {
    /// Returns the scope tokens, in order.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|token| !token.is_empty())
    }

    /// Whether it contains no scope token.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it contains this scope token.
    pub fn holds(&self, token: &str) -> bool {
        self.tokens().any(|held| held == token)
    }

    fn set(&self) -> TokenSet<'_> {
        let few: Vec<&str> = self.tokens().collect();
        if few.len() <= MAX_FEW { TokenSet::Few(few) } else { TokenSet::Many(few.into_iter().collect()) }
    }

    /// Whether `other` contains all of its scope tokens.
    pub fn is_within(&self, other: &Self) -> bool {
        let other = other.set();
        self.tokens().all(|token| other.contains(token))
    }

    /// Returns the scope tokens that both contain, in the order of this scope.
    pub fn intersection(&self, other: &Self) -> Self {
        let other = other.set();
        Self(self.tokens().filter(|token| other.contains(token)).collect::<Vec<_>>().join(" "))
    }

    /// Returns the scope tokens of both, those of this scope first.
    pub fn union(&self, other: &Self) -> Self {
        let own = self.set();
        let added = other.tokens().filter(|token| !own.contains(token));
        Self(self.tokens().chain(added).collect::<Vec<_>>().join(" "))
    }

    /// Returns the scope without this scope token.
    pub fn without(&self, token: &str) -> Self {
        Self(self.tokens().filter(|held| *held != token).collect::<Vec<_>>().join(" "))
    }

    /// Returns the requested scope for a response or a log entry: its first tokens that are not too long. They are
    /// printable ASCII without quotes.
    pub fn named(&self) -> Option<String> {
        let short: Vec<&str> = self.tokens().filter(|token| token.len() <= MAX_NAMED_BYTES).take(MAX_NAMED).collect();
        let left_out = self.tokens().count() - short.len();
        let more = (left_out > 0).then(|| format!("({left_out} more)"));
        (!short.is_empty()).then(|| short.into_iter().map(str::to_owned).chain(more).collect::<Vec<_>>().join(" "))
    }

    /// Returns the scope as it is stored and sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        if text.len() > MAX_BYTES {
            return Err(InvalidScope);
        }
        let (mut seen, mut kept) = (HashSet::new(), Vec::new());
        for token in text.split(' ').filter(|token| !token.is_empty()) {
            // NQCHAR: %x21 / %x23-5B / %x5D-7E (RFC 6749 Appendix A.4).
            if !token.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
                return Err(InvalidScope);
            }
            if seen.insert(token) {
                kept.push(token);
            }
        }
        Ok(Self(kept.join(" ")))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        text.parse().expect("because it is a scope")
    }

    #[test]
    fn a_scope_keeps_its_order_and_drops_repeats() {
        assert_eq!(scope("b a b").as_str(), "b a");
        assert_eq!(scope("").as_str(), "");
        assert_eq!(scope("a b c").intersection(&scope("c a")).as_str(), "a c");
        assert_eq!(scope("a b").union(&scope("c a")).as_str(), "a b c");
        let many: Vec<String> = (0..100).map(|number| format!("t{number}")).collect();
        let many = scope(&many.join(" "));
        assert_eq!(scope("t99 x t5").intersection(&many).as_str(), "t99 t5");
        assert_eq!(many.intersection(&scope("t99 x t5")).as_str(), "t5 t99");
        assert!(scope("a").is_within(&scope("b a")) && !scope("a b").is_within(&scope("a")));
    }

    #[test]
    fn what_is_named_of_a_scope_is_short() {
        let long = "x".repeat(65);
        assert_eq!(scope("a b").named().as_deref(), Some("a b"));
        assert_eq!(scope("a b c d e f g").named().as_deref(), Some("a b c d e (2 more)"));
        assert_eq!(scope(&format!("{long} a")).named().as_deref(), Some("a (1 more)"));
        assert_eq!((scope(&long).named(), scope("").named()), (None, None));
    }

    #[test]
    fn quotes_controls_and_other_alphabets_are_no_scope() {
        for text in ["a\"b", "a\\b", "a\nb", "ä", "a\u{0}", &"x".repeat(5_000)] {
            assert_eq!(Scope::from_str(text), Err(InvalidScope), "{text}");
        }
    }
}
