//! Lists that are stored as text, separated by spaces. An entry with white space cannot be in a list.

use std::collections::HashSet;
use std::str::FromStr;

use diesel::deserialize::FromSqlRow;
use diesel::expression::AsExpression;
use diesel::sql_types::Text;

use super::address::is_unbroken;
use super::column;

/// A list of words.
#[derive(Clone, Debug, Default, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub struct SpaceSeparated(String);

column::text!(SpaceSeparated);

impl SpaceSeparated {
    /// Returns the words, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ').filter(|word| !word.is_empty())
    }

    /// Returns the words as owned text.
    pub fn to_vec(&self) -> Vec<String> {
        self.iter().map(str::to_owned).collect()
    }

    /// Whether the list contains this word.
    pub fn contains(&self, word: &str) -> bool {
        self.iter().any(|held| held == word)
    }

    fn set(&self) -> HashSet<&str> {
        self.iter().collect()
    }

    /// Whether the list contains no word.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `other` contains every word of the list.
    pub fn is_within(&self, other: &Self) -> bool {
        let other = other.set();
        self.iter().all(|word| other.contains(word))
    }

    /// Returns the words of this list, then those that only `other` contains.
    pub fn union(&self, other: &Self) -> Self {
        let own = self.set();
        self.iter().chain(other.iter().filter(|word| !own.contains(word))).collect()
    }

    /// Returns the words in alphabetical order, so that equal lists are equal texts.
    pub fn sorted(&self) -> Self {
        let mut words: Vec<&str> = self.iter().collect();
        words.sort_unstable();
        words.into_iter().collect()
    }

    /// Returns the list without this word.
    pub fn without(&self, word: &str) -> Self {
        self.iter().filter(|held| *held != word).collect()
    }

    /// Returns the list as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: AsRef<str>> FromIterator<T> for SpaceSeparated {
    /// A text with white space would be read back as several words, so it is omitted.
    fn from_iter<I: IntoIterator<Item = T>>(words: I) -> Self {
        let is_word = |word: &T| !word.as_ref().is_empty() && is_unbroken(word.as_ref());
        let words: Vec<T> = words.into_iter().filter(is_word).collect();
        Self(words.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(" "))
    }
}

impl FromStr for SpaceSeparated {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.split_ascii_whitespace().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_comes_back_as_several_words() {
        let words: SpaceSeparated = ["a", "b c", "", " ", "d\te", "f\u{a0}g", "h"].iter().collect();
        assert_eq!(words.to_vec(), ["a", "h"]);
    }
}
