//! What all mailed links have in common: who asked, how many letters an address gets, what ends when a
//! password was replaced by the word of a mailbox.

use super::session::Origin;
use crate::clock::UnixTime;
use crate::domain::mailed_link::{LinkKind, MailedLink};
use crate::domain::remote_session::digest_of_uuid;
use crate::domain::session::browser_in_words;
use crate::domain::user::{EmailAddress, User, fold};
use crate::mail::letters::Asker;
use crate::store::{Database, Result, mailed_links, remembered_browsers, sessions, users};
use crate::tokens::{Mint, revoke, studio};

/// Links to one address in a day (ours): nobody fills a stranger's mailbox by our letters.
const MOST_TO_ONE_ADDRESS: i64 = 10;
/// Seconds in a day.
pub(super) const DAY: i64 = 86_400;

/// Who caused a letter.
pub fn asker(now: UnixTime, origin: &Origin) -> Asker {
    let program = browser_in_words(&origin.user_agent);
    Asker { at: now, address: origin.address.clone(), program }
}

/// Whether an address may be sent another link of these kinds today. Each has its own measure, so that
/// invitations cannot use up what a person needs to recover their account.
pub(super) fn may_send(tx: &mut Database, now: UnixTime, (email, kinds): (&EmailAddress, &[LinkKind])) -> Result<bool> {
    Ok(mailed_links::count_to(tx, now.plus(-DAY), (&fold(email.as_str()), kinds))? < MOST_TO_ONE_ADDRESS)
}

/// The living link of one of these kinds behind a presented secret.
pub(super) fn find_living(
    db: &mut Database,
    now: UnixTime,
    (presented, kinds): (&str, &[LinkKind]),
) -> Result<Option<MailedLink>> {
    let found = mailed_links::find(db, &digest_of_uuid(presented))?;
    Ok(found.filter(|link| kinds.contains(&link.kind) && link.is_alive(now)))
}

/// The living link of one of these kinds, with its active person.
pub(super) fn find_with_person(
    db: &mut Database,
    now: UnixTime,
    (presented, kinds): (&str, &[LinkKind]),
) -> Result<Option<(MailedLink, User)>> {
    let Some(link) = find_living(db, now, (presented, kinds))? else { return Ok(None) };
    let Some(person) = link.user_id else { return Ok(None) };
    Ok(users::find(db, person)?.filter(User::is_active).map(|user| (link, user)))
}

/// Ends what a person's password opened: sessions, user tokens, codes and grants; the generator is made
/// anew (`standards.md`, E-mail). The tokens that they made for themselves end too, or stay.
pub(super) fn end_earlier(
    tx: &mut Database,
    now: UnixTime,
    mint: &Mint,
    (user, ends_own_tokens): (&User, bool),
) -> Result<()> {
    mailed_links::end(tx, now, user.id, &[LinkKind::Reset, LinkKind::ChangeEmail])?;
    if ends_own_tokens {
        // The generator's grant ends with the rest; the next one is made when it is asked for.
        return revoke::everything(tx, now, user.id);
    }
    sessions::end_all(tx, now, user.id)?;
    remembered_browsers::forget_all(tx, user.id)?;
    revoke::given_to_programs(tx, now, user.id, None)?;
    studio::replace_generator(tx, now, mint, (user, false)).map(drop)
}

/// Makes the address of a link the person's, unless somebody else proved it meanwhile. `false` then.
pub(super) fn prove(tx: &mut Database, now: UnixTime, (link, user): (&MailedLink, &User)) -> Result<bool> {
    if users::find_by_login(tx, &link.email_folded)?.is_some_and(|other| other.id != user.id) {
        return Ok(false);
    }
    users::prove_email(tx, now, user.id, (&link.email, &link.email_folded))?;
    Ok(true)
}
