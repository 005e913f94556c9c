//! Forms whose answer is shown once: when a browser sends the same form again (reload, Back), the
//! thing is not made a second time; the person is led to it instead.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::UnixTime;
use crate::domain::bounded::make_room;
use crate::domain::id::Id;
use crate::domain::user::User;

/// Seconds that a sent form is remembered.
const REMEMBERED: i64 = 3_600;
/// Forms that are remembered; beyond it the oldest go.
const MOST: usize = 10_000;
/// The longest number of a form; ours are shorter.
const MAX_NUMBER: usize = 64;

/// The forms that were sent, by person and the number that their page carried.
#[derive(Debug, Default)]
pub struct SentForms(Mutex<Sent>);

/// Who sent which form, when, and where it led.
type Sent = HashMap<(Id<User>, String), (UnixTime, String)>;

impl SentForms {
    fn sent(&self) -> MutexGuard<'_, Sent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a form led when it was sent before; nothing for one that is new, or carries no number.
    pub fn find(&self, now: UnixTime, (user, number): (Id<User>, Option<&str>)) -> Option<String> {
        let sent = self.sent();
        let (at, location) = sent.get(&(user, number?.to_owned()))?;
        (now.since(*at) < REMEMBERED).then(|| location.clone())
    }

    /// Remembers where a form led.
    pub fn remember(&self, now: UnixTime, (user, number): (Id<User>, Option<&str>), location: &str) {
        let Some(number) = number.filter(|number| number.len() <= MAX_NUMBER) else { return };
        let mut sent = self.sent();
        make_room(&mut sent, MOST, |(at, _)| *at);
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
