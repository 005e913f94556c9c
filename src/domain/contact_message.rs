//! Messages from one person to another through this server
//! (`docs/compatibility/ellipsis.md#finding-and-inviting-people`): neither sees the other's email address. The database
//! stores the sender, the recipient and the time; only the email contains the text.

use diesel::prelude::*;

use super::id::Id;
use super::user::User;
use crate::clock::UnixTime;

/// The maximum number of characters of a message (Gatepost's own limit).
const MAX_CHARACTERS: usize = 2_000;

/// A message that was sent.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::contact_messages)]
pub struct ContactMessage {
    pub id: Id<ContactMessage>,
    pub sender_id: Id<User>,
    pub recipient_id: Id<User>,
    pub created_at: UnixTime,
}

/// The text of a message: plain lines, without characters that could change how the email around them reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageText(String);

/// The text is empty or too long for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("A message has between 1 and 2,000 characters.")]
pub struct InvalidMessage;

/// Whether a character changes the direction of text or overlays other text (UAX 9), or is a line separator that
/// programs do not treat as a line break (UAX 14).
fn turns_around(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

impl MessageText {
    /// Parses the text of a message.
    ///
    /// # Errors
    /// [`InvalidMessage`] when it is empty or too long.
    pub fn parse(text: &str) -> Result<Self, InvalidMessage> {
        let is_kept = |character: &char| *character == '\n' || !(character.is_control() || turns_around(*character));
        let kept: String = text.chars().filter(is_kept).collect();
        let kept = kept.trim();
        if kept.is_empty() || kept.chars().count() > MAX_CHARACTERS {
            Err(InvalidMessage)
        } else {
            Ok(Self(kept.to_owned()))
        }
    }

    /// Returns the lines that are not empty.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.0.lines().map(str::trim).filter(|line| !line.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_lines_of_visible_text() {
        let lines = |text: &str| MessageText::parse(text).map(|text| text.lines().collect::<Vec<_>>().join("|"));
        assert_eq!(lines(" Hello\r\n\r\n\tBob \u{202e}x\u{0}\u{7f} "), Ok("Hello|Bob x".to_owned()));
        assert_eq!(lines("a\u{2028}b\u{2029}c\u{85}d\u{b}e"), Ok("abcde".to_owned()), "each line is marked");
        assert_eq!(lines(&"é".repeat(2_000)).map(|text| text.chars().count()), Ok(2_000));
        for text in ["", " \n ", "\u{202e}", &"é".repeat(2_001)] {
            assert_eq!(lines(text), Err(InvalidMessage), "{text}");
        }
    }
}
