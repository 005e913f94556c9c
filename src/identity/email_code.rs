//! The six-digit code beside an emailed link: it proves the email address only in the session that requested
//! it. That session is signed in, so the user needs no password. After five wrong codes only the link works.

use super::account::AccountRefusal;
use super::email::{confirm_address, is_still_asked};
use super::session::Origin;
use super::sign_in::SignInContext;
use crate::clock::UnixTime;
use crate::domain::email_code::{EmailCode, TRIES};
use crate::domain::id::Id;
use crate::domain::mailed_link::MailedLink;
use crate::domain::one_time_code::TypedCode;
use crate::domain::secret::Secret;
use crate::domain::session::Session;
use crate::domain::user::User;
use crate::mail::Mail;
use crate::outcome::{Error, transact};
use crate::store::{Database, Result, email_codes, mailed_links, users};
use crate::tokens::session_recheck;

/// Creates the code beside a link. Returns its digits.
pub(super) fn put_beside(
    tx: &mut Database,
    mail: &Mail,
    link: &MailedLink,
    who: (Id<User>, Id<Session>),
) -> Result<Secret> {
    let (digits, code) = EmailCode::new(mail.keys(), link, who);
    email_codes::insert(tx, &code)?;
    Ok(digits)
}

/// Returns the active code that may be typed in this session, with its link and user.
fn find(db: &mut Database, now: UnixTime, session: &Session) -> Result<Option<(EmailCode, MailedLink, User)>> {
    let newest = email_codes::find_newest(db, session.id)?;
    let Some(code) = newest.filter(|code| code.is_alive(now)) else { return Ok(None) };
    let link = mailed_links::find_by_id(db, code.id)?.filter(|link| link.is_alive(now));
    let user = users::find(db, code.user_id)?.filter(|user| user.is_active() && user.id == session.user_id);
    Ok(link.zip(user).filter(|(link, user)| is_still_asked(link, user)).map(|(link, user)| (code, link, user)))
}

/// Returns the email address to which a code was sent that may be typed in this session.
///
/// # Errors
/// When the store fails.
pub fn find_address(db: &mut Database, now: UnixTime, session: &Session) -> Result<Option<String>> {
    Ok(find(db, now, session)?.map(|(_, link, _)| link.email))
}

/// Checks typed digits: the right ones prove the email address, wrong ones are counted. Input that cannot be a
/// code gives a guesser no information, so it is not counted.
///
/// # Errors
/// Wrong digits, input that is no code, or no active code.
pub async fn confirm(
    context: SignInContext<'_>,
    now: UnixTime,
    (session, typed): (&Session, &str),
    origin: &Origin,
) -> std::result::Result<(), Error<AccountRefusal>> {
    let (mail, lifetimes, origin) = (context.mail.clone(), context.lifetimes, origin.clone());
    let session = session.clone();
    let Some(TypedCode::Short(digits)) = TypedCode::parse(typed) else {
        return Err(Error::Refused(AccountRefusal::Invalid("Type the six digits of the letter.".to_owned())));
    };
    transact(context.store, move |tx| {
        let link_ended = || Error::Refused(AccountRefusal::LinkEnded);
        let (session, _) = session_recheck::lock_active(tx, now, &lifetimes, &session)?.ok_or_else(link_ended)?;
        let (code, link, user) = find(tx, now, &session)?.ok_or_else(link_ended)?;
        if !code.is(mail.keys(), &digits) {
            email_codes::count_failure(tx, code.id)?;
            return Err(Error::Refused(AccountRefusal::Invalid(wrong(TRIES - code.failures - 1))));
        }
        confirm_address(tx, now, (&mail, &origin), (&link, &user))
    })
    .await?;
    context.mail.wake();
    Ok(())
}

fn wrong(left: i32) -> String {
    match left {
        0 => {
            "This is not the code, and it was the last try. Open the link in the letter, or send a new one.".to_owned()
        }
        1 => "This is not the code in the letter. You have one more try.".to_owned(),
        left => format!("This is not the code in the letter. You have {left} more tries."),
    }
}
