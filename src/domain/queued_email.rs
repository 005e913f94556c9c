//! An email that waits to be sent. Its recipient and content are encrypted, so that a copy of the database does not
//! reveal emailed links.

use diesel::prelude::*;

use super::id::Id;
use crate::clock::UnixTime;

/// Seconds after which an email that could not be sent is dropped.
const PATIENCE: i64 = 3 * 86_400;
/// Seconds until the second attempt; each further pause is twice as long.
const FIRST_PAUSE: i64 = 60;
/// The maximum pause between two attempts, in seconds.
const LONGEST_PAUSE: i64 = 3_600;

/// An email in the outbox.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::outbox)]
pub struct QueuedEmail {
    /// The row ID, which the encryption of the email is bound to.
    pub id: Id<QueuedEmail>,
    /// The encrypted email.
    pub message_encrypted: String,
    /// How many attempts to send it have begun.
    pub attempts: i32,
    /// When the next attempt begins.
    pub next_attempt_at: UnixTime,
    pub created_at: UnixTime,
    /// When it is dropped.
    pub expires_at: UnixTime,
}

impl QueuedEmail {
    /// Creates an email that is to be sent at once.
    pub fn new(now: UnixTime, id: Id<Self>, message_encrypted: String) -> Self {
        Self {
            id,
            message_encrypted,
            attempts: 0,
            next_attempt_at: now,
            created_at: now,
            expires_at: now.plus(PATIENCE),
        }
    }

    /// Returns the time of the next attempt if the attempt that begins now fails: after one minute, two, four, … an
    /// hour. The pause is longer than an attempt takes, so that two nodes do not send the same email.
    pub fn after(&self, now: UnixTime) -> UnixTime {
        let doublings = u32::try_from(self.attempts.clamp(0, 6)).unwrap_or(0);
        now.plus((FIRST_PAUSE << doublings).min(LONGEST_PAUSE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_an_hour() {
        let now = UnixTime::from_seconds(1_800_000_000);
        let pause = |attempts| {
            let message = QueuedEmail { attempts, ..QueuedEmail::new(now, Id::from_number(1), String::new()) };
            message.after(now).since(now)
        };
        assert_eq!([0, 1, 2, 5, 6, 7, i32::MAX].map(pause), [60, 120, 240, 1_920, 3_600, 3_600, 3_600]);
    }
}
