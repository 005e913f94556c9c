//! Remembers submitted forms whose result is shown once. When a browser submits the same form again (reload,
//! Back), nothing is created twice, and the person is redirected to the first result.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::UnixTime;
use crate::domain::bounded::remove_oldest_when_full;
use crate::domain::id::Id;
use crate::domain::user::User;

/// How long a submitted form is remembered, in seconds.
const REMEMBERED: i64 = 3_600;
/// The maximum number of remembered forms; the oldest are removed first.
const MOST: usize = 10_000;
/// The maximum length of a form number, which is longer than those of this server.
const MAX_NUMBER: usize = 64;

/// The submitted forms, by person and by the number that the page contained.
#[derive(Debug, Default)]
pub struct SentForms(Mutex<Sent>);

/// Maps person and form number to the time of the submission and the address of its result.
type Sent = HashMap<(Id<User>, String), (UnixTime, String)>;

impl SentForms {
    fn sent(&self) -> MutexGuard<'_, Sent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the address of the result when the form was submitted before. Returns `None` for a new form,
    /// or one without a number.
    pub fn find(&self, now: UnixTime, (user, number): (Id<User>, Option<&str>)) -> Option<String> {
        let sent = self.sent();
        let (at, location) = sent.get(&(user, number?.to_owned()))?;
        (now.since(*at) < REMEMBERED).then(|| location.clone())
    }

    /// Remembers the address of a form's result.
    pub fn remember(&self, now: UnixTime, (user, number): (Id<User>, Option<&str>), location: &str) {
        let Some(number) = number.filter(|number| number.len() <= MAX_NUMBER) else { return };
        let mut sent = self.sent();
        remove_oldest_when_full(&mut sent, MOST, |(at, _)| *at);
        sent.insert((user, number.to_owned()), (now, location.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leads_where_it_led_before_for_its_own_person_and_for_an_hour() {
        let (sent_forms, now) = (SentForms::default(), UnixTime::from_seconds(1_800_000_000));
        let (alice, bob) = (Id::from_number(1), Id::from_number(2));
        sent_forms.remember(now, (alice, Some("n")), "/x");
        assert_eq!(sent_forms.find(now, (alice, Some("n"))).as_deref(), Some("/x"));
        assert_eq!(sent_forms.find(now, (bob, Some("n"))), None);
        assert_eq!(sent_forms.find(now, (alice, None)), None);
        assert_eq!(sent_forms.find(now.plus(3_600), (alice, Some("n"))), None);
    }

    #[test]
    fn a_flood_of_forms_makes_the_oldest_go_and_the_newest_stay() {
        let (sent_forms, now) = (SentForms::default(), UnixTime::from_seconds(1_800_000_000));
        let user = Id::from_number(1);
        for number in 0..25_000 {
            sent_forms.remember(now.plus(number / 1_000), (user, Some(&number.to_string())), "/x");
            assert_eq!(
                sent_forms.find(now.plus(number / 1_000), (user, Some(&number.to_string()))).as_deref(),
                Some("/x")
            );
        }
        assert!(sent_forms.sent().len() <= MOST);
        assert_eq!(sent_forms.find(now.plus(25), (user, Some("0"))), None);
        sent_forms.remember(now, (user, Some(&"n".repeat(65))), "/x");
        assert_eq!(sent_forms.find(now, (user, Some(&"n".repeat(65)))), None, "no number of ours");
    }
}
