//! Six digits beside an emailed link, for the browser that requested the email: a person who reads it on another device
//! types the digits instead of opening the link there.

use diesel::prelude::*;

use super::base_key::BaseKeys;
use super::id::Id;
use super::mailed_link::MailedLink;
use super::one_time_code::{self, new_mailed_code};
use super::secret::Secret;
use super::session::Session;
use super::user::User;
use crate::clock::UnixTime;

/// How many wrong attempts one code allows.
pub const TRIES: i32 = 5;
/// The label under which the codes are digested.
const LABEL: &str = "email-code";

/// An emailed code as it is stored.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::email_codes)]
pub struct EmailCode {
    /// The emailed link that contains the code; both expire together.
    pub id: Id<MailedLink>,
    /// The person whose email address is to be verified.
    pub user_id: Id<User>,
    /// The session that the code is valid in.
    pub session_id: Id<Session>,
    /// The digest that the typed digits are compared with.
    pub digest: String,
    /// Wrong attempts so far.
    pub failures: i32,
    pub expires_at: UnixTime,
}

impl EmailCode {
    /// Creates a code for a link, and returns its digits with it.
    pub fn new(keys: &BaseKeys, link: &MailedLink, (user, session): (Id<User>, Id<Session>)) -> (Secret, Self) {
        let digits = new_mailed_code();
        let digest = one_time_code::digest(keys, (LABEL, link.id.number()), &digits);
        let (id, expires_at) = (link.id, link.expires_at);
        (digits, Self { id, user_id: user, session_id: session, digest, failures: 0, expires_at })
    }

    /// Whether these are the digits of the code.
    pub fn is(&self, keys: &BaseKeys, digits: &Secret) -> bool {
        one_time_code::matches(keys, (LABEL, self.id.number()), digits, &self.digest)
    }

    /// Whether another attempt is allowed.
    pub fn is_alive(&self, now: UnixTime) -> bool {
        self.failures < TRIES && now < self.expires_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::mailed_link::LinkKind;

    #[test]
    fn a_code_fits_its_own_link_for_as_long_as_that_lives_and_five_tries() {
        let (keys, now) = (BaseKeys::generate(), UnixTime::from_seconds(1_800_000_000));
        let to = "ann@example.com".parse().expect("because it is an address");
        let link = || MailedLink::new(now, 60, (LinkKind::ValidateEmail, None), &to).1;
        let (mine, other) = (link(), link());
        let make = |link| EmailCode::new(&keys, link, (Id::from_number(1), Id::from_number(2)));
        let (digits, code) = make(&mine);
        let next = (digits.expose().parse::<u32>().unwrap_or_default() + 1) % 1_000_000;
        assert!(code.is(&keys, &digits) && !code.is(&keys, &Secret::new(format!("{next:06}"))));
        assert!(!EmailCode { id: other.id, ..code.clone() }.is(&keys, &digits), "another link's");
        assert!(!code.digest.contains(digits.expose()));
        assert!(code.is_alive(now) && !code.is_alive(now.plus(60)));
        assert!(EmailCode { failures: TRIES - 1, ..code.clone() }.is_alive(now));
        assert!(!EmailCode { failures: TRIES, ..code }.is_alive(now));
    }
}
