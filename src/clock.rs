//! Time as an input: read once per request from the [`Clock`], passed on as [`UnixTime`].

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat, Utc};
use diesel::deserialize::{FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::sql_types::BigInt;

use crate::domain::column;

/// Seconds since 1970-01-01T00:00:00Z, the only time type that is stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, AsExpression, FromSqlRow)]
#[diesel(sql_type = BigInt)]
pub struct UnixTime(i64);

column::integer!(UnixTime);

impl UnixTime {
    /// Returns the time that is `seconds` after 1970-01-01T00:00:00Z.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Returns the seconds since 1970-01-01T00:00:00Z.
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// Returns this time plus `seconds`; it saturates instead of wrapping around.
    pub const fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to this time (negative when it is later).
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Formats the time by RFC 3339 in UTC with milliseconds, for programs.
    pub fn rfc3339(self) -> String {
        self.utc().to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    /// Formats the day and minute in UTC, for people.
    pub fn readable(self) -> String {
        self.utc().format("%-d %b %Y, %H:%M UTC").to_string()
    }

    /// Converts the time for chrono, the type that oxide-auth takes.
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.0, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}

/// Formats a duration in words, without its sign, rounded to the nearest unit: `3 days`, `1 minute`, `a
/// moment`.
pub fn in_words(seconds: i64) -> String {
    let seconds = seconds.unsigned_abs();
    let (count, unit) = match seconds {
        0..60 => return "a moment".to_owned(),
        60..3_570 => ((seconds + 30) / 60, "minute"),
        3_570..171_000 => ((seconds + 1_800) / 3_600, "hour"),
        _ => ((seconds + 43_200) / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// The source of the time: the system, or a test that moves it forward.
#[derive(Clone)]
pub enum Clock {
    System,
    /// A test clock in seconds since 1970: it stays the same until it is advanced, and only moves forward.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// Makes a test clock that shows `now`.
    pub fn manual(now: UnixTime) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(now.0)))
    }

    /// Returns the current time, rounded down to a second.
    pub fn now(&self) -> UnixTime {
        UnixTime(self.milliseconds().div_euclid(1_000))
    }

    /// Returns the milliseconds since 1970; a new id starts with them.
    pub fn milliseconds(&self) -> i64 {
        match self {
            #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
            Self::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)),
            Self::Manual(seconds) => seconds.load(Ordering::SeqCst).saturating_mul(1_000),
        }
    }

    /// Moves a manual clock forward; does nothing for the system's clock.
    pub fn advance(&self, seconds: u32) {
        if let Self::Manual(now) = self {
            now.fetch_add(i64::from(seconds), Ordering::SeqCst);
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Clock({:?})", self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_said_in_the_unit_that_a_person_would_use() {
        let cases = [(0, "a moment"), (60, "1 minute"), (3_569, "59 minutes"), (3_570, "1 hour"), (86_399, "24 hours")];
        for (seconds, words) in
            cases.into_iter().chain([(86_400, "24 hours"), (259_195, "3 days"), (-120, "2 minutes")])
        {
            assert_eq!(in_words(seconds), words, "{seconds}");
        }
    }
}
