//! A letter that waits to be sent. Who it goes to and what it says is sealed: a copy of the database
//! opens no mailed link.

use diesel::prelude::*;

use super::id::Id;
use crate::clock::UnixTime;

/// Seconds after which a letter that could not be sent is given up.
const PATIENCE: i64 = 3 * 86_400;
/// Seconds until the first second try; the pause doubles from there.
const FIRST_PAUSE: i64 = 60;
/// The longest pause between two tries, in seconds.
const LONGEST_PAUSE: i64 = 3_600;

/// One letter in the outbox.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::letters)]
pub struct QueuedEmail {
    /// The row; the letter is sealed for it.
    pub id: Id<QueuedEmail>,
    /// The letter.
    pub sealed: String,
    /// How often somebody tried to send it.
    pub attempts: i32,
    /// When it is tried next.
    pub next_attempt_at: UnixTime,
    /// When it was written.
    pub created_at: UnixTime,
    /// When it is given up.
    pub expires_at: UnixTime,
}

impl QueuedEmail {
    /// A letter that is to be sent at once.
    pub fn new(now: UnixTime, id: Id<Self>, sealed: String) -> Self {
        Self { id, sealed, attempts: 0, next_attempt_at: now, created_at: now, expires_at: now.plus(PATIENCE) }
    }

    /// When it is tried again if the try that begins now fails: after one minute, two, four, … an hour.
    /// Longer than a try takes, so that two nodes do not send one letter twice.
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
