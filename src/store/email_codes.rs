//! The table `email_codes`.

use diesel::prelude::*;

use super::{Database, Result};
use crate::clock::UnixTime;
use crate::domain::email_code::{EmailCode, TRIES};
use crate::domain::id::Id;
use crate::domain::mailed_link::MailedLink;
use crate::domain::session::Session;
use crate::schema::email_codes;

/// The newest code that may be typed in this session.
pub fn find_in(tx: &mut Database, now: UnixTime, session: Id<Session>) -> Result<Option<EmailCode>> {
    let rows = email_codes::table
        .filter(email_codes::session_id.eq(session))
        .filter(email_codes::expires_at.gt(now))
        .filter(email_codes::failures.lt(TRIES))
        .order(email_codes::id.desc());
    let found: Vec<EmailCode> = rows.select(EmailCode::as_select()).load(tx)?;
    Ok(found.into_iter().next())
}

/// Adds one.
pub fn insert(tx: &mut Database, code: &EmailCode) -> Result<()> {
    diesel::insert_into(email_codes::table).values(code).execute(tx)?;
    Ok(())
}

/// Counts a wrong try.
pub fn count_failure(tx: &mut Database, id: Id<MailedLink>) -> Result<()> {
    let row = diesel::update(email_codes::table.filter(email_codes::id.eq(id)));
    row.set(email_codes::failures.eq(email_codes::failures + 1)).execute(tx)?;
    Ok(())
}
