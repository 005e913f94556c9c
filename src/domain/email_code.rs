//! Six digits beside a mailed link, for the browser that asked for it: who reads the letter on another
//! device types them instead of opening the link there.

use aws_lc_rs::rand;
use diesel::prelude::*;

use super::base_key::BaseKeys;
use super::id::Id;
use super::mailed_link::MailedLink;
use super::secret::{Secret, sha256_base64url};
use super::session::Session;
use super::user::User;
use crate::clock::UnixTime;

/// Tries at one code.
pub const TRIES: i32 = 5;
/// The label under which codes are digested. A bare digest of six digits would be no secret.
const LABEL: &str = "email-code";

/// One code.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::schema::email_codes)]
pub struct EmailCode {
    /// The link that it stands beside, and ends with.
    pub id: Id<MailedLink>,
    /// Whose address is asked about.
    pub user_id: Id<User>,
    /// The one session that it works in.
    pub session_id: Id<Session>,
    /// What the typed digits are judged by.
    pub digest: String,
    /// Wrong tries.
    pub failures: i32,
    /// When it ends.
    pub expires_at: UnixTime,
}

impl EmailCode {
    /// A code beside a link, with its digits. Nothing when the base key is gone.
    pub fn new(keys: &BaseKeys, link: &MailedLink, (user, session): (Id<User>, Id<Session>)) -> Option<(Secret, Self)> {
        let digits = Secret::new(random_digits());
        let digest = digest(keys, keys.current(), link.id, &digits)?;
        let (id, expires_at) = (link.id, link.expires_at);
        Some((digits, Self { id, user_id: user, session_id: session, digest, failures: 0, expires_at }))
    }

    /// Whether these digits were mailed; spaces and hyphens between them do not count.
    pub fn is(&self, keys: &BaseKeys, typed: &str) -> bool {
        let digits: String =
            typed.chars().filter(|character| !character.is_whitespace() && *character != '-').collect();
        let number = self.digest.split_once(':').and_then(|(number, _)| number.parse().ok());
        let expected = number.and_then(|number| digest(keys, number, self.id, &Secret::new(digits)));
        // Equal time is not needed: both sides are digests under a key that nobody outside has.
        expected.is_some_and(|expected| expected == self.digest)
    }

    /// Whether another try is allowed.
    pub fn is_alive(&self, now: UnixTime) -> bool {
        self.failures < TRIES && now < self.expires_at
    }
}

fn digest(keys: &BaseKeys, number: i32, link: Id<MailedLink>, digits: &Secret) -> Option<String> {
    let context: [&[u8]; 2] = [&link.number().to_be_bytes(), digits.expose().as_bytes()];
    Some(format!("{number}:{}", sha256_base64url(&keys.derive::<32>(number, LABEL, &context)?)))
}

fn random_digits() -> String {
    let mut bytes = [0_u8; 8];
    rand::fill(&mut bytes).expect("because the operating system's randomness is always available");
    // 64 bits over a million values: no digit is likelier than another by more than 10⁻¹³.
    format!("{:06}", u64::from_be_bytes(bytes) % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::mailed_link::LinkKind;

    #[test]
    fn a_code_fits_its_own_link_however_it_is_pasted() {
        let (keys, now) = (BaseKeys::generate(), UnixTime::from_seconds(1_800_000_000));
        let to = "ann@example.com".parse().expect("because it is an address");
        let link = || MailedLink::new(now, 60, (LinkKind::ValidateEmail, None), &to).1;
        let (mine, other) = (link(), link());
        let make = |link| EmailCode::new(&keys, link, (Id::from_number(1), Id::from_number(2)));
        let (digits, code) = make(&mine).expect("because the key is there");
        let text = digits.expose();
        assert!(text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit()), "{text}");
        for typed in
            [text.to_owned(), format!(" {} {}\n", &text[..3], &text[3..]), format!("{}-{}", &text[..3], &text[3..])]
        {
            assert!(code.is(&keys, &typed), "{typed}");
        }
        let next = format!("{:06}", (text.parse::<u32>().unwrap_or_default() + 1) % 1_000_000);
        for typed in ["", &next, &format!("{text}0"), "１２３４５６", &"9".repeat(10_000)] {
            assert!(!code.is(&keys, typed), "{typed}");
        }
        assert!(!EmailCode { id: other.id, ..code.clone() }.is(&keys, text), "another link's");
        assert!(!code.is(&BaseKeys::generate(), text) && !code.digest.contains(text));
        assert!(code.is_alive(now) && !code.is_alive(now.plus(60)));
        assert!(!EmailCode { failures: TRIES, ..code }.is_alive(now));
    }
}
