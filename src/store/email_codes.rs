//! The table `email_codes`.

use diesel::prelude::*;

use super::{Database, Result, on};
use crate::domain::email_code::EmailCode;
use crate::domain::id::Id;
use crate::domain::mailed_link::MailedLink;
use crate::domain::session::Session;
use crate::schema::email_codes;

/// Finds the newest code of a session, whether or not it is still valid: a used code replaces earlier ones.
pub fn find_newest(tx: &mut Database, session: Id<Session>) -> Result<Option<EmailCode>> {
    let rows = email_codes::table.filter(email_codes::session_id.eq(session)).order(email_codes::id.desc());
    Ok(on!(tx, |c| rows.select(EmailCode::as_select()).limit(1).get_result(c)).optional()?)
}

/// Inserts a new email code.
pub fn insert(tx: &mut Database, code: &EmailCode) -> Result<()> {
    on!(tx, |c| diesel::insert_into(email_codes::table).values(code).execute(c))?;
    Ok(())
}

/// Counts a wrong attempt with a code.
pub fn count_failure(tx: &mut Database, id: Id<MailedLink>) -> Result<()> {
    let row = diesel::update(email_codes::table.filter(email_codes::id.eq(id)));
    on!(tx, |c| row.set(email_codes::failures.eq(email_codes::failures + 1)).execute(c))?;
    Ok(())
}
